//! `groupkeeper why`

use super::{Exit, recorded};

#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    about: recorded::About,
    /// Show also the rules that do not listen to the event
    #[arg(long)]
    all: bool,
}

pub(super) fn run(arguments: &Arguments) -> Exit {
    let case = match arguments.about.open() {
        Ok(case) => case,
        Err(trouble) => {
            eprintln!("groupkeeper: {trouble}");
            return Exit::Usage;
        }
    };
    let told = case.why();
    if arguments.about.json {
        println!("{}", serde_json::json!(told));
    } else {
        print!("{}", told.render(arguments.all));
    }
    Exit::Fine
}
