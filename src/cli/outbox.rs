//! `groupkeeper outbox`: what a running service still has to do, what a limit holds back, what was
//! given up.

mod line;

use serde::Deserialize;
use serde_json::Value;

use super::Exit;
use super::listing::Looking;
use super::recorded::Running;
use crate::authoring::recorded::{Admin, Trouble, escaped};

#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// What is to be sent, and what it waits for
    List(Looking),
    /// What a limit holds back until somebody decides
    Held(Looking),
    /// What was given up
    Dead(Looking),
    /// Send what is held, with its times counted from now
    #[command(override_usage = "groupkeeper outbox release <ID | --rule RULE>")]
    Release(Deciding),
    /// Take away what is held; it is never sent
    #[command(override_usage = "groupkeeper outbox discard <ID | --rule RULE>")]
    Discard(Deciding),
    /// Try again what was given up, and what hung on it: it goes to the end of its group's line, and its
    /// times count from now
    #[command(
        override_usage = "groupkeeper outbox retry <ID | --rule RULE | --all>",
        long_about = "Try again what was given up: it goes to the end of its group's line, and its times count \
                      from now. So does what fell with it, because it stood behind it in the same rule. A \
                      message that may have been sent may be sent twice: if it was, `outbox done` sends only \
                      what hung on it."
    )]
    Retry(Burying),
    /// Take what was given up for done, and send what hung on it: a message that was sent, as you saw
    #[command(override_usage = "groupkeeper outbox done <ID | --rule RULE | --all>")]
    Done(Burying),
    /// Take away what was given up and what hung on it; none of it is ever sent
    #[command(override_usage = "groupkeeper outbox drop <ID | --rule RULE | --all>")]
    Drop(Burying),
}

#[derive(clap::Args)]
struct Deciding {
    #[command(flatten)]
    running: Running,
    /// The id of what is held, or its beginning
    #[arg(required_unless_present = "rule", conflicts_with = "rule")]
    id: Option<String>,
    /// Everything that this rule wants
    #[arg(long)]
    rule: Option<String>,
    /// Print what it was as JSON
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
struct Burying {
    #[command(flatten)]
    running: Running,
    /// The id of what was given up, or its beginning
    #[arg(required_unless_present_any = ["rule", "all"], conflicts_with_all = ["rule", "all"])]
    id: Option<String>,
    /// Everything of this rule
    #[arg(long, conflicts_with = "all")]
    rule: Option<String>,
    /// Everything
    #[arg(long)]
    all: bool,
    /// Print what it was as JSON
    #[arg(long)]
    json: bool,
}

/// What one step of an order came to.
#[derive(Deserialize)]
struct Step {
    settled: Vec<Value>,
    next: Option<String>,
}

/// What can be done with what is held, and with what was given up.
const HELD: &str = "`outbox release ID` sends it, `outbox discard ID` takes it away";
const DEAD: &str = "`outbox retry ID` sends it (again), `outbox done ID` takes it for done, `outbox drop ID` \
                    takes it away";

/// So many are settled before it is told how far it is.
const STEP: usize = 200;

pub(super) fn run(arguments: &Arguments) -> Exit {
    let done = match &arguments.command {
        Command::List(looking) => {
            looking.print("outbox", ("nothing is waiting to be sent", ""), line::of)
        }
        Command::Held(looking) => looking.print("held", ("nothing is held", HELD), line::of),
        Command::Dead(looking) => looking.print("dead", ("nothing was given up", DEAD), line::of),
        Command::Release(deciding) => deciding.order("release", "released"),
        Command::Discard(deciding) => deciding.order("discard", "discarded"),
        Command::Retry(burying) => burying.order("retry", "to be tried again"),
        Command::Done(burying) => burying.order("done", "taken for done"),
        Command::Drop(burying) => burying.order("drop", "dropped"),
    };
    match done {
        Ok(exit) => exit,
        Err(trouble) => {
            eprintln!("groupkeeper: {trouble}");
            Exit::Usage
        }
    }
}

impl Deciding {
    /// `order` as the service knows it; `done` for people.
    fn order(&self, order: &str, done: &str) -> Result<Exit, Trouble> {
        let admin: Admin = self.running.admin()?;
        let meant = match (&self.id, &self.rule) {
            (Some(id), _) => format!("id={}", escaped(id)),
            (None, rule) => format!("rule={}", escaped(rule.as_deref().unwrap_or_default())),
        };
        let path = format!("/api/v1/held/{order}?{meant}");
        let Some(list) = admin.order::<Vec<Value>>(&path)? else {
            eprintln!(
                "groupkeeper: nothing of that kind is held; `groupkeeper outbox held` shows what is"
            );
            return Ok(Exit::Usage);
        };
        show(&list, self.json);
        eprintln!("{done}: {}", list.len());
        Ok(Exit::Fine)
    }
}

impl Burying {
    /// `order` as the service knows it; `done` for people.
    fn order(&self, order: &str, done: &str) -> Result<Exit, Trouble> {
        let admin = self.running.admin()?;
        let meant = match (&self.id, &self.rule) {
            (Some(id), _) => format!("id={}", escaped(id)),
            (None, Some(rule)) => format!("rule={}", escaped(rule)),
            (None, None) => "all=true".to_owned(),
        };
        let (mut settled, mut next) = (Vec::new(), String::new());
        loop {
            let path = format!("/api/v1/dead/{order}?{meant}&limit={STEP}{next}");
            let Some(step) = admin.order::<Step>(&path)? else {
                eprintln!(
                    "groupkeeper: nothing of that kind was given up; `groupkeeper outbox dead` shows what was"
                );
                return Ok(Exit::Usage);
            };
            if !self.json {
                show(&step.settled, false);
            }
            settled.extend(step.settled);
            let Some(left) = step.next else { break };
            eprintln!("{done}: {} so far", settled.len());
            next = format!("&next={}", escaped(&left));
        }
        if self.json {
            show(&settled, true);
        }
        eprintln!("{done}: {}", settled.len());
        Ok(Exit::Fine)
    }
}

/// One line for each, or JSON.
fn show(list: &[Value], json: bool) {
    if json {
        println!("{}", Value::Array(list.to_vec()));
        return;
    }
    for entry in list {
        println!("{}", line::of(entry));
    }
}
