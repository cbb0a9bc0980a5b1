//! `groupkeeper plan`

use std::path::PathBuf;
use std::sync::Arc;

use super::Exit;
use super::recorded::{Where, checked, progress};
use crate::authoring::plan::{self, Plan};
use crate::authoring::recorded::{Recorded, Trouble};
use crate::authoring::replay::Span;
use crate::authoring::why;
use crate::clock::Timestamp;
use crate::ledger::DAY;
use crate::ledger::journal::Filter;
use crate::rule::RuleSet;

#[derive(clap::Args)]
#[command(
    after_help = "One directory is held against the rules in force (of the running service, or the last \
good ones of a store); two against each other, and with --url, --store or --events against the journal too."
)]
pub(super) struct Arguments {
    /// The rules as they are, and as they will be; or only as they will be
    #[arg(required = true, num_args = 1..=2, value_names = ["OLD", "NEW"])]
    directories: Vec<PathBuf>,
    #[command(flatten)]
    from: Where,
    /// How many of the last days are lived through again; 0 for none
    #[arg(long, default_value_t = 7)]
    days: u32,
    /// Differences shown of each kind
    #[arg(long, default_value_t = 20)]
    limit: usize,
    /// Print JSON, with all differences
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(arguments: Arguments) -> Exit {
    let Some((new, old)) = arguments.directories.split_last() else { return Exit::Usage };
    let new = match checked(new) {
        Ok(rules) => rules,
        Err(exit) => return exit,
    };
    let old = match old.first().map(|old| checked(old)).transpose() {
        Ok(rules) => rules,
        Err(exit) => return exit,
    };
    match planned(&arguments, old, Arc::new(new)).await {
        Ok(plan) => {
            if arguments.json {
                println!("{}", serde_json::json!(plan));
            } else {
                print!("{}", plan.render(arguments.limit));
                if plan.history.is_none() && arguments.days > 0 {
                    eprintln!(
                        "what the last days would have been is told from a journal: --url, --store or --events"
                    );
                }
            }
            Exit::Fine
        }
        Err(trouble) => {
            eprintln!("groupkeeper: {trouble}");
            Exit::Usage
        }
    }
}

async fn planned(
    arguments: &Arguments,
    old: Option<RuleSet>,
    new: Arc<RuleSet>,
) -> Result<Plan, Trouble> {
    let wanted = old.is_none() || arguments.from.is_said();
    let recorded = if wanted { Some(arguments.from.open()?) } else { None };
    let old = match (old, &recorded) {
        (Some(old), _) => old,
        (None, Some(recorded)) => in_force(recorded)?,
        (None, None) => return Err(nothing_in_force()),
    };
    let old = Arc::new(old);
    let state = recorded.as_ref().map(Recorded::rule_state).transpose()?.flatten();
    let mut plan = plan::plan(&old, &new, state.as_ref());
    if let (Some(recorded), true) = (&recorded, arguments.days > 0)
        && let Some(newest) = recorded.newest(&Filter::default())?
    {
        // From the newest entry, so that an old journal tells of its own last days.
        let until = Timestamp(newest.at.0.saturating_add(1));
        let since = Timestamp(until.0.saturating_sub(i64::from(arguments.days) * DAY).max(0));
        let settings = arguments.from.settings()?;
        let span = Span { since, until };
        plan.history = Some(plan::compare(recorded, span, old, new, &settings, progress).await?);
    }
    Ok(plan)
}

fn in_force(recorded: &Recorded) -> Result<RuleSet, Trouble> {
    let files = recorded.rules_in_force()?.ok_or_else(nothing_in_force)?;
    why::read(files)
}

fn nothing_in_force() -> Trouble {
    Trouble(
        "there are no rules in force to hold these against: give both directories, OLD and NEW"
            .to_owned(),
    )
}
