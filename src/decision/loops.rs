//! Loops: what two rules, or a rule and people, change back and forth is left alone for a while.

use std::time::Duration;

use super::draft::{Draft, effect_id};
use super::effect::Act;
use super::event::{Event, EventId};
use super::mirror;
use super::state::{Change, ChangedField, Changes, StateKey, StateValue};
use crate::chat::{Account, GroupId, Role};
use crate::clock::Timestamp;
use crate::rule::{EventKind, Rule, duration};

/// `[safety] loop`: a field that changes back and forth more than so many times in a time rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoopLimit {
    pub changes: u32,
    pub per: Duration,
    /// For so long the bot leaves the field alone.
    pub rest: Duration,
}

impl Default for LoopLimit {
    fn default() -> Self {
        Self { changes: 6, per: Duration::from_secs(600), rest: Duration::from_secs(3_600) }
    }
}

/// Of whom which field is changed; of a group's own, the account is everybody.
type Place<'p> = (&'p GroupId, ChangedField, &'p Account);

/// Lets an effect that a rule wants pass, unless it would go on with a loop. Of a group's fields, only
/// those that rest are taken out. The error says why the effect is left out.
pub(super) fn admit(
    draft: &mut Draft<'_>,
    rule: &Rule,
    event: &Event,
    act: &mut Act,
) -> Result<(), String> {
    let Some(limit) = draft.settings.loops.filter(|_| !draft.in_shadow(rule)) else {
        return Ok(());
    };
    let mut stopped = None;
    let changes = changes_of(act);
    let all = changes.len();
    let mut left = 0;
    for (group, field, account, value) in changes {
        let place = (&group, field, &account);
        match change(draft, rule, event, (place, value), limit) {
            Ok(()) => left += 1,
            Err(why) => {
                take_out(act, field);
                stopped = Some(why);
            }
        }
    }
    match stopped {
        Some(why) if left == 0 => Err(why),
        Some(why) => {
            draft.note(format!("{} of {all} fields are left out: {why}", all - left));
            Ok(())
        }
        None => Ok(()),
    }
}

/// Which fields an effect changes, and to what.
fn changes_of(act: &Act) -> Vec<(GroupId, ChangedField, Account, String)> {
    let everybody = Account::everybody;
    let one = |group: &GroupId, field, account: Account, value: &str| {
        vec![(group.clone(), field, account, value.to_owned())]
    };
    match act {
        Act::SetRole { group, member, role, .. } => {
            one(group, ChangedField::Role, member.clone(), role.name())
        }
        Act::SetNameCard { group, member, text } => {
            one(group, ChangedField::NameCard, member.clone(), &digest(text))
        }
        Act::Mute { group, member, .. } => one(group, ChangedField::Mute, member.clone(), "muted"),
        Act::Unmute { group, member, .. } => one(group, ChangedField::Mute, member.clone(), "free"),
        Act::Ban { group, member, .. } => one(group, ChangedField::Ban, member.clone(), "banned"),
        Act::Unban { group, member } => one(group, ChangedField::Ban, member.clone(), "free"),
        Act::MuteAll { group, .. } => one(group, ChangedField::MuteAll, everybody(), "muted"),
        Act::UnmuteAll { group } => one(group, ChangedField::MuteAll, everybody(), "free"),
        Act::TransferOwner { group, to, .. } => {
            one(group, ChangedField::Owner, everybody(), to.as_str())
        }
        Act::SetGroup { group, fields } => {
            let texts = [
                (ChangedField::GroupName, &fields.name),
                (ChangedField::Introduction, &fields.introduction),
                (ChangedField::Notification, &fields.notification),
            ];
            let texts = texts.into_iter().filter_map(|(field, text)| {
                Some((group.clone(), field, everybody(), digest(text.as_ref()?)))
            });
            let join = fields.join.map(|join| {
                (group.clone(), ChangedField::Join, everybody(), join.name().to_owned())
            });
            texts.chain(join).collect()
        }
        _ => Vec::new(),
    }
}

/// Takes a group's field out of what is to be set.
fn take_out(act: &mut Act, field: ChangedField) {
    let Act::SetGroup { fields, .. } = act else { return };
    match field {
        ChangedField::GroupName => fields.name = None,
        ChangedField::Introduction => fields.introduction = None,
        ChangedField::Notification => fields.notification = None,
        ChangedField::Join => fields.join = None,
        _ => {}
    }
}

/// What stands for a text: members' words are not kept.
fn digest(text: &str) -> String {
    EventId::of(&[text.as_bytes()]).to_string()
}

/// Notes a change that a rule wants; the error says why it is not to be.
fn change(
    draft: &mut Draft<'_>,
    rule: &Rule,
    event: &Event,
    (place, value): (Place<'_>, String),
    limit: LoopLimit,
) -> Result<(), String> {
    let mut changes = recent(draft, place, limit).unwrap_or_default();
    if let Some(until) = changes.rests_until {
        return Err(format!("it went back and forth, and is left alone until {until}"));
    }
    let before = changes.clone();
    let by = Some(rule.id.clone());
    push(&mut changes, Change { at: draft.now, to: value, by }, limit);
    if undone(&changes.recent) <= limit.changes as usize {
        set(draft, place, changes);
        return Ok(());
    }
    let until = draft.now + limit.rest;
    let per = duration::format(limit.per);
    let often = format!("more than {} times in {per}", limit.changes);
    tell(draft, rule, event, place, &changes.recent, (&often, until));
    set(draft, place, Changes { rests_until: Some(until), ..before });
    Err(format!("it went back and forth {often}, and is left alone until {until}"))
}

/// Notes what people have changed, as callbacks or reconciliation tell it.
pub(super) fn notice(draft: &mut Draft<'_>, event: &Event, kind: EventKind) {
    let Some(group) = event.group.as_ref().filter(|_| !event.by_bot) else { return };
    let everybody = Account::everybody();
    let text = |name| mirror::text(event, name);
    match (kind, &event.member) {
        (EventKind::MemberRoleChanged, Some(member)) => {
            if let Some(role) = text("role").and_then(Role::from_wire) {
                by_person(draft, (group, ChangedField::Role, member), role.name());
            }
        }
        (EventKind::MemberCardChanged, Some(member)) => {
            if let Some(card) = text("name_card") {
                by_person(draft, (group, ChangedField::NameCard, member), &digest(card));
            }
        }
        (EventKind::OwnerChanged, _) => {
            if let Some(owner) = text("new_owner") {
                by_person(draft, (group, ChangedField::Owner, &everybody), owner);
            }
        }
        (EventKind::GroupInfoChanged, _) => {
            let fields = [
                ("name", ChangedField::GroupName),
                ("introduction", ChangedField::Introduction),
                ("notification", ChangedField::Notification),
            ];
            for (name, field) in fields {
                if let Some(words) = text(name) {
                    by_person(draft, (group, field, &everybody), &digest(words));
                }
            }
            if let Some(join) = text("join") {
                by_person(draft, (group, ChangedField::Join, &everybody), join);
            }
            let muted = match text("mute_all") {
                Some("On") => "muted",
                Some("Off") => "free",
                _ => return,
            };
            by_person(draft, (group, ChangedField::MuteAll, &everybody), muted);
        }
        _ => {}
    }
}

/// A person has lifted a mute of ours: no callback tells of that, but what is read of mutes does.
pub(super) fn unmuted(draft: &mut Draft<'_>, group: &GroupId, member: &Account) {
    by_person(draft, (group, ChangedField::Mute, member), "free");
}

/// A person has changed a field. Only what the bot changes too is remembered.
fn by_person(draft: &mut Draft<'_>, place: Place<'_>, value: &str) {
    let Some(limit) = draft.settings.loops else { return };
    let Some(mut changes) = recent(draft, place, limit) else { return };
    if changes.rests_until.is_none() && !changes.recent.is_empty() {
        let change = Change { at: draft.now, to: value.to_owned(), by: None };
        push(&mut changes, change, limit);
        set(draft, place, changes);
    }
}

/// The changes that count still; `None`: the bot has never changed this field.
fn recent(draft: &Draft<'_>, place: Place<'_>, limit: LoopLimit) -> Option<Changes> {
    let Some(StateValue::Changes(changes)) = draft.get(&key(place)) else { return None };
    let now = draft.now;
    let mut changes = changes.clone();
    if changes.rests_until.is_some_and(|until| until <= now) {
        // What comes after the rest is judged anew.
        return Some(Changes::default());
    }
    // What lies ahead was done before the clock was put back.
    changes.recent.retain(|change| change.at + limit.per > now && change.at <= now);
    Some(changes)
}

fn key((group, field, account): Place<'_>) -> StateKey {
    StateKey::Changes(group.clone(), field, account.clone())
}

fn set(draft: &mut Draft<'_>, place: Place<'_>, changes: Changes) {
    draft.set(key(place), Some(StateValue::Changes(changes)));
}

/// Adds a change, if it is one. Twice as many as the limit are kept: values that never come back must
/// not pile up.
fn push(changes: &mut Changes, change: Change, limit: LoopLimit) {
    if changes.recent.last().is_some_and(|last| last.to == change.to) {
        return;
    }
    changes.recent.push(change);
    let most = (limit.changes as usize).saturating_mul(2).max(4);
    let over = changes.recent.len().saturating_sub(most);
    changes.recent.drain(..over);
}

/// How many of the changes are to a value that another one is to as well: what always goes on to
/// something new is no loop.
fn undone(recent: &[Change]) -> usize {
    let same = |one: &Change| recent.iter().filter(|other| other.to == one.to).count() > 1;
    recent.iter().filter(|one| same(one)).count()
}

/// Calls for a person, who alone can say who of them is right.
fn tell(
    draft: &mut Draft<'_>,
    rule: &Rule,
    event: &Event,
    (group, field, account): Place<'_>,
    recent: &[Change],
    (often, until): (&str, Timestamp),
) {
    let mut who: Vec<String> = recent
        .iter()
        .map(|change| change.by.as_ref().map_or("people".to_owned(), |rule| format!("`{rule}`")))
        .collect();
    who.sort();
    who.dedup();
    let of = match *account == Account::everybody() {
        true => group.to_string(),
        false => format!("{account} in {group}"),
    };
    let field = field.name();
    let text = format!(
        "the {field} of {of} went back and forth {often}, by {}; the bot leaves it alone until {until}",
        who.join(" and ")
    );
    let id = effect_id(event, &rule.id, &format!("loop {field} {account}"));
    draft.owe(event, id, Some(rule.id.clone()), Act::Alert { text });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(values: &[&str]) -> Vec<Change> {
        let mut changes = Changes::default();
        for (number, value) in (0_i64..).zip(values) {
            let change = Change { at: Timestamp(number), to: (*value).to_owned(), by: None };
            push(&mut changes, change, LoopLimit::default());
        }
        changes.recent
    }

    #[test]
    fn only_what_comes_back_counts() {
        assert_eq!(undone(&changes(&["a", "b", "a", "b"])), 4);
        assert_eq!(undone(&changes(&["a", "b", "c", "d", "e", "f", "g", "h"])), 0);
        assert_eq!(undone(&changes(&["a", "b", "c", "a"])), 2);
    }

    #[test]
    fn the_same_value_again_is_no_change() {
        assert_eq!(changes(&["a", "a", "a"]).len(), 1);
    }

    #[test]
    fn no_more_is_kept_than_is_needed() {
        let many: Vec<String> = (0..100).map(|number| number.to_string()).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(changes(&many).len(), 12);
    }
}
