//! One try: from the effect to the call, and from Chat's answer to what is to be done now.

use std::time::Duration;

use super::index::Command;
use super::{Claimed, Delivery};
use crate::chat::{GroupType, limits};
use crate::clock::Timestamp;
use crate::decision::Effect;
use crate::decision::effect::{Act, Manner, Outcome, Read};
use crate::decision::event::RoomKind;
use crate::ledger::{self, Pending};
use crate::rest::reply::ImportResult;
use crate::rest::{Call, CallError, Class, Failure, MemberChange, Reply, retry};
use crate::store::StoreError;

/// How long a command rests when only a person can make it work again.
const CONFIGURATION_PAUSE: Duration = Duration::from_secs(60);
/// Chat throws away a message with the same `Random` for five minutes (34959); a minute of them is kept in hand.
const SAME_RANDOM: Duration = Duration::from_secs(240);

/// What one try came to.
pub(super) enum Tried {
    Settled(Outcome),
    /// To be tried again. `counts` is false when nothing was sent.
    Again {
        at: Timestamp,
        trouble: String,
        perhaps_done: bool,
        counts: bool,
    },
    /// Given up.
    Dead(String),
}

/// Why a call brought no reply.
pub(super) enum NoReply {
    /// The limit for this command is used up until then.
    Limited(Timestamp),
    Failed(CallError),
}

/// The command of an effect's main call, for the limits.
pub(super) fn command(effect: &Effect) -> Command {
    if effect.manner != Manner::Send {
        return "";
    }
    match &effect.act {
        Act::Alert { .. } => "",
        Act::Read(Read::Group { .. } | Read::Candidates { .. }) => "get_group_info",
        Act::Read(Read::Roles { group_type: Some(GroupType::AVChatRoom) | None, .. }) => {
            "get_group_info"
        }
        Act::Read(Read::Roles { .. }) => "get_role_in_group",
        Act::Read(Read::Muted { .. }) => "get_group_muted_account",
        act => call_for(act, effect, Timestamp::default()).map_or("", |call| call.command()),
    }
}

/// The call that carries an act out; `None` for reads, alerts, and a mute whose time has passed.
fn call_for(act: &Act, effect: &Effect, now: Timestamp) -> Option<Call> {
    let member_info = |group: &crate::chat::GroupId, member: &crate::chat::Account, change| {
        Call::ModifyGroupMemberInfo { group: group.clone(), member: member.clone(), change }
    };
    Some(match act {
        Act::SetRole { group, group_type: Some(GroupType::AVChatRoom), member, role } => {
            Call::ModifyAdmin {
                group: group.clone(),
                set: *role == crate::chat::Role::Admin,
                admins: vec![member.clone()],
            }
        }
        Act::SetRole { group, member, role, .. } => {
            member_info(group, member, MemberChange::Role(*role))
        }
        Act::Mute { group, member, until, .. } => {
            member_info(group, member, MemberChange::MuteSeconds(seconds_left(*until, now)?))
        }
        Act::Unmute { group, member } => member_info(group, member, MemberChange::MuteSeconds(0)),
        Act::SetNameCard { group, member, text } => {
            member_info(group, member, MemberChange::NameCard(text.clone()))
        }
        Act::SetMessageReceiving { group, member, mode } => {
            member_info(group, member, MemberChange::MsgFlag(*mode))
        }
        Act::SetMemberFields { group, member, fields } => {
            member_info(group, member, MemberChange::Fields(fields.clone()))
        }
        Act::TransferOwner { group, to, .. } => {
            Call::ChangeGroupOwner { group: group.clone(), new_owner: to.clone(), from: None }
        }
        Act::TransferRoom { room, kind, from, to } => Call::ChangeRoomOwner {
            room: room.clone(),
            live: *kind == RoomKind::Live,
            from: from.clone(),
            new_owner: to.clone(),
        },
        Act::ImportMembers { group, members } => {
            Call::ImportGroupMember { group: group.clone(), members: members.clone() }
        }
        Act::SendMessage { group, text, from } => Call::SendGroupMsg {
            group: group.clone(),
            text: text.clone(),
            from: from.clone(),
            random: random(effect),
        },
        _ => return None,
    })
}

/// `MuteTime` for a wanted end: rounded up to a second, so that it never ends early.
fn seconds_left(until: Option<Timestamp>, now: Timestamp) -> Option<u32> {
    let Some(until) = until else { return Some(limits::MUTE_FOREVER) };
    let seconds = until.since(now).as_millis().div_ceil(1000);
    // One below "for ever", which is not what was wanted.
    let seconds = u32::try_from(seconds).unwrap_or(u32::MAX).min(limits::MUTE_FOREVER - 1);
    (seconds > 0).then_some(seconds)
}

/// A number that follows from the effect, so that a repeated call carries the same.
pub(super) fn random(effect: &Effect) -> u32 {
    u32::from_str_radix(&effect.id.as_str()[..8], 16).unwrap_or_default()
}

fn jitter(effect: &Effect) -> u64 {
    u64::from_str_radix(effect.id.as_str(), 16).unwrap_or_default()
}

impl Delivery {
    /// Carries one claimed effect out, and settles it or puts it back.
    pub(super) async fn carry_out(&self, claimed: Claimed) -> Result<(), StoreError> {
        let Claimed { lane, sequence } = claimed;
        let key = ledger::outbox_key(&lane, sequence);
        let pending: Option<Pending> = match ledger::read(&*self.store, &key) {
            Ok(pending) => pending,
            Err(error) => {
                self.index().again(&lane, self.clock.now() + CONFIGURATION_PAUSE);
                return Err(error);
            }
        };
        let Some(mut pending) = pending else {
            self.index().settled(&lane, &[sequence]);
            return Ok(());
        };
        pending.perhaps_done |= self.index().was_recovered(sequence);
        let tried = self.attempt(&pending).await;
        self.settle(&lane, sequence, pending, tried).await
    }

    async fn attempt(&self, pending: &Pending) -> Tried {
        let effect = &pending.effect;
        if effect.manner == Manner::Shadow {
            return Tried::Settled(Outcome::Observed);
        }
        if let Act::Alert { text } = &effect.act {
            self.listener.alerted(pending, text);
            return Tried::Settled(Outcome::Done);
        }
        if let Act::Read(read) = &effect.act {
            return match self.read(effect, read).await {
                Ok(answer) => Tried::Settled(Outcome::Answer(answer)),
                Err(no_reply) => self.judge(pending, no_reply),
            };
        }
        // Whom a group belongs to is looked at before every transfer: people settle that too.
        let transfer = matches!(effect.act, Act::TransferOwner { .. });
        if pending.perhaps_done || transfer {
            match self.verify(effect).await {
                Ok(Some(outcome)) => return Tried::Settled(outcome),
                Ok(None) => {}
                Err(no_reply) => return self.judge(pending, no_reply),
            }
        }
        if pending.perhaps_done
            && let Some(tried) = self.unrepeatable(pending)
        {
            return tried;
        }
        let now = self.clock.now();
        let Some(call) = call_for(&effect.act, effect, now) else {
            // A mute that could not be sent until its time was over.
            let words = "the mute's time was over before it could be sent".to_owned();
            return Tried::Settled(Outcome::Refused { code: 0, words });
        };
        // The limit was taken when the effect was claimed.
        match self.chat.call(&call, random(effect)).await {
            Ok(reply) => Tried::Settled(done_or_not(&reply)),
            Err(error) => self.judge(pending, NoReply::Failed(error)),
        }
    }

    /// A message that may have been sent is repeated only while Chat would notice the repetition.
    fn unrepeatable(&self, pending: &Pending) -> Option<Tried> {
        let message = matches!(pending.effect.act, Act::SendMessage { .. });
        let late = self.clock.now().since(pending.effect.created) > SAME_RANDOM;
        (message && late).then(|| {
            let trouble = if pending.trouble.is_empty() { "no answer" } else { &pending.trouble };
            Tried::Dead(format!("it may have been sent, and is not sent twice ({trouble})"))
        })
    }

    /// Makes a call that is not the effect's main one, within its command's limit.
    pub(super) async fn ask(&self, effect: &Effect, call: &Call) -> Result<Reply, NoReply> {
        if call.command() != command(effect) || self.is_main_taken(effect) {
            let now = self.clock.now();
            self.limiter().take(call.command(), now).map_err(NoReply::Limited)?;
        }
        self.chat.call(call, random(effect)).await.map_err(NoReply::Failed)
    }

    /// Reads use the token of their claim for their first call; writes keep it for their own.
    fn is_main_taken(&self, effect: &Effect) -> bool {
        !effect.act.is_read()
    }

    fn judge(&self, pending: &Pending, no_reply: NoReply) -> Tried {
        let now = self.clock.now();
        let perhaps_done = pending.perhaps_done;
        let error = match no_reply {
            NoReply::Limited(at) => {
                let trouble = pending.trouble.clone();
                return Tried::Again { at, trouble, perhaps_done, counts: false };
            }
            NoReply::Failed(error) => error,
        };
        let trouble = error.to_string();
        let perhaps_done =
            perhaps_done || (error.outcome_unknown() && !pending.effect.act.is_read());
        match error.class() {
            Class::Done => Tried::Settled(Outcome::Done),
            Class::Refused => Tried::Settled(refusal(&error)),
            Class::Configuration => {
                let until = now + CONFIGURATION_PAUSE;
                self.index().pause(error.command, until);
                tracing::error!(command = error.command, %error, "only a person can mend this; the command rests for a minute");
                Tried::Again { at: until, trouble, perhaps_done, counts: false }
            }
            class => {
                if class == Class::SlowDown {
                    self.limiter().slow_down(error.command, now);
                }
                let first = pending.effect.created;
                match retry::next_try(pending.tries, class, jitter(&pending.effect), first, now) {
                    Some(at) => Tried::Again { at, trouble, perhaps_done, counts: true },
                    None => Tried::Dead(trouble),
                }
            }
        }
    }
}

fn refusal(error: &CallError) -> Outcome {
    match &error.failure {
        Failure::Chat { code, words, .. } => Outcome::Refused { code: *code, words: words.clone() },
        other => Outcome::Refused {
            code: 0,
            words: match other {
                Failure::Invalid(text) => text.clone(),
                _ => error.to_string(),
            },
        },
    }
}

/// Chat's overall OK can hide failures of single members, and a message that was thrown away.
fn done_or_not(reply: &Reply) -> Outcome {
    match reply {
        Reply::Imported(results) => {
            let failed = results.iter().filter(|(_, result)| *result == ImportResult::Failed);
            let failed = failed.map(|(account, _)| account.to_string()).collect::<Vec<_>>();
            if failed.is_empty() {
                return Outcome::Done;
            }
            Outcome::Refused { code: 0, words: format!("not imported: {}", failed.join(", ")) }
        }
        Reply::Sent { dropped: Some(reason), .. } => {
            Outcome::Refused { code: 0, words: format!("Chat threw the message away: {reason}") }
        }
        _ => Outcome::Done,
    }
}
