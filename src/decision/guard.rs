//! What must be known before a rule may act, and whom it may never act upon.

use std::time::Duration;

use super::draft::{Draft, effect_id};
use super::effect::{Act, Effect, Manner, Read, Resume, Stage};
use super::event::Event;
use super::state::{GroupRecord, Owner};
use super::steps::Start;
use super::trace::Why;
use super::{act, judge};
use crate::chat::{Account, GroupId, GroupType, Role};
use crate::clock::Timestamp;
use crate::rule::catalog::Object;
use crate::rule::condition::Clause;
use crate::rule::model::{Action, Mode};
use crate::rule::{EventKind, Rule};

/// What somebody was in an AVChatRoom is believed for so long.
const UNTOLD: Duration = Duration::from_secs(600);

/// That somebody who sends messages is not in the group is believed for so long: not every one is a question.
const SPEAKS_OUTSIDE: Duration = Duration::from_secs(60);

/// What the conditions read and nobody told us. A before callback cannot wait for it.
pub(super) fn missing_for_conditions(
    draft: &Draft<'_>,
    rule: &Rule,
    event: &Event,
) -> Option<Read> {
    let group = event.group.as_ref()?;
    let mut of_group = false;
    let mut asked: Vec<(&Account, &String)> = Vec::new();
    for condition in [&rule.when, &rule.unless].into_iter().flatten() {
        for (object, field) in condition.clauses().iter().flat_map(|clause| clause.uses()) {
            match object {
                Object::Group => of_group |= group_unknown(draft, event, group, field),
                Object::Member => asked.extend(event.member.as_ref().map(|who| (who, field))),
                Object::Operator => asked.extend(event.operator.as_ref().map(|who| (who, field))),
                _ => {}
            }
        }
    }
    asked.retain(|(who, field)| who.is_somebody() && member_unknown(draft, event, who, field));
    let details = asked.iter().any(|(_, field)| *field != "role");
    let accounts = asked.into_iter().map(|(who, _)| who.clone()).collect();
    read_of(draft, event, group, of_group, (accounts, details))
}

/// Whether everything is known that a clause reads and Chat could tell.
pub(super) fn knows(draft: &Draft<'_>, event: &Event, clause: &Clause) -> bool {
    let Some(group) = &event.group else { return true };
    let unknown_of = |who: &Option<Account>, field: &str| {
        let who = who.as_ref().filter(|who| who.is_somebody());
        who.is_some_and(|who| member_unknown(draft, event, who, field))
    };
    clause.uses().iter().all(|(object, field)| match object {
        Object::Group => !group_unknown(draft, event, group, field),
        Object::Member => !unknown_of(&event.member, field),
        Object::Operator => !unknown_of(&event.operator, field),
        _ => true,
    })
}

/// Whether Chat can tell something of a member that nobody has told us.
fn member_unknown(draft: &Draft<'_>, event: &Event, who: &Account, field: &str) -> bool {
    let Some(group) = &event.group else { return false };
    if field == "role" {
        return known_role(draft, event, group, who).is_none();
    }
    // What stands in the event itself needs no look at the record.
    if !matches!(field, "joined_at" | "name_card" | "last_message_at") {
        return false;
    }
    let record = draft.member(group, who);
    let missing = match field {
        "joined_at" => record.joined_at.is_none(),
        "name_card" => record.name_card.is_empty(),
        _ => record.last_message_at.is_none(),
    };
    // Chat stores no members of an AVChatRoom (34948).
    missing && record.read_at.is_none() && !viewers_only(draft, event, group)
}

fn group_unknown(draft: &Draft<'_>, event: &Event, group: &GroupId, field: &str) -> bool {
    let due = judge::scheduled_at(event);
    let told = field == "id" || (field == "type" && event.group_type.is_some());
    if told && due.is_none() {
        return false;
    }
    let nothing = GroupRecord::default();
    let record = draft.known_group(group).unwrap_or(&nothing);
    // A sweep looks for what callbacks did not tell: it trusts only what was read since it began.
    if let Some(due) = due {
        return record.read_at.is_none_or(|read| read < due);
    }
    match field {
        "owner" => record.owner == Owner::Unknown,
        "type" => record.group_type.is_none(),
        "name" => record.name.is_empty() && record.read_at.is_none(),
        "member_count" => record.member_count.is_none(),
        _ => record.created_at.is_none() && record.read_at.is_none(),
    }
}

/// What the steps must know about whom they touch.
pub(super) fn missing_for_steps(
    draft: &Draft<'_>,
    rule: &Rule,
    event: &Event,
    from: usize,
) -> Option<Read> {
    let group = event.group.as_ref()?;
    let mut of_group = false;
    let mut accounts = Vec::new();
    let kind = event.group_type.or(draft.group(group).group_type);
    let works = |action: &Action| {
        kind.zip(action.ability()).is_none_or(|(kind, ability)| kind.supports(ability))
    };
    for step in rule.steps.iter().skip(from).filter(|step| works(&step.action)) {
        let (restrains, passes) = match &step.action {
            Action::Mute { .. } | Action::RemoveMember { .. } | Action::Ban { .. } => (true, false),
            Action::SetRole { role, time, .. } => {
                of_group |= kind.is_none();
                (*role == Role::Member, time.is_some())
            }
            _ => (false, false),
        };
        let Some(account) = act::target(&step.action, event) else { continue };
        let guarded = restrains && !rule.allow_protected;
        // A temporary role goes back to what they were: that is asked of everybody.
        if passes || guarded && always_protected(draft, &account).is_none() {
            accounts.push(account);
        }
    }
    accounts.retain(|account| known_role(draft, event, group, account).is_none());
    read_of(draft, event, group, of_group, (accounts, false))
}

fn read_of(
    draft: &Draft<'_>,
    event: &Event,
    group: &GroupId,
    of_group: bool,
    (mut accounts, details): (Vec<Account>, bool),
) -> Option<Read> {
    accounts.sort();
    accounts.dedup();
    if !accounts.is_empty() {
        let group_type = event.group_type.or(draft.group(group).group_type);
        return Some(Read::Roles { group: group.clone(), group_type, accounts, details });
    }
    of_group.then(|| Read::Group { group: group.clone() })
}

/// What somebody is in a group, as far as we know.
pub(super) fn role(draft: &Draft<'_>, group: &GroupId, account: &Account) -> Option<Role> {
    if draft.group(group).owner.is(account) {
        return Some(Role::Owner);
    }
    draft.member(group, account).role
}

/// As [`role`], unless Chat has to be asked again, because nobody would have told us of a change.
pub(super) fn known_role(
    draft: &Draft<'_>,
    event: &Event,
    group: &GroupId,
    account: &Account,
) -> Option<Role> {
    let role = role(draft, group, account)?;
    let record = draft.member(group, account);
    let speaks = event.kind() == Some(EventKind::MessageSent);
    let lasts = match role {
        // Who speaks has come back, and the callback that told it is lost.
        Role::Outside if speaks && event.member.as_ref() == Some(account) => SPEAKS_OUTSIDE,
        // Chat calls nobody back for the admins of an AVChatRoom (60525).
        Role::Admin | Role::Member if viewers_only(draft, event, group) => UNTOLD,
        _ => return Some(role),
    };
    let now = draft.now;
    record.role_at.is_some_and(|told| told <= now && now < told + lasts).then_some(role)
}

fn viewers_only(draft: &Draft<'_>, event: &Event, group: &GroupId) -> bool {
    let kind = event.group_type.or(draft.group(group).group_type);
    kind == Some(GroupType::AVChatRoom)
}

/// Asks Chat; the rule goes on with the answer.
pub(super) fn ask(
    draft: &mut Draft<'_>,
    rule: &Rule,
    event: &Event,
    read: Read,
    stage: Stage,
    start: Start<'_>,
) -> Why {
    let what = match &read {
        Read::Roles { accounts, details, .. } => {
            let names = accounts.iter().map(Account::as_str).collect::<Vec<_>>().join(", ");
            if *details { format!("all about {names}") } else { format!("the role of {names}") }
        }
        _ => "the group's owner and type".to_owned(),
    };
    let resume = Resume {
        rule: rule.id.clone(),
        event: event.clone(),
        stage,
        tried: start.tried.to_vec(),
        count: start.count,
        digest: rule.digest.clone(),
        acted: start.acted,
        holds_up: start.holds_up,
    };
    push_read(draft, rule, event, read, &format!("ask {stage:?}"), Some(Box::new(resume)));
    Why::Asking { what }
}

/// A before callback cannot wait for Chat's answer: it is judged with what is known, and Chat is
/// asked for the next one.
pub(super) fn ask_for_next_time(draft: &mut Draft<'_>, rule: &Rule, event: &Event, mut read: Read) {
    const AGAIN: Duration = Duration::from_secs(600);
    let Some(group) = &event.group else { return };
    let now = draft.now;
    let again = |asked: Option<Timestamp>| asked.is_none_or(|at| now < at || at + AGAIN <= now);
    match &mut read {
        Read::Roles { accounts, .. } => {
            accounts.retain(|account| again(draft.member(group, account).asked_at));
            if accounts.is_empty() {
                return;
            }
            for account in accounts.clone() {
                let mut record = draft.member(group, &account);
                record.asked_at = Some(now);
                draft.set_member(group, &account, record);
            }
        }
        _ => {
            let mut record = draft.group(group);
            if !again(record.asked_at) {
                return;
            }
            record.asked_at = Some(now);
            draft.set_group(group, record);
        }
    }
    push_read(draft, rule, event, read, "ask for next time", None);
}

fn push_read(
    draft: &mut Draft<'_>,
    rule: &Rule,
    event: &Event,
    read: Read,
    what: &str,
    then: Option<Box<Resume>>,
) {
    draft.effects.push(Effect {
        id: effect_id(event, &rule.id, what),
        lane: event.lane(),
        act: Act::Read(read),
        rule: Some(rule.id.clone()),
        event: event.id.clone(),
        created: draft.now,
        manner: Manner::Send,
        then,
        continue_on_refusal: true,
    });
}

/// The manner in which a rule's effects are delivered.
pub(super) fn manner(draft: &Draft<'_>, rule: &Rule) -> Manner {
    debug_assert!(rule.mode != Mode::Off, "a rule that is off does not act");
    if draft.in_shadow(rule) { Manner::Shadow } else { Manner::Send }
}

fn always_protected(draft: &Draft<'_>, account: &Account) -> Option<String> {
    if draft.settings.own.contains(account) {
        return Some(format!("{account} is the bot's own account"));
    }
    let protected = &draft.settings.protected;
    protected.matches(account.as_str()).then(|| format!("{account} is protected (`[safety]`)"))
}

/// Why nobody may be muted or demoted, if so: the guards that are always on.
pub(super) fn protects(
    draft: &Draft<'_>,
    rule: &Rule,
    group: &GroupId,
    account: &Account,
    admins_too: bool,
) -> Option<String> {
    if rule.allow_protected {
        return None;
    }
    if let Some(why) = always_protected(draft, account) {
        return Some(why);
    }
    match role(draft, group, account) {
        Some(Role::Owner) => Some(format!("{account} owns the group and is protected")),
        Some(Role::Admin) if admins_too => {
            Some(format!("{account} is an admin of the group and protected"))
        }
        Some(Role::Outside) => Some(format!("{account} is not in the group")),
        Some(_) => None,
        // Chat would not say; nobody is restrained who might be the owner.
        None => Some(format!("nobody can tell what {account} is in the group")),
    }
}
