//! Commands and exit codes. Data goes to stdout, everything else to stderr.

// First: its macros stand for those of the standard library in all that follows.
#[macro_use]
mod print;

mod backup;
mod check;
mod compact;
mod demo;
mod exit;
mod explain;
mod fmt;
mod fsck;
mod healthcheck;
mod listing;
mod new;
mod outbox;
mod plan;
mod quarantine;
mod reconcile;
mod recorded;
mod replay;
mod restore;
mod sanctions;
mod schema;
mod serve;
mod simulate;
mod test;
mod usersig;
mod why;
mod why_not;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Parser, Subcommand};

pub use exit::Exit;

#[derive(Parser)]
#[command(
    name = "groupkeeper",
    version,
    about = "Keeps the groups of a Tencent Cloud Chat app in order",
    long_about = "Keeps the groups of a Tencent Cloud Chat app in order: receives the app's callbacks, \
                  decides by the rules in a directory, and makes the matching REST calls. What was \
                  answered is on disk; what was decided is carried out; a timed mute ends.",
    after_help = "Exit codes: 0 fine, 1 usage or configuration, or output that cannot be written (fsck: \
                  something was found), 2 rules wrong, 3 a rule test failed or a play went otherwise, \
                  70 our fault.\nBegin with: groupkeeper demo"
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the service: take callbacks, decide, call Chat
    Serve(serve::Arguments),
    /// Show everything at work on a simulated Chat: no account, no configuration, no network
    Demo(demo::Arguments),
    /// Check the rules of a directory and print everything that is wrong with them
    Check(check::Arguments),
    /// Run the rule tests (*.test.toml) of a directory on a virtual clock
    Test(test::Arguments),
    /// Write a rule and its tests from a preset, or list the presets
    New(new::Arguments),
    /// Format rule files and test files
    Fmt(fmt::Arguments),
    /// Print the JSON Schema of rule files or test files, for editors
    Schema(schema::Arguments),
    /// Tell what a change of the rules does: to rules, to their state, and to the last days
    Plan(plan::Arguments),
    /// Let recorded events run through rules, with nothing sent
    Replay(replay::Arguments),
    /// Tell for every rule why it acted, or did not act, on an event
    Why(why::Arguments),
    /// Tell step by step how far one rule came with an event
    WhyNot(why_not::Arguments),
    /// Show what a running service has to do; release or discard what a limit holds back
    Outbox(outbox::Arguments),
    /// Show what was set aside because of a bug or an unreadable record; try it again, or drop it
    Quarantine(quarantine::Arguments),
    /// Have a running service compare groups with Chat: callbacks get lost
    Reconcile(reconcile::Arguments),
    /// Show who is muted, banned or has a role for a time; lift it, or give it another end
    Sanctions(sanctions::Arguments),
    /// Write the whole store to a file, while the service runs or when it is stopped
    Backup(backup::Arguments),
    /// Make a store out of a backup
    Restore(restore::Arguments),
    /// Look over the store of a stopped service, and repair what can be repaired
    Fsck(fsck::Arguments),
    /// Give back the disk space of what has gone from the store of a stopped service
    Compact(compact::Arguments),
    /// Run a simulated Tencent Chat on loopback
    Simulate(simulate::Arguments),
    /// Print a UserSig, for trying REST calls by hand
    Usersig(usersig::Arguments),
    /// Explain a code of `check`, R012 for instance
    Explain(explain::Arguments),
    /// Ask a running service whether it is alive (for containers)
    Healthcheck(healthcheck::Arguments),
}

/// Where a rules directory is named.
#[derive(clap::Args)]
struct RulesDirectory {
    /// The rules directory, or one file of it
    #[arg(default_value = "rules")]
    directory: PathBuf,
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return usage(&error),
    };
    // CEL expressions are parsed recursively, up to the depth that the rules allow.
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().thread_stack_size(4 << 20).build();
    match runtime {
        Ok(runtime) => runtime.block_on(run(arguments.command)).into(),
        Err(error) => {
            eprintln!("groupkeeper: no threads can be started: {error}");
            Exit::OurFault.into()
        }
    }
}

/// Help and version are answers; everything else about arguments is a mistake of usage.
fn usage(error: &clap::Error) -> ExitCode {
    let printed = error.print();
    match (error.kind(), printed) {
        (ErrorKind::DisplayHelp | ErrorKind::DisplayVersion, Ok(())) => Exit::Fine.into(),
        (ErrorKind::DisplayHelp | ErrorKind::DisplayVersion, Err(lost)) => {
            print::unwritten(&lost).into()
        }
        // The terminal may be gone; there is nowhere left to say so.
        _ => Exit::Usage.into(),
    }
}

async fn run(command: Command) -> Exit {
    match command {
        Command::Serve(arguments) => serve::run(arguments).await,
        Command::Demo(arguments) => demo::run(arguments).await,
        Command::Check(arguments) => check::run(&arguments),
        Command::Test(arguments) => test::run(arguments).await,
        Command::New(arguments) => new::run(&arguments),
        Command::Fmt(arguments) => fmt::run(&arguments),
        Command::Schema(arguments) => schema::run(&arguments),
        Command::Plan(arguments) => plan::run(arguments).await,
        Command::Replay(arguments) => replay::run(arguments).await,
        Command::Why(arguments) => why::run(&arguments),
        Command::WhyNot(arguments) => why_not::run(&arguments),
        Command::Outbox(arguments) => outbox::run(&arguments),
        Command::Quarantine(arguments) => quarantine::run(&arguments),
        Command::Reconcile(arguments) => reconcile::run(&arguments).await,
        Command::Sanctions(arguments) => sanctions::run(&arguments),
        Command::Backup(arguments) => backup::run(&arguments),
        Command::Restore(arguments) => restore::run(&arguments).await,
        Command::Fsck(arguments) => fsck::run(&arguments).await,
        Command::Compact(arguments) => compact::run(&arguments),
        Command::Simulate(arguments) => simulate::run(arguments).await,
        Command::Usersig(arguments) => usersig::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Healthcheck(arguments) => healthcheck::run(&arguments),
    }
}
