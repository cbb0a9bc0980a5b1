//! `groupkeeper reconcile`: has a running service compare groups with Chat, and waits for it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use super::Exit;
use super::print::coloured;
use super::recorded::Running;
use crate::authoring::recorded::{Admin, Trouble, escaped};
use crate::reconcile::{RunStatus, Status};

/// How often the service is asked how far it is.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

const PAGE: &str = "/api/v1/reconcile";

#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    running: Running,
    /// Groups to compare, with all of their members; by default all groups
    groups: Vec<String>,
    /// Begin, and do not wait for the end
    #[arg(long, conflicts_with = "status")]
    no_wait: bool,
    /// Begin nothing; say what is being done, and what was found last
    #[arg(long, conflicts_with = "groups")]
    status: bool,
    /// Print what came of it as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Deserialize)]
struct Begun {
    run: u64,
}

pub(super) async fn run(arguments: &Arguments) -> Exit {
    match arguments.compare().await {
        Ok(exit) => exit,
        Err(trouble) => {
            eprintln!("groupkeeper: {trouble}");
            Exit::Usage
        }
    }
}

impl Arguments {
    async fn compare(&self) -> Result<Exit, Trouble> {
        let admin = self.running.admin()?;
        if self.status {
            let status = read(&admin)?;
            if self.json {
                println!("{}", json(&status));
            } else {
                print!("{}", overview(&status));
            }
            return Ok(Exit::Fine);
        }
        let named: Vec<String> =
            self.groups.iter().map(|group| format!("group={}", escaped(group))).collect();
        let query = if named.is_empty() { String::new() } else { format!("?{}", named.join("&")) };
        let begun: Option<Begun> = admin.order(&format!("{PAGE}{query}"))?;
        let Some(Begun { run }) = begun else { return Err(too_old()) };
        if self.no_wait {
            if self.json {
                println!("{}", serde_json::json!({ "run": run }));
            } else {
                println!(
                    "run {run} has begun; `groupkeeper reconcile --status` says how far it is"
                );
            }
            return Ok(Exit::Fine);
        }
        let ended = wait(&admin, run).await?;
        if self.json {
            println!("{}", json(&ended));
        } else {
            println!("{}", result(&ended));
        }
        let named = self.groups.len() as u64;
        Ok(if named > 0 && ended.skipped == named { Exit::Usage } else { Exit::Fine })
    }
}

fn read(admin: &Admin) -> Result<Status, Trouble> {
    admin.read(PAGE)?.ok_or_else(too_old)
}

fn too_old() -> Trouble {
    Trouble("the running service compares nothing with Chat: it is of an older version".to_owned())
}

/// Follows a run to its end, and says on the way how far it is.
async fn wait(admin: &Admin, run: u64) -> Result<RunStatus, Trouble> {
    let mut told = String::new();
    loop {
        let status = read(admin)?;
        if let Some(ended) = status.ended.iter().find(|ended| ended.run == run) {
            return Ok(ended.clone());
        }
        let Some(running) = status.running.iter().find(|running| running.run == run) else {
            return Err(Trouble(
                "the service does not know the run any more: it was restarted, and goes on with \
                 what had not ended; `groupkeeper reconcile --status` says how far it is"
                    .to_owned(),
            ));
        };
        let line = progress(running, status.trouble.as_deref());
        if line != told {
            // A terminal shows the last line only; a log is to have few.
            if coloured(&std::io::stderr()) {
                super::print::over(&line);
            } else if status.trouble.is_some() || told.is_empty() {
                eprintln!("{line}");
            }
            told = line;
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// `120 of 10000 groups, 4800 members`.
fn progress(run: &RunStatus, trouble: Option<&str>) -> String {
    let of = run.of.map(|of| format!(" of {of}")).unwrap_or_default();
    let trouble = trouble.map(|words| format!("; pausing: {words}")).unwrap_or_default();
    format!("{}{of} groups, {} members{trouble}", run.groups, run.members)
}

/// `20 groups and 400 members compared with Chat; callbacks had not told of 3: member.joined 2, …`.
fn result(run: &RunStatus) -> String {
    let groups = count(run.groups, "group");
    let members = count(run.members, "member");
    let skipped = count(run.skipped, "group");
    if run.groups == 0 && run.skipped > 0 {
        return format!("nothing was compared: {skipped} left alone; the service's log says why");
    }
    let mut text = format!("{groups} and {members} compared with Chat; ");
    match run.found.values().sum::<u64>() {
        0 => text.push_str("callbacks had told of everything"),
        events => {
            text.push_str(&format!("callbacks had not told of {events}: {}", names(&run.found)));
        }
    }
    if run.skipped > 0 {
        text.push_str(&format!("; {skipped} left alone (the service's log says why)"));
    }
    text
}

/// What is being done, and what was found last.
fn overview(status: &Status) -> String {
    let mut text = String::new();
    for run in &status.running {
        let (since, how_far) = (run.began, progress(run, status.trouble.as_deref()));
        text.push_str(&format!("run {} since {since}: {how_far}\n", run.run));
    }
    if status.running.is_empty() {
        let next = status.next.map_or_else(
            || "when somebody asks for it (`[reconcile] every` is off)".to_owned(),
            |next| format!("at {next}"),
        );
        text.push_str(&format!("nothing is being compared; next: {next}\n"));
    }
    if let Some(last) = &status.last_of_all {
        let at = last.ended.unwrap_or(last.began);
        text.push_str(&format!("all groups, {at}: {}\n", result(last)));
    }
    text
}

fn count(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

fn names(found: &BTreeMap<String, u64>) -> String {
    found.iter().map(|(name, count)| format!("{name} {count}")).collect::<Vec<_>>().join(", ")
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::reconcile::Why;

    fn run() -> RunStatus {
        RunStatus {
            run: 4,
            why: Why::Asked,
            all: true,
            began: Timestamp::from_secs(1_767_268_800),
            ended: None,
            groups: 120,
            of: Some(10_000),
            members: 4_800,
            skipped: 0,
            found: BTreeMap::new(),
        }
    }

    #[test]
    fn progress_says_how_far_it_is_and_why_it_pauses() {
        assert_eq!(progress(&run(), None), "120 of 10000 groups, 4800 members");
        let down = Some("get_group_info did not reach Chat: refused");
        assert_eq!(
            progress(&RunStatus { of: None, ..run() }, down),
            "120 groups, 4800 members; pausing: get_group_info did not reach Chat: refused"
        );
    }

    #[test]
    fn the_result_names_what_was_missed() {
        assert_eq!(
            result(&run()),
            "120 groups and 4800 members compared with Chat; callbacks had told of everything"
        );
        let found = BTreeMap::from([("member.joined".into(), 2), ("owner.changed".into(), 1)]);
        assert_eq!(
            result(&RunStatus { groups: 1, skipped: 1, found, ..run() }),
            "1 group and 4800 members compared with Chat; callbacks had not told of 3: member.joined \
             2, owner.changed 1; 1 group left alone (the service's log says why)"
        );
        assert_eq!(
            result(&RunStatus { groups: 0, members: 0, skipped: 1, ..run() }),
            "nothing was compared: 1 group left alone; the service's log says why"
        );
    }

    #[test]
    fn the_overview_says_when_it_goes_on() {
        let last = RunStatus { ended: Some(Timestamp::from_secs(1_767_268_830)), ..run() };
        let status = Status {
            next: Some(Timestamp::from_secs(1_767_269_400)),
            last_of_all: Some(last),
            ..Status::default()
        };
        assert_eq!(
            overview(&status),
            "nothing is being compared; next: at 2026-01-01T12:10:00Z\nall groups, \
             2026-01-01T12:00:30Z: 120 groups and 4800 members compared with Chat; callbacks had told \
             of everything\n"
        );
    }
}
