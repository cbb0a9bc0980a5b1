//! What reconciliation reads, decided: compared as values.

use std::time::Duration;

use groupkeeper::chat::{Account, GroupId, GroupType, Role};
use groupkeeper::clock::Timestamp;
use groupkeeper::decision::effect::{Act, Answer, GroupFacts, Manner, MemberFacts, Outcome, Read};
use groupkeeper::decision::event::{Cause, Field};
use groupkeeper::decision::seen::Seen;
use groupkeeper::decision::state::{GroupRecord, MemberRecord, MembersRead, Owner};
use groupkeeper::decision::{Decision, Effect, Event, EventId, Lane, StateKey, StateValue};
use groupkeeper::rule::{EventKind, RuleSet};

use crate::decisions::{Kept, NOW, event};

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);

fn group() -> GroupId {
    "@TGS#1".into()
}

fn key(who: &str) -> StateKey {
    StateKey::Member(group(), Account::from(who))
}

fn member(who: &str, role: Role, joined: Timestamp) -> MemberFacts {
    MemberFacts {
        account: who.into(),
        role,
        joined_at: Some(joined),
        name_card: String::new(),
        muted_until: None,
        last_message_at: None,
    }
}

fn facts(owner: Option<&str>) -> GroupFacts {
    GroupFacts {
        group: group(),
        exists: true,
        group_type: Some(GroupType::Public),
        name: "cats".into(),
        owner: owner.map(Account::from),
        member_count: Some(2),
        created_at: Some(NOW - DAY),
        mute_all: None,
        last_message_at: None,
        message_sequence: None,
    }
}

/// A reading that began then.
fn reading(seen: Seen, began: Timestamp) -> Event {
    let id = EventId::of(&[format!("{seen:?}").as_bytes(), &began.0.to_be_bytes()]);
    let mut event = Event::new(id, Cause::Seen(Box::new(seen)), began, "reconcile");
    event.group = Some(group());
    event
}

/// A bot that has read the group, with olga as its owner and ann, a day ago.
fn known() -> Kept {
    let mut kept = Kept::default();
    let began = NOW - DAY;
    let all = vec![member("olga", Role::Owner, began), member("ann", Role::Member, began)];
    for seen in [
        Seen::Group { facts: facts(Some("olga")), since: None },
        Seen::Members { members: all },
        Seen::Complete { difference: 0 },
    ] {
        let decision = read_at(&mut kept, seen, began);
        assert_eq!(missed(&decision), []);
    }
    kept
}

fn read_at(kept: &mut Kept, seen: Seen, began: Timestamp) -> Decision {
    kept.decide_at(&reading(seen, began), &RuleSet::default(), began)
}

fn read(kept: &mut Kept, seen: Seen) -> Decision {
    read_at(kept, seen, NOW)
}

/// The events that were found, with their members.
fn missed(decision: &Decision) -> Vec<(&'static str, String)> {
    let one = |event: &Event| {
        assert!(event.found, "{event:?}");
        let member = event.member.as_ref().map(ToString::to_string);
        (event.name(), member.unwrap_or_default())
    };
    decision.derived.iter().map(one).collect()
}

fn some(events: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
    events.iter().map(|(name, member)| (*name, (*member).to_owned())).collect()
}

fn page(members: &[MemberFacts]) -> Seen {
    Seen::Members { members: members.to_vec() }
}

fn is(kept: &Kept, who: &str) -> Option<MemberRecord> {
    match kept.get(&key(who)) {
        Some(StateValue::Member(record)) => Some(record.clone()),
        _ => None,
    }
}

/// What a callback tells at this time, decided at another.
fn callback(
    kept: &mut Kept,
    (kind, who, at): (EventKind, &str, Timestamp),
    fields: &[(&str, &str)],
    now: Timestamp,
) -> Decision {
    let mut event = event(kind, who, u64::try_from(at.0).unwrap());
    event.time = at;
    for (name, value) in fields {
        event.fields.insert((*name).into(), Field::Text((*value).into()));
    }
    kept.decide_at(&event, &RuleSet::default(), now)
}

#[test]
fn at_first_sight_the_mirror_is_filled_and_nothing_was_missed() {
    let kept = known();
    let read_at = Some(NOW - DAY);
    let ann = MemberRecord {
        role: Some(Role::Member),
        joined_at: read_at,
        read_at,
        ..MemberRecord::default()
    };
    assert_eq!(is(&kept, "ann"), Some(ann));
    let record = GroupRecord {
        group_type: Some(GroupType::Public),
        name: "cats".into(),
        owner: Owner::Is("olga".into()),
        member_count: Some(2),
        created_at: Some(NOW - DAY),
        read_at,
        members: Some(MembersRead { at: NOW - DAY, difference: 0 }),
        ..GroupRecord::default()
    };
    assert_eq!(kept.get(&StateKey::Group(group())), Some(&StateValue::Group(record)));
}

#[test]
fn a_page_that_says_what_is_known_commits_nothing() {
    let mut kept = known();
    let mut ann = member("ann", Role::Member, NOW - DAY);
    assert!(read(&mut kept, page(&[ann.clone()])).is_nothing());
    // When somebody spoke is written down once an hour, unless a rule asks for it.
    ann.last_message_at = Some(NOW - MINUTE * 90);
    assert!(!read(&mut kept, page(&[ann.clone()])).is_nothing());
    ann.last_message_at = Some(NOW - MINUTE * 31);
    assert!(read(&mut kept, page(&[ann.clone()])).is_nothing());
    ann.last_message_at = Some(NOW - MINUTE * 30);
    assert!(!read(&mut kept, page(&[ann])).is_nothing());
}

#[test]
fn somebody_whom_nobody_told_of_has_joined_when_chat_says_and_only_once() {
    let mut kept = known();
    let ben = member("ben", Role::Admin, NOW - MINUTE);
    let decision = read(&mut kept, page(std::slice::from_ref(&ben)));
    assert_eq!(missed(&decision), some(&[("member.joined", "ben")]));
    assert_eq!(decision.derived[0].time, NOW - MINUTE);
    assert_eq!(decision.trace.notes, ["ben joined at 2026-01-01T11:59:00Z; no callback told us"]);
    assert_eq!(is(&kept, "ben").unwrap().role, Some(Role::Admin));
    assert!(read_at(&mut kept, page(&[ben]), NOW + MINUTE).is_nothing());
}

#[test]
fn two_who_joined_in_one_page_are_two_events() {
    let mut kept = known();
    let both = ["ben", "cyd"].map(|who| member(who, Role::Member, NOW));
    let decision = read(&mut kept, page(&both));
    assert_eq!(missed(&decision), some(&[("member.joined", "ben"), ("member.joined", "cyd")]));
    assert_ne!(decision.derived[0].id, decision.derived[1].id);
}

#[test]
fn what_was_told_about_when_a_reading_began_is_newer_than_the_reading() {
    let mut kept = known();
    let admin = [("role", "admin")];
    let at = NOW - Duration::from_secs(4);
    callback(&mut kept, (EventKind::MemberRoleChanged, "ann", at), &admin, at);
    let before = member("ann", Role::Member, NOW - DAY);
    assert!(read(&mut kept, page(std::slice::from_ref(&before))).is_nothing());
    let decision = read_at(&mut kept, page(&[before]), NOW + MINUTE);
    assert_eq!(missed(&decision), some(&[("member.role_changed", "ann")]));
    assert_eq!(decision.derived[0].fields["role"], Field::Text("member".into()));
}

#[test]
fn somebody_who_leaves_while_a_page_is_read_does_not_come_back_by_it() {
    let mut kept = known();
    let ann = member("ann", Role::Member, NOW - DAY);
    callback(&mut kept, (EventKind::MemberLeft, "ann", NOW), &[], NOW + MINUTE);
    // The page was asked for before, and is decided after it.
    let late = reading(page(&[ann]), NOW);
    assert!(kept.decide_at(&late, &RuleSet::default(), NOW + MINUTE).is_nothing());
    assert_eq!(is(&kept, "ann"), None);
}

#[test]
fn a_leave_of_a_time_to_come_was_told_before_the_clock_was_set_back_and_says_nothing() {
    let mut kept = known();
    let ann = member("ann", Role::Member, NOW - DAY);
    callback(&mut kept, (EventKind::MemberLeft, "ann", NOW), &[], NOW + DAY);
    assert_eq!(missed(&read(&mut kept, page(&[ann]))), some(&[("member.joined", "ann")]));
}

#[test]
fn somebody_who_is_gone_has_left_once_and_an_owner_too() {
    let mut kept = known();
    let gone = || Seen::Roles {
        roles: vec![("ann".into(), Role::Outside), ("olga".into(), Role::Outside)],
    };
    let decision = read(&mut kept, gone());
    let left = [("member.left", "ann"), ("member.left", "olga"), ("owner.left", "olga")];
    assert_eq!(missed(&decision), some(&left));
    assert!(!is(&kept, "ann").unwrap().is_present());
    assert!(read_at(&mut kept, gone(), NOW + MINUTE).is_nothing());
    // After a day no callback will tell of it any more.
    read_at(&mut kept, gone(), NOW + DAY);
    assert_eq!(is(&kept, "ann"), None);
}

#[test]
fn callbacks_that_are_late_tell_nothing_that_was_found() {
    let mut kept = known();
    read(&mut kept, page(&[member("ben", Role::Member, NOW - MINUTE)]));
    read(&mut kept, Seen::Roles { roles: vec![("ann".into(), Role::Outside)] });
    read(&mut kept, Seen::Group { facts: facts(Some("ben")), since: None });
    let late = NOW + MINUTE * 10;
    let owners = [("old_owner", "olga"), ("new_owner", "ben")];
    let told = [
        (EventKind::MemberJoined, "ben", &[][..]),
        (EventKind::MemberLeft, "ann", &[]),
        (EventKind::MemberRemoved, "ann", &[]),
        (EventKind::OwnerChanged, "ben", &owners),
    ];
    for (kind, who, fields) in told {
        let decision = callback(&mut kept, (kind, who, NOW - MINUTE), fields, late);
        assert!(decision.is_nothing(), "{kind:?}: {decision:#?}");
        assert!(decision.trace.notes[0].contains("this callback is late"), "{decision:#?}");
        // The same, ten minutes later, is news.
        let again = callback(&mut kept.clone(), (kind, who, late), fields, late);
        assert!(again.trace.notes.is_empty(), "{kind:?}: {again:#?}");
    }
}

#[test]
fn a_later_join_time_is_a_leave_and_a_return() {
    let mut kept = known();
    let decision = read(&mut kept, page(&[member("ann", Role::Member, NOW - MINUTE)]));
    assert_eq!(missed(&decision), some(&[("member.left", "ann"), ("member.joined", "ann")]));
    assert_eq!(is(&kept, "ann").unwrap().joined_at, Some(NOW - MINUTE));
}

#[test]
fn owners_follow_from_the_group_and_their_roles_with_them() {
    let mut kept = known();
    let decision = read(&mut kept, Seen::Group { facts: facts(Some("ann")), since: None });
    assert_eq!(missed(&decision), some(&[("owner.changed", "")]));
    let roles = ["olga", "ann"].map(|who| is(&kept, who).unwrap().role);
    assert_eq!(roles, [Some(Role::Member), Some(Role::Owner)]);
    // The list says the same.
    let later = NOW + MINUTE;
    let list = [member("ann", Role::Owner, NOW - DAY), member("olga", Role::Member, NOW - DAY)];
    assert_eq!(missed(&read_at(&mut kept, page(&list), later)), []);
    let nobody = read_at(&mut kept, Seen::Group { facts: facts(None), since: None }, later);
    assert_eq!(missed(&nobody), some(&[("group.ownerless", "")]));
    assert_eq!(nobody.trace.notes[0], "@TGS#1 has no owner, ann owned it; no callback told us");
    let still = read_at(&mut kept, Seen::Group { facts: facts(None), since: None }, later + MINUTE);
    assert_eq!(missed(&still), []);
}

#[test]
fn a_group_is_new_when_it_is_younger_than_the_last_run() {
    for (since, expected) in [
        (None, vec![]),
        (Some(NOW), vec![]),
        (Some(NOW - DAY - MINUTE), some(&[("group.created", "")])),
    ] {
        let decision =
            read(&mut Kept::default(), Seen::Group { facts: facts(Some("olga")), since });
        assert_eq!(missed(&decision), expected, "{since:?}");
    }
}

#[test]
fn a_group_that_is_gone_is_dismissed_once_and_forgotten_after_a_day() {
    let gone = || Seen::Group { facts: GroupFacts { exists: false, ..facts(None) }, since: None };
    let mut kept = known();
    assert_eq!(missed(&read(&mut kept, gone())), some(&[("group.dismissed", "")]));
    assert!(read_at(&mut kept, gone(), NOW + MINUTE).is_nothing());
    let late =
        callback(&mut kept, (EventKind::GroupDismissed, "", NOW - MINUTE), &[], NOW + MINUTE);
    assert!(late.is_nothing(), "{late:#?}");
    read_at(&mut kept, gone(), NOW + DAY);
    assert_eq!(kept.get(&StateKey::Group(group())), None);
}

#[test]
fn of_a_group_that_is_not_known_nothing_is_missed_when_it_is_gone() {
    let gone = Seen::Group { facts: GroupFacts { exists: false, ..facts(None) }, since: None };
    assert!(read(&mut Kept::default(), gone).is_nothing());
}

#[test]
fn who_was_in_a_group_of_the_same_id_before_has_not_left_and_come_back() {
    let gone = Seen::Group { facts: GroupFacts { exists: false, ..facts(None) }, since: None };
    let mut kept = known();
    read(&mut kept, gone);
    // Somebody makes a group of the same id, and ann is in that one too.
    read_at(&mut kept, Seen::Group { facts: facts(Some("ann")), since: None }, NOW + DAY);
    let ann = member("ann", Role::Owner, NOW + MINUTE);
    let decision = read_at(&mut kept, page(&[ann]), NOW + DAY);
    assert_eq!(missed(&decision), []);
    assert_eq!(is(&kept, "ann").unwrap().joined_at, Some(NOW + MINUTE));
}

/// Chat's answer to a question of a rule.
fn answered(read: Read, answer: Answer) -> Event {
    let effect = Effect {
        id: EventId::of(&[b"question"]),
        lane: Lane::group(&group()),
        act: Act::Read(read),
        rule: None,
        event: EventId::of(&[b"asker"]),
        created: NOW,
        manner: Manner::Send,
        then: None,
        continue_on_refusal: true,
    };
    let outcome = Outcome::Answer(answer);
    let cause = Cause::Settled {
        effect: Box::new(effect),
        outcome,
        skipped: Vec::new(),
        unsure: Vec::new(),
    };
    let mut event = Event::new(EventId::of(&[b"answer"]), cause, NOW, "effect");
    event.group = Some(group());
    event
}

#[test]
fn somebody_whose_leave_a_rules_question_shows_has_left_once() {
    let mut kept = known();
    let accounts = vec![Account::from("ann")];
    let group_type = Some(GroupType::Public);
    let read = Read::Roles { group: group(), group_type, accounts, details: false };
    let roles = vec![("ann".into(), Role::Outside)];
    let answer = Answer::Roles { group: None, roles, members: Vec::new() };
    let event = answered(read, answer);
    let decision = kept.decide_at(&event, &RuleSet::default(), NOW);
    assert_eq!(missed(&decision), some(&[("member.left", "ann")]));
    let gone = Seen::Roles { roles: vec![("ann".into(), Role::Outside)] };
    assert_eq!(missed(&read_at(&mut kept, gone, NOW + MINUTE)), []);
    let told = (EventKind::MemberLeft, "ann", NOW - MINUTE);
    assert!(callback(&mut kept, told, &[], NOW + MINUTE).is_nothing());
}

#[test]
fn a_group_whose_end_a_rules_question_shows_is_dismissed_once() {
    let mut kept = known();
    let gone = || GroupFacts { exists: false, ..facts(None) };
    let event = answered(Read::Group { group: group() }, Answer::Group(gone()));
    let decision = kept.decide_at(&event, &RuleSet::default(), NOW);
    assert_eq!(missed(&decision), some(&[("group.dismissed", "")]));
    let seen = Seen::Group { facts: gone(), since: None };
    assert_eq!(missed(&read_at(&mut kept, seen, NOW + MINUTE)), []);
}

#[test]
fn who_owned_it_before_our_own_transfer_does_not_own_it_again_by_a_late_callback() {
    let mut kept = known();
    let key = StateKey::Group(group());
    let record = GroupRecord {
        owner: Owner::Is("ann".into()),
        owner_since: Some(NOW),
        unconfirmed: Some(EventId::of(&[b"transfer"])),
        ..GroupRecord::default()
    };
    kept.put(key.clone(), StateValue::Group(record));
    let mut told = |new: &str, at: Timestamp| {
        let mut event = event(EventKind::OwnerChanged, new, u64::try_from(at.0).unwrap());
        (event.time, event.command) = (at, "Group.CallbackAfterChangeGroupOwner".into());
        for (name, value) in [("old_owner", "olga"), ("new_owner", new)] {
            event.fields.insert(name.into(), Field::Text(value.into()));
        }
        kept.decide_at(&event, &RuleSet::default(), NOW + MINUTE);
        match kept.get(&key) {
            Some(StateValue::Group(record)) => (record.owner.clone(), record.unconfirmed.is_some()),
            _ => panic!("the group is gone"),
        }
    };
    assert_eq!(told("ben", NOW - MINUTE), (Owner::Is("ann".into()), true));
    assert_eq!(told("ben", NOW + MINUTE), (Owner::Is("ben".into()), false));
}
