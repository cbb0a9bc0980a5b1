//! `wait`: act some time after the event, if the cause still holds then.

use super::draft::{Draft, effect_id};
use super::event::{Cause, Event, EventId, Timer};
use super::state::{Owner, StateKey, StateValue};
use super::trace::Why;
use super::{judge, succession};
use crate::chat::{Account, GroupId, Role, RoomId};
use crate::clock::Timestamp;
use crate::rule::model::Trigger;
use crate::rule::{EventKind, Rule, RuleId, RuleSet};

/// What a rule's wait is for: one per group (or room) where the cause belongs to the group, else one per member.
pub(super) fn key_of(event: &Event) -> String {
    let room = event.room.as_ref().map(|room| room.id.as_str());
    let group = event.group.as_ref().map(GroupId::as_str).or(room).unwrap_or("");
    match event.kind() {
        Some(EventKind::OwnerLeft | EventKind::GroupOwnerless | EventKind::RoomOwnerLeft)
        | None => group.to_owned(),
        Some(_) => {
            let member = event.member.as_ref().map_or("", |member| member.as_str());
            format!("{group}\n{member}")
        }
    }
}

/// Whether each event is a cause of its own, however many there are of them: nothing else tells them apart.
fn stands_alone(event: &Event) -> bool {
    use EventKind::{
        Callback, MessageFailed, MessageRecalled, MessageSent, PrivateSent, TopicCreated,
        TopicDismissed, TopicInfoChanged,
    };
    matches!(
        event.kind(),
        Some(
            Callback
                | MessageFailed
                | MessageRecalled
                | MessageSent
                | PrivateSent
                | TopicCreated
                | TopicDismissed
                | TopicInfoChanged
        )
    )
}

/// Where the wait for an event stands.
pub(super) fn place_of(rule: &RuleId, event: &Event) -> StateKey {
    let mut key = key_of(event);
    if stands_alone(event) {
        key = format!("{key}\n{}", event.id);
    }
    StateKey::Wait(rule.clone(), key)
}

/// Starts a wait, unless one runs for the same cause.
pub(super) fn begin(
    draft: &mut Draft<'_>,
    rule: &Rule,
    event: &Event,
    due: Timestamp,
    count: Option<u32>,
) -> Why {
    let state = place_of(&rule.id, event);
    if let Some(StateValue::Wait { due, .. }) = draft.get(&state) {
        return Why::AlreadyWaiting { until: *due };
    }
    let wait = effect_id(event, &rule.id, "wait");
    let after = event.kind();
    let gone = succession::gone_owner(event);
    draft.set(state.clone(), Some(StateValue::Wait { wait: wait.clone(), due, after, gone }));
    if let StateKey::Wait(rule, key) = state {
        let event = Box::new(event.clone());
        draft.timer(due, Timer::WaitOver { rule, key, wait, event, count });
    }
    Why::Waiting { until: due }
}

/// The time is over: goes on if this wait is still the one that runs, and its cause still holds.
pub(super) fn over(
    draft: &mut Draft<'_>,
    (id, key): (&RuleId, &str),
    wait: &EventId,
    event: &Event,
    count: Option<u32>,
) {
    let state = StateKey::Wait(id.clone(), key.to_owned());
    match draft.get(&state) {
        Some(StateValue::Wait { wait: running, .. }) if running == wait => {}
        _ => {
            draft.note(format!("the wait of `{id}` was ended before its time"));
            return;
        }
    }
    draft.set(state, None);
    let rules = draft.rules;
    let Some(rule) = rules.get(id) else {
        draft.note(format!("`{id}` is not among the rules any more; its wait is dropped"));
        return;
    };
    // An edited rule is asked again what it wants: the new text may have nothing to do with the event.
    let dropped = match rule.wait {
        None => Some("does not wait any more"),
        Some(_) if !listens(rule, event) => Some("does not listen to such events any more"),
        Some(_) => None,
    };
    if let Some(why) = dropped {
        draft.note(format!("`{id}` {why}; the wait that ran is dropped"));
        return;
    }
    match cause_gone(draft, event) {
        Some(what) => draft.note_rule(rule, event, Why::CauseGone { what }),
        None => judge::after_wait(draft, rule, event, count),
    }
}

/// Whether a rule, as it is now, is started by events like this one.
pub(super) fn listens(rule: &Rule, event: &Event) -> bool {
    match (&rule.trigger, &event.cause) {
        (Trigger::On(kinds), Cause::Kind(kind)) => kinds.contains(kind),
        (Trigger::Schedule(_), Cause::Schedule { rule: of, .. }) => rule.id == *of,
        _ => false,
    }
}

/// Events after which the cause of these others holds no more. One that stands here for itself has
/// changed the same thing once more: what waits for it begins anew.
fn undone_by(kind: EventKind) -> &'static [EventKind] {
    use EventKind::{
        MemberJoined, MemberLeft, MemberOffline, MemberOnline, MemberRemoved, MemberRoleChanged,
        MessageSent, OwnerChanged, OwnerInactive, RoomMemberEntered, RoomMemberLeft, UserOffline,
        UserOnline,
    };
    match kind {
        MemberJoined => &[MemberLeft, MemberRemoved],
        MemberLeft | MemberRemoved => {
            &[MemberJoined, MemberOnline, MemberOffline, MemberRoleChanged]
        }
        MemberOnline => &[MemberOffline],
        MemberOffline => &[MemberOnline],
        MemberRoleChanged => &[MemberRoleChanged],
        OwnerChanged => &[OwnerChanged],
        MessageSent => &[OwnerInactive],
        RoomMemberEntered => &[RoomMemberLeft],
        RoomMemberLeft => &[RoomMemberEntered],
        UserOnline => &[UserOffline],
        UserOffline => &[UserOnline],
        _ => &[],
    }
}

/// The waits that an event may end, because it undoes what they wait after.
pub(super) fn undone<'r>(
    rules: &'r RuleSet,
    event: &'r Event,
) -> impl Iterator<Item = StateKey> + 'r {
    let kinds = event.kind().map_or(&[][..], undone_by);
    let waits = rules.waiting().iter();
    let ended = waits.filter(|rule| kinds.iter().any(|kind| rule.trigger.is_on(*kind)));
    ended.map(|rule| StateKey::Wait(rule.id.clone(), key_of(event)))
}

/// Ends the waits whose cause this event undoes.
pub(super) fn end_undone(draft: &mut Draft<'_>, event: &Event) {
    let Some(kind) = event.kind() else { return };
    let keys: Vec<StateKey> = undone(draft.rules, event).collect();
    for key in keys {
        let Some(StateValue::Wait { after, .. }) = draft.get(&key) else { continue };
        // A rule with several events may wait after one that this does not touch.
        if after.is_some_and(|after| undone_by(kind).contains(&after))
            && let StateKey::Wait(rule, _) = &key
        {
            draft.note(format!("the wait of `{rule}` ends: {}", kind.name()));
            draft.set(key, None);
        }
    }
}

/// Why the cause of an event holds no more, if so.
fn cause_gone(draft: &Draft<'_>, event: &Event) -> Option<String> {
    if let (Some(room), Some(EventKind::RoomOwnerLeft)) = (&event.room, event.kind()) {
        return match draft.room(&room.id).map(|record| &record.owner) {
            Some(Owner::Is(owner)) => (Some(owner) != event.member.as_ref())
                .then(|| format!("the room has an owner again, {owner}")),
            Some(_) => None,
            // Whose owner left was known; a room that is not any more has closed.
            None => Some("the room is closed".to_owned()),
        };
    }
    let group = event.group.as_ref()?;
    if draft.group(group).dismissed && event.kind() != Some(EventKind::GroupDismissed) {
        return Some("the group is dismissed".to_owned());
    }
    match event.kind()? {
        EventKind::OwnerLeft | EventKind::GroupOwnerless => match draft.group(group).owner {
            Owner::Is(owner) if succession::gone_owner(event).as_ref() == Some(&owner) => None,
            Owner::Is(owner) => Some(format!("the group has an owner again, {owner}")),
            Owner::Nobody | Owner::Unknown => None,
        },
        EventKind::OwnerInactive => match (draft.group(group).owner, &event.member) {
            (Owner::Is(owner), Some(inactive)) if owner != *inactive => {
                Some(format!("the group has another owner, {owner}"))
            }
            (Owner::Nobody, Some(inactive)) => Some(format!("{inactive} has left the group")),
            _ => None,
        },
        EventKind::MemberJoined => {
            let member = event.member.as_ref()?;
            let known = draft.get(&StateKey::Member(group.clone(), member.clone()));
            let stored = event.group_type != Some(crate::chat::GroupType::AVChatRoom);
            let outside = match known {
                Some(StateValue::Member(record)) => !record.is_present(),
                _ => stored,
            };
            outside.then(|| format!("{member} is not in the group any more"))
        }
        // They came while nobody told us, and Chat has said since what they are.
        EventKind::MemberLeft | EventKind::MemberRemoved => {
            let member = event.member.as_ref()?;
            let role = draft.member(group, member).role;
            role.is_some_and(|role| role != Role::Outside)
                .then(|| format!("{member} is in the group again"))
        }
        _ => None,
    }
}

/// A group has an owner: whoever waits because it had none, waits no more.
pub(super) fn end_for_owner(draft: &mut Draft<'_>, group: &GroupId, owner: &Account) {
    let keys: Vec<StateKey> = owner_waits(draft.rules, group).collect();
    for key in keys {
        if let Some(StateValue::Wait { gone, .. }) = draft.get(&key)
            && gone.as_ref() != Some(owner)
        {
            if let StateKey::Wait(rule, _) = &key {
                draft.note(format!("the wait of `{rule}` ends: the group has an owner"));
            }
            draft.set(key, None);
        }
    }
}

/// The waits that a new owner of a group ends.
pub(super) fn owner_waits<'r>(
    rules: &'r RuleSet,
    group: &'r GroupId,
) -> impl Iterator<Item = StateKey> + 'r {
    let waits = |rule: &&std::sync::Arc<Rule>| {
        rule.trigger.is_on(EventKind::OwnerLeft) || rule.trigger.is_on(EventKind::GroupOwnerless)
    };
    let key = group.as_str();
    rules
        .waiting()
        .iter()
        .filter(waits)
        .map(move |rule| StateKey::Wait(rule.id.clone(), key.into()))
}

/// A room has an owner who is in it: whoever waits because the last one had left, waits no more.
pub(super) fn end_for_room_owner(draft: &mut Draft<'_>, room: &RoomId, why: &str) {
    let keys: Vec<StateKey> = room_owner_waits(draft.rules, room).collect();
    for key in keys {
        let Some(StateValue::Wait { after, .. }) = draft.get(&key) else { continue };
        if *after == Some(EventKind::RoomOwnerLeft)
            && let StateKey::Wait(rule, _) = &key
        {
            draft.note(format!("the wait of `{rule}` ends: {why}"));
            draft.set(key, None);
        }
    }
}

/// The waits that an owner of a room ends.
pub(super) fn room_owner_waits<'r>(
    rules: &'r RuleSet,
    room: &'r RoomId,
) -> impl Iterator<Item = StateKey> + 'r {
    let waits = rules.waiting().iter();
    let rules = waits.filter(|rule| rule.trigger.is_on(EventKind::RoomOwnerLeft));
    rules.map(|rule| StateKey::Wait(rule.id.clone(), room.as_str().to_owned()))
}
