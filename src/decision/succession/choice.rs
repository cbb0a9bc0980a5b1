//! The choice among candidates: whom the rule passes over, and the first wish that somebody fulfils.

use std::cmp::Reverse;

use super::super::draft::Draft;
use super::super::effect::MemberFacts;
use super::super::steps::Run;
use super::super::view::{View, bind_candidate};
use crate::chat::{Account, Role};
use crate::clock::Timestamp;
use crate::rule::condition::Condition;
use crate::rule::model::Successor;

/// Candidates that may be refused by Chat before a person is called.
pub(super) const TRIES: usize = 5;
/// Candidates that are passed over one by one in the trace; of more, the number is told.
const TOLD: usize = 10;

/// What a rule wants of a successor.
pub(super) struct Wanted<'r> {
    pub(super) to: &'r [Successor],
    pub(super) except: Option<&'r Condition>,
}

/// The first of those listed who may be owner; of two who fulfil a wish alike, the one listed before.
pub(super) fn choose(
    draft: &Draft<'_>,
    run: &mut Run<'_>,
    wanted: &Wanted<'_>,
    listed: &[&MemberFacts],
) -> Option<Account> {
    if run.tried.len() >= TRIES {
        let words = format!("choose anybody: Chat refused {}", names(run.tried));
        run.left_out.push(words);
        return None;
    }
    let mut eligible = Vec::new();
    let mut passed = 0;
    for (member, why) in judged(draft, run, wanted.except, listed) {
        match why {
            None => eligible.push(member),
            Some(why) => {
                passed += 1;
                if passed <= TOLD {
                    run.left_out.push(format!("choose {}: {why}", member.account));
                }
            }
        }
    }
    if passed > TOLD {
        run.left_out.push(format!("choose {} more, for like reasons", passed - TOLD));
    }
    wanted.to.iter().find_map(|wish| one_of(wish, &eligible))
}

/// Each candidate with what stands in their way.
fn judged<'m>(
    draft: &Draft<'_>,
    run: &Run<'_>,
    except: Option<&Condition>,
    listed: &[&'m MemberFacts],
) -> Vec<(&'m MemberFacts, Option<String>)> {
    let mut context = View { draft, event: run.event, count: run.count }.context();
    let mut judge = |member: &MemberFacts| {
        if run.tried.contains(&member.account) {
            return Some("Chat refused it".to_owned());
        }
        if draft.settings.own.contains(&member.account) {
            return Some("it is the bot's own account".to_owned());
        }
        bind_candidate(&mut context, member, draft.now);
        for clause in except?.clauses() {
            match clause.evaluate(&context) {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => return Some(format!("`except` could not be judged: {error}")),
            }
        }
        Some("`except` holds".to_owned())
    };
    listed.iter().map(|member| (*member, judge(member))).collect()
}

fn one_of(wish: &Successor, eligible: &[&MemberFacts]) -> Option<Account> {
    // `min_by_key` takes the first of equals.
    let longest = |member: &&&MemberFacts| member.joined_at.unwrap_or(Timestamp(i64::MAX));
    let chosen = match wish {
        Successor::Account(account) => eligible.iter().find(|m| m.account == *account),
        Successor::LongestServingAdmin => {
            eligible.iter().filter(|m| m.role == Role::Admin).min_by_key(longest)
        }
        Successor::LongestServingMember => eligible.iter().min_by_key(longest),
        Successor::MostRecentlyActive => eligible
            .iter()
            .filter(|m| m.last_message_at.is_some())
            .min_by_key(|m| Reverse(m.last_message_at)),
    };
    chosen.map(|member| member.account.clone())
}

/// `ann, bob and cy` for people.
pub(super) fn names(accounts: &[Account]) -> String {
    match accounts {
        [] => "nobody".to_owned(),
        [one] => one.to_string(),
        [some @ .., last] => {
            let some: Vec<_> = some.iter().map(Account::as_str).collect();
            format!("{} and {last}", some.join(", "))
        }
    }
}

/// Why nobody was found, as the end of a sentence.
pub(super) fn nobody(run: &Run<'_>, among: usize) -> String {
    match run.tried {
        [] => format!("finds nobody to become one among {among}"),
        tried => format!("finds nobody to become one among {among}: Chat refused {}", names(tried)),
    }
}
