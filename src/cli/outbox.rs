//! `groupkeeper outbox`: what a running service still has to do, and what a limit holds back.

use serde_json::Value;

use super::Exit;
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
    Release(Deciding),
    /// Take away what is held; it is never sent
    Discard(Deciding),
}

#[derive(clap::Args)]
struct Looking {
    #[command(flatten)]
    running: Running,
    /// Print the list as JSON
    #[arg(long)]
    json: bool,
    /// At most so many
    #[arg(long, default_value_t = 100)]
    limit: usize,
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

pub(super) fn run(arguments: &Arguments) -> Exit {
    let done = match &arguments.command {
        Command::List(looking) => looking.list("outbox", "nothing is waiting to be sent"),
        Command::Held(looking) => looking.list("held", "nothing is held"),
        Command::Dead(looking) => looking.list("dead", "nothing was given up"),
        Command::Release(deciding) => deciding.order("release", "released"),
        Command::Discard(deciding) => deciding.order("discard", "discarded"),
    };
    match done {
        Ok(exit) => exit,
        Err(trouble) => {
            eprintln!("groupkeeper: {trouble}");
            Exit::Usage
        }
    }
}

impl Looking {
    fn list(&self, page: &str, nothing: &str) -> Result<Exit, Trouble> {
        let path = format!("/api/v1/{page}?limit={}", self.limit);
        let list: Vec<Value> = self.running.admin()?.read(&path)?.unwrap_or_default();
        if list.is_empty() && !self.json {
            eprintln!("{nothing}");
        } else {
            show(&list, self.json);
        }
        Ok(Exit::Fine)
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

/// One line for each, or JSON.
fn show(list: &[Value], json: bool) {
    if json {
        println!("{}", Value::Array(list.to_vec()));
        return;
    }
    for entry in list {
        println!("{}", line(entry));
    }
}

/// `0123456789abcdef  mute-shouters  about ann: mute ann in @TGS#cats for 5m  (2026-01-01T12:00:00Z;
/// why)`, and below it what is to be said, as the rule has it.
fn line(entry: &Value) -> String {
    let text = |key: &str| entry[key].as_str().unwrap_or_default().to_owned();
    let wants = match &entry["wants"] {
        Value::Array(wants) => {
            wants.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", then ")
        }
        _ => text("what"),
    };
    let since = if entry["since"].is_string() { text("since") } else { text("created") };
    let why = [text("why"), text("trouble")].into_iter().find(|why| !why.is_empty());
    let why = why.map(|why| format!("; {why}")).unwrap_or_default();
    // Of what is sent to a group, nothing else says who gave rise to it.
    let member = entry["member"].as_str().map(|member| format!("about {member}: "));
    let member = member.filter(|_| entry["wants"].is_array()).unwrap_or_default();
    let mut line = format!("{}  {}  {member}{wants}  ({since}{why})", text("id"), text("rule"));
    for said in entry["texts"].as_array().into_iter().flatten() {
        line.push_str(&match said.as_str() {
            Some(said) => format!("\n    says {said:?}"),
            None => "\n    says what its rule has no more: it was edited since".to_owned(),
        });
    }
    line
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_line_says_what_is_wanted_by_whom_since_when_and_why_it_waits() {
        let held = json!({
            "id": "0123456789abcdef", "rule": "mute-shouters", "since": "2026-01-01T12:00:00Z",
            "why": "more than 2 actions in 10m (`limit`)", "member": "ann",
            "texts": ["quiet, {member.id}", null],
            "wants": ["mute ann in @TGS#cats for 5m", "send a message to @TGS#cats"],
        });
        assert_eq!(
            line(&held),
            "0123456789abcdef  mute-shouters  about ann: mute ann in @TGS#cats for 5m, then send a \
             message to @TGS#cats  (2026-01-01T12:00:00Z; more than 2 actions in 10m (`limit`))\n    \
             says \"quiet, {member.id}\"\n    says what its rule has no more: it was edited since"
        );
        let pending = json!({
            "id": "01", "rule": null, "created": "2026-01-01T12:00:00Z", "trouble": "",
            "what": "unmute ann in @TGS#cats",
        });
        assert_eq!(line(&pending), "01    unmute ann in @TGS#cats  (2026-01-01T12:00:00Z)");
    }
}
