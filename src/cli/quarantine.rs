//! `groupkeeper quarantine`: what a bug or a garbled byte keeps from being worked on; tried again, dropped.

use serde::Deserialize;
use serde_json::Value;

use super::Exit;
use super::listing::Looking;
use super::recorded::Running;
use crate::authoring::one_line;
use crate::authoring::recorded::{Trouble, escaped};

#[derive(clap::Args)]
#[command(
    long_about = "An event that makes Groupkeeper panic, or a record that it cannot read, is put into quarantine \
                  with its cause, and everything else goes on. Nothing of it is done until it is tried again, \
                  after an upgrade for instance. Timers stay set and readings of Chat are repeated: these come \
                  again by themselves, and leave the quarantine when they work."
)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// What is in quarantine, and why
    List(Looking),
    /// Try it again: what fails again stays
    Retry(Deciding),
    /// Take it away; nothing of it is ever done
    Drop(Deciding),
}

#[derive(clap::Args)]
struct Deciding {
    #[command(flatten)]
    running: Running,
    /// The id, or its beginning
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    id: Option<String>,
    /// Everything
    #[arg(long)]
    all: bool,
    /// Print what came of it as JSON
    #[arg(long)]
    json: bool,
}

/// What came of an order.
#[derive(Deserialize)]
struct Came {
    settled: Vec<Value>,
    failed: Vec<Value>,
}

/// What can be done with what is in it.
const NEXT: &str = "`quarantine retry ID` works on it again, `quarantine drop ID` forgets it";

pub(super) fn run(arguments: &Arguments) -> Exit {
    let done = match &arguments.command {
        Command::List(looking) => {
            looking.print("quarantine", ("nothing is in quarantine", NEXT), line)
        }
        Command::Retry(deciding) => deciding.order("retry", "done now"),
        Command::Drop(deciding) => deciding.order("drop", "dropped"),
    };
    done.unwrap_or_else(|trouble| {
        eprintln!("groupkeeper: {trouble}");
        Exit::Usage
    })
}

impl Deciding {
    /// `order` as the service knows it; `done` for people.
    fn order(&self, order: &str, done: &str) -> Result<Exit, Trouble> {
        let meant = match &self.id {
            Some(id) => format!("id={}", escaped(id)),
            None => "all=true".to_owned(),
        };
        let path = format!("/api/v1/quarantine/{order}?{meant}");
        let Some(came) = self.running.admin()?.order::<Came>(&path)? else {
            eprintln!(
                "groupkeeper: nothing of that kind is in quarantine; `groupkeeper quarantine list` shows \
                 what is"
            );
            return Ok(Exit::Usage);
        };
        if self.json {
            println!("{}", serde_json::json!({ "settled": came.settled, "failed": came.failed }));
        } else {
            came.settled.iter().chain(&came.failed).for_each(|kept| println!("{}", line(kept)));
        }
        eprintln!("{done}: {}", came.settled.len());
        if came.failed.is_empty() {
            return Ok(Exit::Fine);
        }
        eprintln!("failed again: {}", came.failed.len());
        Ok(Exit::OurFault)
    }
}

/// `0123456789abcdef  member.joined, ann in @TGS#cats  (since 2026-01-01T12:00:00Z, 1 try: why)`.
fn line(kept: &Value) -> String {
    let text = |key: &str| kept[key].as_str().unwrap_or_default();
    let tries = match kept["tries"].as_u64() {
        Some(1) | None => "1 try".to_owned(),
        Some(tries) => format!("{tries} tries"),
    };
    let again = if kept["comes_again"] == true { ", comes again by itself" } else { "" };
    let (id, what, since, why) = (text("id"), text("what"), text("since"), text("why"));
    one_line(&format!("{id}  {what}  (since {since}, {tries}{again}: {why})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_it_is_since_when_and_why() {
        let mut kept = serde_json::json!({
            "id": "0123456789abcdef", "what": "member.joined, ann in @TGS#cats", "tries": 1,
            "since": "T0", "why": "panicked: no", "comes_again": false,
        });
        assert_eq!(
            line(&kept),
            "0123456789abcdef  member.joined, ann in @TGS#cats  (since T0, 1 try: panicked: no)"
        );
        kept["tries"] = 3.into();
        kept["comes_again"] = true.into();
        assert!(line(&kept).ends_with("(since T0, 3 tries, comes again by itself: panicked: no)"));
    }
}
