//! `groupkeeper fmt`

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::Exit;
use super::print::coloured;
use crate::authoring::format::{NotFormatted, format};
use crate::authoring::{Files, SourceFile, refusal};

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// Rules directories or files; `-` formats standard input to standard output
    #[arg(default_value = "rules")]
    paths: Vec<PathBuf>,
    /// Change nothing; name the files that are not formatted and end with 2 if there are any
    #[arg(long)]
    check: bool,
    /// What standard input is called; without it, what has a [[test]] is a test file
    #[arg(long, value_name = "NAME")]
    stdin_name: Option<String>,
}

pub(super) fn run(arguments: &Arguments) -> Exit {
    if arguments.paths == [Path::new("-")] {
        return standard_input(arguments);
    }
    let (mut files, mut unreadable) = (Vec::new(), Vec::new());
    for path in &arguments.paths {
        match Files::read(path, |_| true) {
            Ok(read) => {
                files.extend(read.texts);
                unreadable.extend(read.unreadable);
            }
            Err(error) => {
                eprintln!("groupkeeper: {}: {}", path.display(), refusal(&error));
                return Exit::Usage;
            }
        }
    }
    let mut exit = Exit::Fine;
    for told in &unreadable {
        eprintln!("{}\n", told.render(coloured(&io::stderr())));
        exit = Exit::Rules;
    }
    let mut changed = 0;
    for file in &files {
        match one(file, arguments.check) {
            Ok(false) => {}
            Ok(true) => {
                changed += 1;
                println!("{}", file.0);
            }
            Err(worse) => exit = exit.max(worse),
        }
    }
    let done = if arguments.check { "not formatted" } else { "formatted anew" };
    eprintln!("{changed} of {} files {done}", files.len());
    if arguments.check && changed > 0 { exit.max(Exit::Rules) } else { exit }
}

/// Formats one file; whether it was (or with `check`: would be) changed.
fn one((name, text): &SourceFile, check: bool) -> Result<bool, Exit> {
    let formatted = format(name, text).map_err(|why| told(name, &why))?;
    if formatted == *text {
        return Ok(false);
    }
    if !check {
        replace(Path::new(name), &formatted).map_err(|error| {
            eprintln!("groupkeeper: {name} cannot be written: {error}");
            Exit::Usage
        })?;
    }
    Ok(true)
}

fn standard_input(arguments: &Arguments) -> Exit {
    let mut text = String::new();
    if let Err(error) = io::stdin().read_to_string(&mut text) {
        eprintln!("groupkeeper: standard input cannot be read: {error}");
        return Exit::Usage;
    }
    let tests = text.lines().any(|line| line.trim_start().starts_with("[[test]]"));
    let guess = if tests { "standard input.test.toml" } else { "standard input" };
    let name = arguments.stdin_name.as_deref().unwrap_or(guess);
    match format(name, &text) {
        Ok(formatted) if arguments.check => {
            if formatted == text {
                Exit::Fine
            } else {
                println!("{name}");
                Exit::Rules
            }
        }
        Ok(formatted) => {
            super::print::exact(&formatted);
            Exit::Fine
        }
        Err(why) => told(name, &why),
    }
}

/// Says why a file is left alone.
fn told(name: &str, why: &NotFormatted) -> Exit {
    match why {
        NotFormatted::Mistakes(mistakes) => {
            let color = coloured(&io::stderr());
            mistakes.iter().for_each(|mistake| eprintln!("{}\n", mistake.render(color)));
            Exit::Rules
        }
        NotFormatted::Meaning => {
            eprintln!("groupkeeper: {name}: {why}; please report it with the file");
            Exit::OurFault
        }
    }
}

/// Writes beside the file and renames, so that a crash (or a service that is reading) never sees half of it.
/// A link keeps pointing where it does.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let path = fs::canonicalize(path)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = path.with_file_name(format!(".{name}.fmt"));
    let written = fs::write(&beside, text)
        .and_then(|()| fs::set_permissions(&beside, fs::metadata(&path)?.permissions()))
        .and_then(|()| fs::rename(&beside, &path));
    if written.is_err() {
        // What is left of it may not be there; the error that counts is the first one.
        let _ = fs::remove_file(&beside);
    }
    written
}
