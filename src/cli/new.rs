//! `groupkeeper new`

use std::path::PathBuf;

use super::Exit;
use crate::authoring::presets::{PRESETS, Preset};
use crate::rule::suggest::closest;

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The preset; left out, all are listed
    name: Option<String>,
    /// What the rule is called; left out, as the preset, with a number if that is taken
    #[arg(long = "as", value_name = "ID", requires = "name")]
    id: Option<String>,
    /// The directory that it is written into
    #[arg(long, value_name = "DIRECTORY", default_value = "rules")]
    into: PathBuf,
}

pub(super) fn run(arguments: &Arguments) -> Exit {
    let Some(name) = &arguments.name else {
        list();
        return Exit::Fine;
    };
    let Some(preset) = Preset::find(name) else {
        let names = PRESETS.iter().map(|preset| preset.name);
        let meant = closest(name, names).map(|name| format!("; did you mean `{name}`?"));
        eprintln!("groupkeeper: there is no preset `{name}`{}", meant.unwrap_or_default());
        eprintln!("`groupkeeper new` lists them");
        return Exit::Usage;
    };
    match preset.place(&arguments.into, arguments.id.as_deref()) {
        Ok(placed) => {
            println!("wrote {} ({})", placed.rules.display(), placed.told());
            println!("wrote {}", placed.tests.display());
            println!(
                "\nRead the comment at the top of {}, adjust the rule, then:",
                placed.rules.display()
            );
            println!("  groupkeeper check {}", arguments.into.display());
            println!(
                "  groupkeeper test {} --filter {}",
                arguments.into.display(),
                placed.filter()
            );
            Exit::Fine
        }
        Err(why) => {
            eprintln!("groupkeeper: {why}");
            Exit::Usage
        }
    }
}

fn list() {
    let width = PRESETS.iter().map(|preset| preset.name.len()).max().unwrap_or(0);
    for preset in PRESETS {
        println!("{:width$}  {}", preset.name, preset.about());
    }
    println!("\n`groupkeeper new NAME` writes the rule and its tests into rules/.");
}
