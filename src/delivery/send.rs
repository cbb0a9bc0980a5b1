//! Sending an effect's call, in as many parts as Chat needs, and what the answers come to.

use std::collections::VecDeque;

use super::Delivery;
use super::carry::{Asking, NoReply};
use crate::chat::{Account, GroupType};
use crate::decision::effect::{Act, Outcome};
use crate::rest::reply::{AddResult, ImportResult};
use crate::rest::{Call, CallError, Class, Failure, Reply, classify};

/// "Too many accounts in one call": the limit is lower than its page says.
const TOO_MANY: i64 = 10005;

/// "Not supported by this group type" is one of its meanings.
const NOT_PERMITTED: i64 = 10007;

impl Delivery {
    /// Sends an effect's main call in the form that fits its group: where members have no profile (an
    /// AVChatRoom) a mute has another command. Where the type is not known, Chat's refusal tells it.
    pub(super) async fn send_fitting(
        &self,
        asking: &Asking<'_>,
        call: Call,
        again: bool,
    ) -> Result<Outcome, NoReply> {
        let other = call.clone().without_profile();
        if other == call {
            return self.send(asking, call, again).await;
        }
        let kind = asking.effect.act.group().and_then(|group| self.group_type(group));
        if kind != Some(GroupType::AVChatRoom) {
            match self.send(asking, call, again).await {
                Err(NoReply::Failed(error))
                    if kind.is_none() && error.code() == Some(NOT_PERMITTED) => {}
                result => return result,
            }
        }
        self.may_call(asking, &other)?;
        self.send(asking, other, again).await
    }

    /// Sends an effect's main call, whose first part was counted at the claim. `again` says that an
    /// earlier call may have worked.
    async fn send(&self, asking: &Asking<'_>, call: Call, again: bool) -> Result<Outcome, NoReply> {
        let mut parts = VecDeque::from(call.parts());
        // Counted beforehand, so that no limit comes in between.
        for part in parts.iter().skip(1) {
            self.may_call(asking, part)?;
        }
        let once = matches!(asking.effect.act, Act::NotifyGroup { .. });
        let mut sent: Vec<(Call, Result<Reply, CallError>)> = Vec::with_capacity(parts.len());
        while let Some(part) = parts.pop_front() {
            match self.call(asking, &part).await {
                Err(error)
                    if error.code() == Some(TOO_MANY)
                        && let Some([first, second]) = part.halves() =>
                {
                    self.may_call(asking, &first)?;
                    self.may_call(asking, &second)?;
                    parts.push_front(second);
                    parts.push_front(first);
                }
                // Nobody is notified twice because of those who could not be.
                Err(error) if error.class() != Class::Refused && (!once || sent.is_empty()) => {
                    return Err(NoReply::Failed(error));
                }
                result => sent.push((part, result)),
            }
        }
        of_parts(sent, again).map_err(NoReply::Failed)
    }
}

/// What the answers to all parts come to.
fn of_parts(
    mut sent: Vec<(Call, Result<Reply, CallError>)>,
    again: bool,
) -> Result<Outcome, CallError> {
    if let [(call, result)] = &mut sent[..] {
        return std::mem::replace(result, Ok(Reply::Done))
            .and_then(|reply| outcome(call, &reply, again));
    }
    let (mut all, mut failed, mut first_error) = (0, Vec::new(), None);
    for (call, result) in sent {
        let members = call.members();
        all += members.len();
        match result {
            Ok(reply) => failed.extend(left_out(&reply).iter().map(ToString::to_string)),
            Err(error) => {
                failed.extend(members.iter().map(ToString::to_string));
                first_error.get_or_insert(error);
            }
        }
    }
    match first_error {
        Some(error) if failed.len() == all => Err(error),
        Some(error) => {
            Ok(Outcome::Partly { words: format!("not for {}: {error}", failed.join(", ")) })
        }
        None => Ok(of_items("done for", all, failed)),
    }
}

/// Whom an overall OK hides.
fn left_out(reply: &Reply) -> Vec<&Account> {
    match reply {
        Reply::Imported(results) => {
            let failed = results.iter().filter(|(_, result)| *result == ImportResult::Failed);
            failed.map(|(account, _)| account).collect()
        }
        Reply::Added(results) => {
            let failed = results.iter().filter(|(_, result)| *result == AddResult::Failed);
            failed.map(|(account, _)| account).collect()
        }
        _ => Vec::new(),
    }
}

/// What an answer comes to: Chat's overall OK can hide failures of single members and messages, and a
/// message that was thrown away. `again` says that an earlier call may have worked.
pub(super) fn outcome(call: &Call, reply: &Reply, again: bool) -> Result<Outcome, CallError> {
    let failed = || left_out(reply).iter().map(ToString::to_string).collect();
    Ok(match reply {
        Reply::Imported(results) => of_items("imported", results.len(), failed()),
        Reply::Added(results) => of_items("added", results.len(), failed()),
        Reply::Recalled(results) => match results.iter().find(|(_, code)| *code != 0) {
            None => Outcome::Done,
            // What Chat says to a message that is recalled already is not documented (34965).
            Some((_, 10030 | 10032)) if again => Outcome::Done,
            Some((_, code)) => return Err(refused_item(call, *code)),
        },
        Reply::Sent { dropped: Some(reason), .. } => {
            Outcome::Refused { code: 0, words: format!("Chat threw the message away: {reason}") }
        }
        _ => Outcome::Done,
    })
}

/// Done, unless all failed; who was left out is told.
fn of_items(what: &str, all: usize, failed: Vec<String>) -> Outcome {
    let words = format!("not {what}: {}", failed.join(", "));
    match failed.len() {
        0 => Outcome::Done,
        some if some < all => Outcome::Partly { words },
        _ => Outcome::Refused { code: 0, words },
    }
}

/// An item's own code is judged as if it were the answer's.
pub(super) fn refused_item(call: &Call, code: i64) -> CallError {
    let (command, class) = (call.command(), classify(call.command(), code));
    let words = crate::rest::error::meaning(command, code).to_owned();
    CallError { command, failure: Failure::Chat { code, words, class } }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recall() -> Call {
        Call::GroupMsgRecall { group: "cats".into(), topic: None, sequences: vec![7] }
    }

    fn added(results: &[(&str, AddResult)]) -> Outcome {
        let results =
            results.iter().map(|(account, result)| ((*account).into(), *result)).collect();
        outcome(&recall(), &Reply::Added(results), false).unwrap()
    }

    #[test]
    fn who_was_not_added_is_told_and_nobody_added_is_a_refusal() {
        use AddResult::{Added, Already, Failed, Pending};
        assert_eq!(added(&[("ann", Added), ("bob", Already), ("cy", Pending)]), Outcome::Done);
        let words = "not added: ann, bob".to_owned();
        let some = [("ann", Failed), ("bob", Failed), ("cy", Added)];
        assert_eq!(added(&some), Outcome::Partly { words: words.clone() });
        assert_eq!(added(&some[..2]), Outcome::Refused { code: 0, words });
    }

    #[test]
    fn a_message_that_cannot_be_recalled_is_refused_with_what_its_code_means() {
        let reply = |code| Reply::Recalled(vec![(7, code)]);
        assert_eq!(outcome(&recall(), &reply(0), false), Ok(Outcome::Done));
        let error = outcome(&recall(), &reply(10031), true).unwrap_err();
        let words = "the message is too old to recall".to_owned();
        assert_eq!(
            crate::delivery::carry::refusal(&error),
            Outcome::Refused { code: 10031, words }
        );
        assert_eq!(error.class(), Class::Refused);
    }

    #[test]
    fn a_recall_repeated_after_a_lost_answer_takes_a_missing_message_for_a_recalled_one() {
        let reply = Reply::Recalled(vec![(7, 10030)]);
        assert_eq!(outcome(&recall(), &reply, true), Ok(Outcome::Done));
        assert_eq!(outcome(&recall(), &reply, false).unwrap_err().code(), Some(10030));
    }

    fn add(members: &[&str]) -> Call {
        let members = members.iter().map(|member| (*member).into()).collect();
        Call::AddGroupMember { group: "cats".into(), members, silent: false }
    }

    fn full() -> CallError {
        let (code, words, class) = (10014, "full".to_owned(), Class::Refused);
        CallError { command: "add_group_member", failure: Failure::Chat { code, words, class } }
    }

    #[test]
    fn of_several_parts_those_are_told_whom_one_has_left_out() {
        use AddResult::{Added, Failed};
        let some = Reply::Added(vec![("ann".into(), Added), ("bob".into(), Failed)]);
        let all = Reply::Added(vec![("cy".into(), Added)]);
        let parts = |second| {
            of_parts(vec![(add(&["ann", "bob"]), Ok(some.clone())), (add(&["cy"]), second)], false)
        };
        let words = "not done for: bob".to_owned();
        assert_eq!(parts(Ok(all)), Ok(Outcome::Partly { words }));
        let words = "not for bob, cy: add_group_member was answered with error 10014 \
                     (the group is full): full"
            .to_owned();
        assert_eq!(parts(Err(full())), Ok(Outcome::Partly { words }));
    }

    #[test]
    fn when_every_part_is_refused_the_effect_is() {
        let parts = vec![(add(&["ann"]), Err(full())), (add(&["bob"]), Err(full()))];
        assert_eq!(of_parts(parts, false), Err(full()));
        assert_eq!(of_parts(vec![(add(&["ann"]), Err(full()))], false), Err(full()));
    }
}
