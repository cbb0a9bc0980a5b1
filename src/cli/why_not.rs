//! `groupkeeper why-not`

use std::io::IsTerminal;

use super::{Exit, recorded};

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The rule
    rule: String,
    #[command(flatten)]
    about: recorded::About,
}

pub(super) fn run(arguments: &Arguments) -> Exit {
    let told = arguments.about.open().and_then(|case| case.why_not(&arguments.rule));
    match told {
        Ok(told) if arguments.about.json => println!("{}", serde_json::json!(told)),
        Ok(told) => print!("{}", told.render(std::io::stdout().is_terminal())),
        Err(trouble) => {
            eprintln!("groupkeeper: {trouble}");
            return Exit::Usage;
        }
    }
    Exit::Fine
}
