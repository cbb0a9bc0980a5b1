//! `groupkeeper why-not`

use super::print::coloured;
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
        Ok(told) => print!("{}", told.render(coloured(&std::io::stdout()))),
        Err(trouble) => {
            eprintln!("groupkeeper: {trouble}");
            return Exit::Usage;
        }
    }
    Exit::Fine
}
