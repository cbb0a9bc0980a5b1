//! `groupkeeper replay`

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;

use super::recorded::{Where, checked, span};
use super::{Exit, RulesDirectory};
use crate::authoring::one_line;
use crate::authoring::recorded::Trouble;
use crate::authoring::replay::{self, Decided, Tally};
use crate::clock::Timestamp;

#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    rules: RulesDirectory,
    #[command(flatten)]
    from: Where,
    /// From this time on, 2026-11-21T04:00:00Z for instance
    #[arg(long)]
    since: Option<Timestamp>,
    /// Up to this time
    #[arg(long)]
    until: Option<Timestamp>,
    /// Show also the events that nothing was decided on
    #[arg(long)]
    all: bool,
    /// Print a line of JSON for each event, and one for the summary
    #[arg(long)]
    json: bool,
}

/// What one rule did in all.
#[derive(Default)]
struct Sum {
    looked_at: usize,
    acted: usize,
    acts: BTreeMap<String, usize>,
}

pub(super) async fn run(arguments: Arguments) -> Exit {
    let rules = match checked(&arguments.rules.directory) {
        Ok(rules) => rules,
        Err(exit) => return exit,
    };
    match replayed(&arguments, Arc::new(rules)).await {
        Ok(()) => Exit::Fine,
        Err(trouble) => {
            eprintln!("groupkeeper: {trouble}");
            Exit::Usage
        }
    }
}

async fn replayed(arguments: &Arguments, rules: Arc<crate::rule::RuleSet>) -> Result<(), Trouble> {
    let recorded = arguments.from.open()?;
    let settings = arguments.from.settings()?;
    let span = span(arguments.since, arguments.until);
    let mut sums: BTreeMap<String, Sum> =
        rules.rules().iter().map(|rule| (rule.id.to_string(), Sum::default())).collect();
    let each = |decided: Decided| {
        add(&mut sums, &decided);
        if arguments.all || !decided.deeds.is_empty() {
            if arguments.json {
                println!("{}", as_json(&decided));
            } else {
                print!("{}", as_text(&decided));
            }
        }
    };
    let tally =
        replay::replay(&recorded, span, rules, settings, each, super::recorded::progress).await?;
    if arguments.json {
        println!("{}", json!({ "summary": sums_json(&sums), "assumed": tally }));
    } else {
        summary(&sums, tally);
    }
    Ok(())
}

fn add(sums: &mut BTreeMap<String, Sum>, decided: &Decided) {
    for looked in &decided.rules {
        let sum = sums.entry(looked.rule.clone()).or_default();
        sum.looked_at += usize::from(looked.anew);
        sum.acted += usize::from(looked.acted);
    }
    for deed in &decided.deeds {
        let rule = deed.rule.clone().unwrap_or_else(|| "the bot itself".to_owned());
        *sums.entry(rule).or_default().acts.entry(deed.act.clone()).or_default() += 1;
    }
}

fn as_text(decided: &Decided) -> String {
    let headline = one_line(&decided.headline());
    let mut text = format!("{}  {headline}  ({})\n", decided.at, decided.event.id);
    for deed in &decided.deeds {
        let rule = deed.rule.as_deref().unwrap_or("the bot itself");
        text.push_str(&format!("  {rule}: {}\n", one_line(&deed.words())));
    }
    text
}

fn as_json(decided: &Decided) -> serde_json::Value {
    json!({
        "at": decided.at.to_string(),
        "id": decided.event.id,
        "event": decided.event.name(),
        "about": decided.headline(),
        "group": decided.event.group,
        "member": decided.event.member,
        "decided": decided.deeds,
    })
}

fn sums_json(sums: &BTreeMap<String, Sum>) -> serde_json::Value {
    let each = sums.iter().map(|(rule, sum)| {
        let value = json!({ "looked_at": sum.looked_at, "acted": sum.acted, "effects": sum.acts });
        (rule.clone(), value)
    });
    serde_json::Value::Object(each.collect())
}

fn summary(sums: &BTreeMap<String, Sum>, tally: Tally) {
    let width = sums.keys().map(|rule| rule.chars().count()).max().unwrap_or_default();
    println!("\n{} events", tally.events);
    for (rule, Sum { looked_at, acted, acts }) in sums {
        let acts: Vec<String> =
            acts.iter().map(|(act, times)| format!("{times} × {act}")).collect();
        let acts = if acts.is_empty() { String::new() } else { format!(": {}", acts.join(", ")) };
        println!("  {rule:<width$}  looked at {looked_at}, acted {acted} times{acts}");
    }
    let notes = tally.notes();
    if !notes.is_empty() {
        println!("\nassumed:");
        notes.iter().for_each(|note| println!("  {note}"));
    }
}
