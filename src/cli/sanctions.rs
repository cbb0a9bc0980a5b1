//! `groupkeeper sanctions`: who is muted, banned or has a role for a time; lifted, or given another end.

use std::time::Duration;

use super::Exit;
use super::listing::at_least_one;
use super::recorded::Where;
use crate::authoring::one_line;
use crate::authoring::recorded::{Trouble, escaped};
use crate::chat::Account;
use crate::clock::{Clock, SystemClock, Timestamp};
use crate::decision::state::SanctionKind;
use crate::ledger::sanctions::{Told, Wanted};
use crate::rule::duration;

#[derive(clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "States: wanted (Chat has not confirmed it yet), in force, away (the member has left; it goes on if \
                  they come back), ending (Chat has not confirmed the end yet), late (it should have ended).\n\n\
                  Examples:\n  groupkeeper sanctions\n  groupkeeper sanctions --member ann --kind mute\n  \
                  groupkeeper sanctions --late\n  groupkeeper sanctions lift @TGS#cats ann\n  groupkeeper \
                  sanctions lift @TGS#cats --kind mute_all\n  groupkeeper sanctions extend @TGS#cats ann --for 2h"
)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    looking: Looking,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Who is restrained, how, and until when (the default)
    List(Looking),
    /// End a sanction now; Chat confirms it
    Lift(Lift),
    /// Give a sanction a later end, or another one
    Extend(Extend),
}

#[derive(clap::Args)]
struct Looking {
    /// Only those of this group
    #[arg(long)]
    group: Option<String>,
    /// Only those of this member
    #[arg(long)]
    member: Option<String>,
    /// Only those of this kind: mute, role, ban or `mute_all`
    #[arg(long, value_parser = kind)]
    kind: Option<SanctionKind>,
    /// Only those that should have ended more than two minutes ago
    #[arg(long)]
    late: bool,
    /// Print the list as JSON
    #[arg(long)]
    json: bool,
    /// At most so many
    #[arg(long, default_value_t = 1_000, value_parser = at_least_one)]
    limit: usize,
    #[command(flatten)]
    from: Where,
}

#[derive(clap::Args)]
struct Whose {
    /// The group
    group: String,
    /// The member; not needed with `--kind mute_all`
    #[arg(required_unless_present = "kind")]
    member: Option<String>,
    /// When the member has several: mute, role, ban or `mute_all`
    #[arg(long, value_parser = kind)]
    kind: Option<SanctionKind>,
    /// Print what it is now as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    running: super::recorded::Running,
}

#[derive(clap::Args)]
struct Lift {
    #[command(flatten)]
    whose: Whose,
}

#[derive(clap::Args)]
struct Extend {
    #[command(flatten)]
    whose: Whose,
    #[command(flatten)]
    end: End,
}

#[derive(clap::Args)]
#[group(required = true, multiple = false)]
struct End {
    /// So much longer than it would have gone on: 30m, 2h, 7d
    #[arg(long = "for", value_name = "TIME", value_parser = time)]
    longer: Option<Duration>,
    /// Until then, sooner or later: 2026-11-21T04:00:00Z
    #[arg(long, value_name = "TIME")]
    until: Option<Timestamp>,
}

fn kind(text: &str) -> Result<SanctionKind, String> {
    let kinds = SanctionKind::ALL.map(SanctionKind::name).join(", ");
    SanctionKind::from_name(text).ok_or_else(|| format!("there is {kinds}"))
}

fn time(text: &str) -> Result<Duration, String> {
    duration::parse(text).map_err(|mistake| format!("{}; write 30m, 2h or 7d", mistake.message))
}

pub(super) fn run(arguments: &Arguments) -> Exit {
    let done = match &arguments.command {
        None => arguments.looking.list(),
        Some(Command::List(looking)) => looking.list(),
        Some(Command::Lift(lift)) => lift.whose.order(
            "lift",
            "",
            "is being lifted: it is listed as `ending` until Chat has confirmed it",
        ),
        Some(Command::Extend(extend)) => {
            let end = match (extend.end.longer, extend.end.until) {
                (Some(time), _) => format!("&for={}", duration::format(time)),
                (None, until) => format!("&until={}", until.unwrap_or_default().0),
            };
            extend.whose.order("extend", &end, "has another end now")
        }
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
    fn list(&self) -> Result<Exit, Trouble> {
        let now = SystemClock::default().now();
        let wanted = Wanted {
            group: self.group.as_deref().map(Into::into),
            member: self.member.as_deref().map(Into::into),
            kind: self.kind,
            late_at: self.late.then_some(now),
            after: None,
        };
        let list = self.from.open()?.sanctions(&wanted, self.limit, now)?;
        if self.json {
            println!("{}", json(&list)?);
        } else if list.is_empty() {
            let asked = self.group.is_some() || self.member.is_some() || self.kind.is_some();
            eprintln!(
                "{}",
                match (self.late, asked) {
                    (true, _) => "no end is late",
                    (false, true) => "there is no such sanction",
                    (false, false) =>
                        "there is no sanction: nobody is muted, banned or has a role for a time",
                }
            );
        } else {
            print!("{}", table(&list));
            if list.len() == self.limit {
                eprintln!("these are the first {}; --limit shows more", self.limit);
            }
        }
        Ok(Exit::Fine)
    }
}

impl Whose {
    /// `order` as the service knows it; `done` for people.
    fn order(&self, order: &str, end: &str, done: &str) -> Result<Exit, Trouble> {
        let member = match (&self.member, self.kind) {
            (_, Some(SanctionKind::MuteAll)) => None,
            (None, Some(kind)) => {
                let kind = kind.name();
                return Err(Trouble(format!("say whose {kind} is meant: the member is missing")));
            }
            (member, _) => member.as_deref(),
        };
        let mut path = format!("/api/v1/sanctions/{order}?group={}{end}", escaped(&self.group));
        if let Some(member) = member {
            path.push_str(&format!("&member={}", escaped(member)));
        }
        if let Some(kind) = self.kind {
            path.push_str(&format!("&kind={}", kind.name()));
        }
        let Some(told) = self.running.admin()?.order::<Told>(&path)? else {
            let whose = member.unwrap_or("everybody");
            let kind = self.kind.map_or("sanction", SanctionKind::name);
            eprintln!(
                "groupkeeper: there is no {kind} of {whose} in {}; `groupkeeper sanctions` shows all",
                self.group
            );
            return Ok(Exit::Usage);
        };
        if self.json {
            println!("{}", json(&told)?);
        } else {
            print!("{}", table(std::slice::from_ref(&told)));
        }
        eprintln!("{} {done}", words(&told));
        Ok(Exit::Fine)
    }
}

fn json(value: &impl serde::Serialize) -> Result<String, Trouble> {
    serde_json::to_string(value).map_err(|error| Trouble(format!("a bug: {error}")))
}

/// `the mute of ann`.
fn words(told: &Told) -> String {
    let member = one_line(told.member.as_str());
    match told.kind {
        SanctionKind::Mute => format!("the mute of {member}"),
        SanctionKind::Ban => format!("the ban of {member}"),
        SanctionKind::Role => format!("the temporary role of {member}"),
        SanctionKind::MuteAll => "the mute of everybody".to_owned(),
    }
}

/// One line for each, in columns.
fn table(list: &[Told]) -> String {
    let mut rows = vec![["GROUP", "MEMBER", "KIND", "STATE", "ENDS", "RULE"].map(str::to_owned)];
    rows.extend(list.iter().map(row));
    let mut widths = [0; 6];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for row in &rows {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

fn row(told: &Told) -> [String; 6] {
    let member = match told.member == Account::everybody() {
        true => "everybody".to_owned(),
        false => one_line(told.member.as_str()),
    };
    let ends = match (&told.until, &told.left) {
        (Some(until), Some(left)) if left.ends_with("ago") || left == "now" => {
            format!("{until}, {left}")
        }
        (Some(until), Some(left)) => format!("{until}, in {left}"),
        _ => "never".to_owned(),
    };
    let mut rule = told.rule.clone();
    if !told.reason.is_empty() {
        rule.push_str(&format!(": {}", one_line(&told.reason)));
    }
    if let Some(renewed) = &told.chat_until {
        rule.push_str(&format!(" (Chat takes it until {renewed}; it is renewed)"));
    }
    if told.tries > 0 {
        rule.push_str(&format!(" (tried in vain: {})", told.tries));
    }
    let group = one_line(told.group.as_str());
    [group, member, told.kind.name().to_owned(), told.state.clone(), ends, rule]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(member: &str, kind: SanctionKind, state: &str) -> Told {
        Told {
            id: "0123456789abcdef".to_owned(),
            group: "@TGS#cats".into(),
            member: member.into(),
            kind,
            from: "2026-01-01T12:00:00Z".to_owned(),
            until: Some("2026-01-01T13:00:00Z".to_owned()),
            left: Some("42m".to_owned()),
            state: state.to_owned(),
            chat_until: None,
            tries: 0,
            reason: String::new(),
            rule: "quiet-flooders".to_owned(),
            event: "0123456789abcdef".to_owned(),
            ending: false,
            place: String::new(),
        }
    }

    #[test]
    fn the_list_stands_in_columns() {
        let mut flooder = told("ann", SanctionKind::Mute, "in force");
        flooder.reason = "flooding\u{1b}[2J".to_owned();
        let mut late = told("a member with a long name", SanctionKind::Role, "late");
        (late.left, late.tries) = (Some("3m ago".to_owned()), 2);
        let mut ever = told("bob", SanctionKind::Ban, "wanted");
        (ever.until, ever.left) = (None, None);
        ever.chat_until = Some("2026-01-31T12:00:00Z".to_owned());
        let all = told("*", SanctionKind::MuteAll, "ending");
        insta::assert_snapshot!(table(&[flooder, late, ever, all]));
    }
}
