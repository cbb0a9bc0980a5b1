//! `groupkeeper schema`

use std::io;
use std::path::{Path, PathBuf};

use super::Exit;
use crate::authoring::schema::{Language, schema};

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// Of which files
    #[arg(value_enum, default_value_t = Of::Rules)]
    of: Of,
    /// Write both schemas into this directory, and say how an editor finds them
    #[arg(long, value_name = "DIRECTORY", conflicts_with = "of")]
    write: Option<PathBuf>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Of {
    /// Rule files
    Rules,
    /// Test files (*.test.toml)
    Tests,
}

pub(super) fn run(arguments: &Arguments) -> Exit {
    let Some(directory) = &arguments.write else {
        let of = match arguments.of {
            Of::Rules => Language::Rules,
            Of::Tests => Language::Tests,
        };
        println!("{:#}", schema(of));
        return Exit::Fine;
    };
    match write(directory) {
        Ok(()) => Exit::Fine,
        Err(error) => {
            eprintln!("groupkeeper: {}: {error}", directory.display());
            Exit::Usage
        }
    }
}

fn write(directory: &Path) -> io::Result<()> {
    std::fs::create_dir_all(directory)?;
    for of in [Language::Rules, Language::Tests] {
        let path = directory.join(of.file_name());
        std::fs::write(&path, format!("{:#}\n", schema(of)))?;
        println!("wrote {}", path.display());
    }
    println!("{}", hints(directory));
    Ok(())
}

/// What to put where, so that an editor uses the schemas.
fn hints(directory: &Path) -> String {
    let directory = directory.display();
    let (rules, tests) = (Language::Rules.file_name(), Language::Tests.file_name());
    format!(
        r#"
For taplo (Even Better TOML in VS Code, Helix, Neovim), in .taplo.toml beside the rules directory:

  [[rule]]
  include = ["rules/**/*.toml"]
  exclude = ["**/*.test.toml"]
  [rule.schema]
  path = "{directory}/{rules}"

  [[rule]]
  include = ["**/*.test.toml"]
  [rule.schema]
  path = "{directory}/{tests}"

For tombi, in tombi.toml there (the first that fits counts):

  toml-version = "v1.1.0"

  [[schemas]]
  path = "{directory}/{tests}"
  include = ["**/*.test.toml"]

  [[schemas]]
  path = "{directory}/{rules}"
  include = ["rules/**/*.toml"]

Or in one file alone, as its first line, with a blank line below it; of a file in rules/, for instance:

  #:schema ../{directory}/{rules}"#
    )
}
