//! What a rule settles within the decision itself: the answer to an event that asks, and memory.

use super::act::cut;
use super::draft::Draft;
use super::event::{Event, Field};
use super::memory;
use super::state::StateValue;
use super::steps::{Outcome, Run};
use super::verdict::Verdict;
use super::view::{View, bind_invited};
use crate::chat::{Account, limits};
use crate::rule::condition::Condition;
use crate::rule::duration;
use crate::rule::model::Action;

/// The longest value that is remembered, bytes.
const MEMORY_BYTES: usize = 1_000;

/// Answers, remembers or forgets.
pub(super) fn of_action(draft: &mut Draft<'_>, run: &mut Run<'_>, action: &Action) -> Outcome {
    match action {
        Action::Reject { text, code } => {
            let text = cut(&run.text(draft, text), limits::MESSAGE_BYTES);
            let words = match code {
                Some(code) => format!("reject it with {code}"),
                None => "reject it".to_owned(),
            };
            answer(draft, run, Verdict::Reject { code: *code, text }, words)
        }
        Action::Drop => answer(draft, run, Verdict::Drop, "swallow it".to_owned()),
        Action::ReplaceText { text } => {
            let text = cut(&run.text(draft, text), limits::MESSAGE_BYTES - 500);
            answer(draft, run, Verdict::Replace { text }, "replace its text".to_owned())
        }
        Action::RefuseInvited { which } => refuse_invited(draft, run, which.as_ref()),
        Action::Remember { key, each, value, time } => {
            let value = cut(&run.text(draft, value), MEMORY_BYTES);
            let place = memory::key_of(key, each, run.event);
            let until = time.map(|time| draft.now + time);
            let words = match time {
                Some(time) => format!("remember {key} for {}", duration::format(*time)),
                None => format!("remember {key}"),
            };
            remember(draft, run, words, |draft| {
                draft.set(place, Some(StateValue::Memory { value, until }));
            })
        }
        Action::Forget { key, each } => {
            let place = memory::key_of(key, each, run.event);
            remember(draft, run, format!("forget {key}"), |draft| draft.set(place, None))
        }
        other => run.leave_out(other.name(), "it is no answer"),
    }
}

/// What a shadow rule remembers could make other rules act, so it does not.
fn remember(
    draft: &mut Draft<'_>,
    run: &mut Run<'_>,
    words: String,
    change: impl FnOnce(&mut Draft<'_>),
) -> Outcome {
    if !draft.in_shadow(run.rule) {
        change(draft);
    }
    run.settled.push(words);
    Outcome::Settled
}

/// The first rejection wins; whoever was refused by any rule stays refused.
fn answer(draft: &mut Draft<'_>, run: &mut Run<'_>, verdict: Verdict, words: String) -> Outcome {
    if draft.in_shadow(run.rule) {
        run.settled.push(format!("{words} (shadow: Chat is not told)"));
        return Outcome::Settled;
    }
    match draft.answer(&run.rule.id, verdict) {
        None => run.settled.push(words),
        Some(by) => run.left_out.push(format!("{words}: `{by}` has answered already")),
    }
    Outcome::Settled
}

fn refuse_invited(draft: &mut Draft<'_>, run: &mut Run<'_>, which: Option<&Condition>) -> Outcome {
    let invited = match run.event.fields.get("invited") {
        Some(Field::Texts(invited)) => invited.clone(),
        _ => Vec::new(),
    };
    let mut refused = Vec::new();
    for account in invited.iter().map(|id| Account::from(id.as_str())) {
        match which.map_or(Ok(true), |which| holds(draft, run.event, which, &account)) {
            Ok(true) => refused.push(account),
            Ok(false) => {}
            Err(error) => run.left_out.push(format!("refuse {account}: {error}")),
        }
    }
    if refused.is_empty() {
        return run.leave_out("refuse_invited", "none of the invited is meant");
    }
    let names = refused.iter().map(Account::as_str).collect::<Vec<_>>().join(", ");
    answer(draft, run, Verdict::RefuseInvited { accounts: refused }, format!("refuse {names}"))
}

fn holds(
    draft: &Draft<'_>,
    event: &Event,
    which: &Condition,
    account: &Account,
) -> Result<bool, String> {
    let mut context = View { draft, event, count: None }.context();
    bind_invited(&mut context, account);
    for clause in which.clauses() {
        if !clause.evaluate(&context)? {
            return Ok(false);
        }
    }
    Ok(true)
}
