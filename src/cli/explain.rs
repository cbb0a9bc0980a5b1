//! `groupkeeper explain`

use super::Exit;
use crate::rule::explain;

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// A code of `check`; without one, all codes are listed
    code: Option<String>,
}

pub(super) fn run(arguments: &Arguments) -> Exit {
    let Some(code) = &arguments.code else {
        for code in explain::codes() {
            let page = explain::explain(code).unwrap_or_default();
            let title = page.lines().next().unwrap_or_default().trim_start_matches(['#', ' ']);
            println!("{code}  {}", title.trim_start_matches(code).trim_start_matches([':', ' ']));
        }
        return Exit::Fine;
    };
    match explain::explain(code) {
        Some(page) => {
            println!("{}", page.trim_end());
            Exit::Fine
        }
        None => {
            eprintln!("there is no code `{code}`; `groupkeeper explain` lists them");
            Exit::Usage
        }
    }
}
