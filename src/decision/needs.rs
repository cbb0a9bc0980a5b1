//! Which pieces of state an event can touch, named before anything is loaded.

use std::collections::BTreeSet;

use super::effect::{Act, Answer, Outcome, Read};
use super::event::{Cause, Event, Room, Timer};
use super::sight::Told;
use super::state::{SanctionKind, Sanctioned, StateKey};
use super::{act, judge, memory, reach, wait};
use crate::chat::{Account, GroupId};
use crate::rule::catalog::Object;
use crate::rule::condition::{Clause, Condition, Facts};
use crate::rule::model::{Action, Mode};
use crate::rule::{EventKind, Rule, RuleId, RuleSet};

/// The keys that [`super::decide`] will probably read for this event; what else it needs, it names itself.
pub fn needs(event: &Event, rules: &RuleSet) -> BTreeSet<StateKey> {
    let mut keys = BTreeSet::new();
    match &event.cause {
        Cause::Kind(kind) => of_kind(&mut keys, event, *kind, rules),
        Cause::Schedule { rule, .. } => {
            keys.insert(StateKey::Fired(rule.clone()));
            of_rule_named(&mut keys, event, rule, rules);
        }
        Cause::Timer(
            Timer::SanctionEnd { group, member, kind, .. }
            | Timer::SanctionRenewal { group, member, kind, .. }
            | Timer::SanctionLate { group, member, kind, .. },
        )
        | Cause::Lifted { group, member, kind, .. }
        | Cause::Extended { group, member, kind, .. } => {
            of_sanction(&mut keys, group, member, *kind, rules, event);
        }
        Cause::Timer(Timer::WaitOver { rule, key, event, .. }) => {
            keys.insert(StateKey::Wait(rule.clone(), key.clone()));
            of_rule_named(&mut keys, event, rule, rules);
        }
        Cause::Timer(Timer::Sweep { .. }) => {}
        Cause::Timer(Timer::Unconfirmed { group, .. }) => {
            keys.insert(StateKey::Group(group.clone()));
        }
        Cause::Timer(Timer::RoomUnconfirmed { room, .. }) => {
            keys.insert(StateKey::Room(room.clone()));
        }
        Cause::Seen(seen) => {
            if let Some(group) = &event.group {
                // Pages are long, and mostly nothing follows: what lies behind a member is loaded then.
                keys.insert(StateKey::Group(group.clone()));
                let members = seen.accounts().into_iter();
                keys.extend(members.map(|who| StateKey::Member(group.clone(), who.clone())));
            }
        }
        Cause::Discarded(_) | Cause::Dropped(_) => {}
        Cause::Retried { effect, hung, .. } => {
            let hung = hung.iter().map(|hung| &hung.effect);
            keys.extend(hung.chain([&**effect]).filter_map(super::sanction_of));
        }
        Cause::TakenForDone { hung, .. } => {
            keys.extend(hung.iter().filter_map(|hung| super::sanction_of(&hung.effect)));
        }
        Cause::Released(held) => {
            for whom in &held.sanctions {
                let Sanctioned { group, member, kind, .. } = whom;
                keys.insert(StateKey::Sanction(group.clone(), member.clone(), *kind));
            }
        }
        Cause::Settled { effect, outcome, .. } => {
            of_act(&mut keys, event, &effect.act, outcome, rules);
            if let Some(resume) = &effect.then {
                of_rule_named(&mut keys, &resume.event, &resume.rule, rules);
            }
        }
    }
    keys
}

/// Whether an event of this kind changes the mirror by itself.
fn changes_mirror(kind: EventKind) -> bool {
    matches!(
        kind,
        EventKind::MemberJoined
            | EventKind::MemberLeft
            | EventKind::MemberRemoved
            | EventKind::MemberRoleChanged
            | EventKind::MemberCardChanged
            | EventKind::OwnerLeft
            | EventKind::OwnerInactive
            | EventKind::OwnerChanged
            | EventKind::GroupCreated
            | EventKind::GroupDismissed
            | EventKind::GroupInfoChanged
            | EventKind::GroupOwnerless
    )
}

/// What may follow from an event of this kind, by the mirror alone.
fn derived(kind: EventKind) -> &'static [EventKind] {
    match kind {
        EventKind::MemberLeft | EventKind::MemberRemoved => &[EventKind::OwnerLeft],
        EventKind::GroupCreated => &[EventKind::GroupOwnerless],
        EventKind::RoomMemberLeft => &[EventKind::RoomOwnerLeft],
        EventKind::RoomInfoChanged => &[EventKind::RoomOwnerChanged],
        _ => &[],
    }
}

fn of_kind(keys: &mut BTreeSet<StateKey>, event: &Event, kind: EventKind, rules: &RuleSet) {
    let (named, mut people) = reach::named(rules, event, kind);
    for rule in named.iter() {
        people |= of_started(keys, event, rule, rules);
    }
    if people {
        of_people(keys, event);
    }
    for kind in derived(kind) {
        let mut as_derived = event.clone();
        as_derived.cause = Cause::Kind(*kind);
        of_derived(keys, &as_derived, *kind, rules);
    }
    keys.extend(wait::undone(rules, event));
    if let Some(room) = &event.room {
        keys.insert(StateKey::Room(room.id.clone()));
        if matches!(
            kind,
            EventKind::RoomMemberEntered | EventKind::RoomOwnerChanged | EventKind::RoomInfoChanged
        ) {
            keys.extend(wait::room_owner_waits(rules, &room.id));
        }
    }
    let notes = kind == EventKind::MessageSent && rules.notes_messages();
    if notes || changes_mirror(kind) {
        of_people(keys, event);
        if let Some(group) = &event.group {
            owners_named(event).for_each(|account| add_member(keys, group, &account));
            if kind == EventKind::OwnerChanged || kind == EventKind::GroupCreated {
                keys.extend(wait::owner_waits(rules, group));
            }
        }
    }
}

fn owners_named(event: &Event) -> impl Iterator<Item = Account> + '_ {
    ["old_owner", "new_owner", "owner"]
        .into_iter()
        .filter_map(|name| super::mirror::text(event, name).map(Account::from))
}

fn of_people(keys: &mut BTreeSet<StateKey>, event: &Event) {
    let Some(group) = &event.group else { return };
    keys.insert(StateKey::Group(group.clone()));
    for account in [&event.member, &event.operator].into_iter().flatten() {
        add_member(keys, group, account);
    }
}

fn add_member(keys: &mut BTreeSet<StateKey>, group: &GroupId, account: &Account) {
    keys.insert(StateKey::Member(group.clone(), account.clone()));
    for kind in SanctionKind::OF_MEMBER {
        keys.insert(StateKey::Sanction(group.clone(), account.clone(), kind));
    }
}

fn of_rule_named(keys: &mut BTreeSet<StateKey>, event: &Event, id: &RuleId, rules: &RuleSet) {
    if let Some(rule) = rules.get(id) {
        of_rule(keys, event, rule, rules);
    }
}

/// What a rule needs that an event starts; says whether it looks at people. What the event itself
/// tells is enough for most rules to stop at their conditions: then what lies behind is not loaded.
fn of_started(keys: &mut BTreeSet<StateKey>, event: &Event, rule: &Rule, rules: &RuleSet) -> bool {
    if !looks(rule, event) {
        return false;
    }
    let told = Told(event);
    let stops = |clause: &Clause| {
        let holds = clause.native().and_then(|native| native.judge(&told));
        holds == Some(false) && !clause.reads("count")
    };
    let stopped =
        (event.by_bot && !rule.on_own) || rule.when.iter().flat_map(Condition::clauses).any(stops);
    if !stopped {
        of_its_own(keys, event, rule, rules);
        return true;
    }
    // Clauses before the one that stops it may read state, and are what the trace tells.
    let is_told = |(object, field): &(Object, String)| told.fact(*object, field).is_some();
    let scope_is_told = event.group.is_none() || event.group_type.is_some();
    let judged = clauses(rule).all(|clause| clause.native().is_some());
    if scope_is_told && judged && read_by(rule).all(is_told) {
        return false;
    }
    of_conditions(keys, event, rule, rules);
    true
}

/// What rules need when such an event follows.
fn of_derived(keys: &mut BTreeSet<StateKey>, event: &Event, kind: EventKind, rules: &RuleSet) {
    rules.on(kind).iter().for_each(|rule| of_rule(keys, event, rule, rules));
}

pub(super) fn of_rule(keys: &mut BTreeSet<StateKey>, event: &Event, rule: &Rule, rules: &RuleSet) {
    if looks(rule, event) {
        of_people(keys, event);
        of_its_own(keys, event, rule, rules);
    }
}

fn looks(rule: &Rule, event: &Event) -> bool {
    let selects = |group| rule.scope.selects(group, event.group_type);
    rule.mode != Mode::Off && event.group.as_ref().is_none_or(selects)
}

fn clauses(rule: &Rule) -> impl Iterator<Item = &Clause> {
    [&rule.when, &rule.unless].into_iter().flatten().flat_map(Condition::clauses)
}

/// The fields that a rule's conditions read.
fn read_by(rule: &Rule) -> impl Iterator<Item = &(Object, String)> {
    clauses(rule).flat_map(Clause::uses)
}

/// What conditions read, beside people.
fn of_conditions(keys: &mut BTreeSet<StateKey>, event: &Event, rule: &Rule, rules: &RuleSet) {
    if let Some(room) = &event.room {
        keys.insert(StateKey::Room(room.id.clone()));
    }
    for (object, key) in read_by(rule) {
        if *object == Object::Memory {
            keys.extend(memory::key_named(rules, key, event));
        }
    }
}

/// What a rule reads and keeps, beside people.
fn of_its_own(keys: &mut BTreeSet<StateKey>, event: &Event, rule: &Rule, rules: &RuleSet) {
    of_conditions(keys, event, rule, rules);
    let id = &rule.id;
    if let Some(count) = &rule.count {
        keys.insert(StateKey::Counter(id.clone(), judge::each_key(&count.each, event)));
    }
    if let Some(once) = &rule.once {
        keys.insert(StateKey::Once(id.clone(), judge::each_key(&once.each, event)));
    }
    if let Some(cooldown) = &rule.cooldown {
        keys.insert(StateKey::Cooldown(id.clone(), judge::each_key(&cooldown.each, event)));
    }
    if rule.wait.is_some() {
        keys.insert(wait::place_of(id, event));
    }
    for step in &rule.steps {
        if let Action::Remember { key, each, .. } | Action::Forget { key, each } = &step.action {
            keys.insert(memory::key_of(key, each, event));
        }
    }
    let Some(group) = &event.group else { return };
    for (position, step) in rule.steps.iter().enumerate() {
        let Some(target) = act::target(&step.action, event) else { continue };
        add_member(keys, group, &target);
        if matches!(step.action, Action::Mute { .. }) {
            let target = target.clone();
            keys.insert(StateKey::Ladder(id.clone(), position, group.clone(), target));
        }
    }
}

fn of_sanction(
    keys: &mut BTreeSet<StateKey>,
    group: &GroupId,
    member: &Account,
    kind: SanctionKind,
    rules: &RuleSet,
    event: &Event,
) {
    keys.insert(StateKey::Group(group.clone()));
    add_member(keys, group, member);
    if kind == SanctionKind::Mute {
        let mut ended = event.clone();
        ended.group = Some(group.clone());
        ended.member = Some(member.clone());
        ended.cause = Cause::Kind(EventKind::MuteEnded);
        of_derived(keys, &ended, EventKind::MuteEnded, rules);
    }
}

/// What the settling of an effect can change: those it names, and those whom Chat's answer names.
fn of_act(
    keys: &mut BTreeSet<StateKey>,
    event: &Event,
    act: &Act,
    outcome: &Outcome,
    rules: &RuleSet,
) {
    if let Some(room) = act.room() {
        of_room(keys, event, room, rules);
    }
    let Some(group) = &event.group else { return };
    keys.insert(StateKey::Group(group.clone()));
    let mut ownerless = false;
    match act {
        Act::SetRole { member, .. } => {
            of_sanction(keys, group, member, SanctionKind::Role, rules, event);
        }
        Act::Mute { member, .. }
        | Act::Unmute { member, .. }
        | Act::Read(Read::Muted { member, .. }) => {
            of_sanction(keys, group, member, SanctionKind::Mute, rules, event);
        }
        Act::SetNameCard { member, .. } | Act::Ban { member, .. } => {
            add_member(keys, group, member);
        }
        Act::TransferOwner { from, to, .. } => {
            from.iter().chain([to]).for_each(|account| add_member(keys, group, account));
            keys.extend(wait::owner_waits(rules, group));
        }
        Act::Read(Read::Group { .. } | Read::Candidates { .. }) => ownerless = true,
        Act::Read(Read::Roles { accounts, .. }) => {
            accounts.iter().for_each(|account| add_member(keys, group, account));
            ownerless = true;
        }
        _ => {}
    }
    if let Outcome::Answer(Answer::Roles { roles, .. }) = outcome {
        roles.iter().for_each(|(account, _)| add_member(keys, group, account));
    }
    if ownerless {
        keys.extend(wait::owner_waits(rules, group));
        let mut found = event.clone();
        found.member = None;
        found.operator = None;
        found.cause = Cause::Kind(EventKind::GroupOwnerless);
        of_derived(keys, &found, EventKind::GroupOwnerless, rules);
    }
}

/// What Chat's answer about a room, or its new owner, can change.
fn of_room(keys: &mut BTreeSet<StateKey>, event: &Event, room: Room, rules: &RuleSet) {
    keys.insert(StateKey::Room(room.id.clone()));
    keys.extend(wait::room_owner_waits(rules, &room.id));
    let mut found = event.clone();
    found.room = Some(room);
    for kind in [EventKind::RoomOwnerLeft, EventKind::RoomOwnerChanged] {
        found.cause = Cause::Kind(kind);
        of_derived(keys, &found, kind, rules);
    }
}
