//! `groupkeeper fsck`: what it finds, what it says, and what it repairs.

use std::sync::Arc;
use std::time::Duration;

use groupkeeper::chat::{Account, GroupId};
use groupkeeper::clock::Timestamp;
use groupkeeper::decision::effect::{Act, Effect, Held, Manner, Outcome};
use groupkeeper::decision::event::{Cause, Event, EventId, Timer};
use groupkeeper::decision::state::{
    Change, ChangedField, Changes, GroupRecord, MemberRecord, Owner, RoomRecord, Sanction,
    SanctionKind, Spent, Times,
};
use groupkeeper::decision::{Lane, StateKey, StateValue, Trace, Verdict};
use groupkeeper::ledger::journal::RulesVersion;
use groupkeeper::ledger::{
    self, DeadLetter, JournalEntry, Kept, Known, Pending, Quarantined, TimerRecord, fsck,
};
use groupkeeper::rule::EventKind;
use groupkeeper::store::{MemoryStore, SledStore, Store, Write, WriteSet};

const NOW: Timestamp = Timestamp(1_767_268_800_000);
const SOON: Timestamp = Timestamp(NOW.0 + 300_000);

fn id(name: &str) -> EventId {
    EventId::of(&[name.as_bytes()])
}

fn effect(name: &str) -> Effect {
    let (group, member) = ("@TGS#cats".into(), "ann".into());
    Effect {
        id: id(name),
        lane: Lane::group(&"@TGS#cats".into()),
        act: Act::SetNameCard { group, member, text: "shouts".to_owned() },
        rule: Some("quiet".into()),
        event: id("event"),
        created: NOW,
        manner: Manner::Send,
        then: None,
        continue_on_refusal: false,
    }
}

fn event() -> Event {
    let mut event = Event::new(
        id("event"),
        Cause::Kind(EventKind::MessageSent),
        NOW,
        "Group.CallbackAfterSendMsg",
    );
    event.group = Some("@TGS#cats".into());
    event.member = Some("ann".into());
    event
}

fn pending(name: &str) -> Pending {
    Pending {
        panics: 0,
        effect: effect(name),
        tries: 2,
        not_before: SOON,
        perhaps_done: false,
        trouble: "HTTP 503".to_owned(),
    }
}

fn sanction() -> Sanction {
    Sanction {
        id: id("sanction"),
        from: NOW,
        until: Some(SOON),
        time: Some(std::time::Duration::from_secs(300)),
        reason: String::new(),
        rule: "quiet".into(),
        event: id("event"),
        ending: false,
        before: None,
        role: None,
        confirmed: Some(NOW),
        chat_until: None,
        away: false,
        lifted: false,
        tries: 0,
        told_late: None,
        instead_of: None,
        group_made: None,
    }
}

fn states() -> Vec<(StateKey, StateValue)> {
    let (group, ann) = (GroupId::from("@TGS#cats"), Account::from("ann"));
    let rule = || groupkeeper::rule::RuleId::from("quiet");
    let each = || "@TGS#cats\nann".to_owned();
    vec![
        (StateKey::Group(group.clone()), StateValue::Group(GroupRecord::default())),
        (StateKey::Member(group.clone(), ann.clone()), StateValue::Member(MemberRecord::default())),
        (
            StateKey::Room("room".into()),
            StateValue::Room(RoomRecord::owned_by(Owner::Is(ann.clone()))),
        ),
        (StateKey::Counter(rule(), each()), StateValue::Times(Times(vec![NOW]))),
        (StateKey::Cooldown(rule(), each()), StateValue::Until(Some(SOON))),
        (StateKey::Once(rule(), each()), StateValue::Until(None)),
        (
            StateKey::Wait(rule(), each()),
            StateValue::Wait {
                wait: id("wait"),
                due: SOON,
                after: Some(EventKind::MessageSent),
                gone: None,
            },
        ),
        (
            StateKey::Ladder(rule(), 0, group.clone(), ann.clone()),
            StateValue::Ladder { step: 1, at: NOW },
        ),
        (
            StateKey::Changes(group.clone(), ChangedField::NameCard, ann.clone()),
            StateValue::Changes(Changes {
                recent: vec![Change { at: NOW, to: "digest".to_owned(), by: Some(rule()) }],
                rests_until: None,
            }),
        ),
        (StateKey::Sanction(group, ann, SanctionKind::Mute), StateValue::Sanction(sanction())),
        (StateKey::Fired(rule()), StateValue::Fired { at: NOW }),
        (
            StateKey::Memory("shouts".into(), each()),
            StateValue::Memory { value: "3".to_owned(), until: None },
        ),
        (
            StateKey::Limit(None),
            StateValue::Limit(Spent { slices: vec![(NOW, 3)], told: Some(NOW), held: 0 }),
        ),
    ]
}

/// Two timers: of the sanction, and of the wait.
fn timers() -> Vec<TimerRecord> {
    let (group, member) = ("@TGS#cats".into(), "ann".into());
    let kind = SanctionKind::Mute;
    let end = Timer::SanctionEnd { group, member, kind, sanction: id("sanction") };
    let over = Timer::WaitOver {
        rule: "quiet".into(),
        key: "@TGS#cats\nann".to_owned(),
        wait: id("wait"),
        event: Box::new(event()),
        count: None,
    };
    vec![TimerRecord { id: id("end"), timer: end }, TimerRecord { id: id("over"), timer: over }]
}

/// A row of every kind, that belong together.
pub fn rows() -> Vec<Write> {
    fn put<T: serde::Serialize>(rows: &mut Vec<Write>, key: Vec<u8>, record: &T) {
        rows.push((key, Some(ledger::encode(record).unwrap())));
    }
    let mut rows = Vec::new();
    for (key, value) in states() {
        put(&mut rows, ledger::state_key(&key), &value);
    }
    for record in timers() {
        put(&mut rows, ledger::timer_key(SOON, &record.id), &record);
    }
    put(&mut rows, ledger::outbox_key(&effect("waits").lane, 3), &pending("waits"));
    let letter = DeadLetter {
        pending: pending("dead"),
        at: NOW,
        why: "no answer".to_owned(),
        fell: Some(sanction()),
        hung: Vec::new(),
    };
    put(&mut rows, ledger::dead_key(1), &letter);
    let held = Held {
        id: id("held"),
        rule: "quiet".into(),
        event: event(),
        effects: vec![effect("held")],
        sanctions: Vec::new(),
        at: NOW,
        why: "more than 2 actions in 10m (`limit`)".to_owned(),
    };
    put(&mut rows, ledger::held_key(2), &held);
    let kept = Quarantined {
        id: id("event"),
        what: Kept::Event(Box::new(event())),
        why: "panicked: a bug".to_owned(),
        since: NOW,
        last: NOW,
        tries: 1,
    };
    put(&mut rows, ledger::quarantine_key(&kept.id), &kept);
    let effect = Box::new(effect("done"));
    let settled =
        Cause::Settled { effect, outcome: Outcome::Done, skipped: Vec::new(), unsure: Vec::new() };
    let entry = JournalEntry {
        id: id("event"),
        at: NOW,
        event: "message.sent".to_owned(),
        group: Some("@TGS#cats".into()),
        member: Some("ann".into()),
        rules: "112233445566".to_owned(),
        verdict: Verdict::Drop,
        effects: Vec::new(),
        timers: Vec::new(),
        trace: Trace::default(),
        outcome: Some("done".to_owned()),
        known: Known::default(),
        body: Some(Event { cause: settled, ..event() }),
    };
    let place = ledger::journal_key(NOW, 4, &entry.id);
    put(&mut rows, place.clone(), &entry);
    rows.push((ledger::index_key(entry.id.as_str()), Some(place)));
    let day = NOW.0.div_euclid(ledger::DAY);
    let files = vec![("rules.toml".to_owned(), "[rule.quiet]".to_owned())];
    let version = RulesVersion { last_used: day, files: files.clone() };
    put(&mut rows, ledger::rules_key("112233445566"), &version);
    put(&mut rows, ledger::setting_key("last good rules"), &files);
    let bucket = NOW.0.unsigned_abs();
    rows.push((ledger::seen_key(bucket, &id("event")), Some(Vec::new())));
    put(&mut rows, ledger::seen_key(bucket, &id("asked")), &Verdict::Drop);
    rows
}

async fn with(store: &dyn Store, rows: Vec<Write>, damage: Vec<Write>) {
    for writes in [rows, damage] {
        store.commit(WriteSet { writes, ..WriteSet::default() }).await.unwrap();
    }
}

fn state_place(pick: impl Fn(&StateKey) -> bool) -> Vec<u8> {
    let found = states().into_iter().find(|(key, _)| pick(key)).unwrap();
    ledger::state_key(&found.0)
}

fn wait_place() -> Vec<u8> {
    state_place(|key| matches!(key, StateKey::Wait(..)))
}

fn sanction_place() -> Vec<u8> {
    state_place(|key| matches!(key, StateKey::Sanction(..)))
}

/// Everything that can be wrong, at once.
fn damage() -> Vec<Write> {
    let place = ledger::journal_key(NOW, 4, &id("event"));
    let [end, over] = timers().try_into().unwrap();
    let misplaced = ledger::state_key(&StateKey::Fired("quiet".into()));
    vec![
        (ledger::timer_key(SOON, &end.id), None),
        (ledger::timer_key(SOON, &over.id), None),
        (ledger::index_key(id("event").as_str()), None),
        (ledger::index_key("0123456789abcdef"), Some(b"j/nowhere".to_vec())),
        (ledger::outbox_key(&effect("x").lane, 9), Some(b"{\"v\":1,\"r\":{}}".to_vec())),
        (misplaced, Some(ledger::encode(&StateValue::Until(None)).unwrap())),
        (
            ledger::outbox_key(&effect("dead").lane, 1),
            Some(ledger::encode(&pending("dead")).unwrap()),
        ),
        (b"?/later".to_vec(), Some(b"1".to_vec())),
        (place.clone(), rows().into_iter().find(|(key, _)| *key == place).unwrap().1),
    ]
}

#[tokio::test]
async fn a_store_as_it_should_be_has_no_findings() {
    let store = MemoryStore::default();
    with(&store, rows(), Vec::new()).await;
    let report = fsck::examine(&store, |_| {}).unwrap();
    assert_eq!((report.entries, report.findings), (rows().len() as u64, Vec::new()));
}

#[tokio::test]
async fn each_thing_that_is_wrong_is_found_and_what_is_certain_is_repaired() {
    let store = MemoryStore::default();
    with(&store, rows(), damage()).await;
    let report = fsck::examine(&store, |_| {}).unwrap();
    let told = report.findings.iter().map(|found| {
        format!("{}  {}\n    {}\n    {}\n", found.kind, found.key, found.what, found.repair.words())
    });
    insta::assert_snapshot!("fsck_findings", told.collect::<String>());

    let mut aside = String::new();
    let keep = |lines: &str| {
        aside.push_str(lines);
        Ok(())
    };
    assert_eq!(report.repair(&store, keep).await, Ok(6));
    assert_eq!(aside.lines().count(), 2, "{aside}");
    let after = fsck::examine(&store, |_| {}).unwrap();
    let left: Vec<&str> = after.findings.iter().map(|found| found.what.as_str()).collect();
    let person = [
        "no record of this version has such a key",
        "it was given up, and is in the outbox as well",
    ];
    assert_eq!(left, person);
    // The mute ends after all.
    let timers = store.scan(b"t/", b"t0", 9).unwrap();
    let timer: TimerRecord = ledger::decode(&timers[0].0, &timers[0].1).unwrap();
    let its = |timer: &Timer| matches!(timer, Timer::SanctionEnd { sanction, .. } if *sanction == id("sanction"));
    assert!(timers.len() == 1 && its(&timer.timer) && ledger::time_of(&timers[0].0) == Some(SOON));
    assert_eq!(store.get(&wait_place()).unwrap(), None);
}

#[tokio::test]
async fn a_sanction_whose_end_was_lost_half_way_is_ended_again() {
    let store = MemoryStore::default();
    let ending = StateValue::Sanction(Sanction { ending: true, ..sanction() });
    let damage = vec![
        (sanction_place(), Some(ledger::encode(&ending).unwrap())),
        (ledger::timer_key(SOON, &id("end")), None),
    ];
    with(&store, rows(), damage).await;
    let report = fsck::examine(&store, |_| {}).unwrap();
    let told: Vec<_> = report.findings.iter().map(|found| found.what.as_str()).collect();
    assert_eq!(told, ["its time is over, and nothing is left that would end it"]);
    assert_eq!(report.repair(&store, |_| panic!("nothing is moved")).await, Ok(1));
    assert_eq!(fsck::examine(&store, |_| {}).unwrap().findings, []);
    let again: Option<StateValue> = ledger::read(&store, &sanction_place()).unwrap();
    assert_eq!(again, Some(StateValue::Sanction(sanction())));
}

#[tokio::test]
async fn a_value_of_which_a_piece_is_missing_is_named_and_moved_aside() {
    let directory = tempfile::tempdir().unwrap();
    let store: Arc<dyn Store> = Arc::new(SledStore::open(directory.path()).unwrap());
    let key = ledger::setting_key("long");
    let long = ledger::encode(&"x".repeat(20_000)).unwrap();
    with(&*store, rows(), vec![(key.clone(), Some(long))]).await;
    drop(store);
    let attempts = std::iter::repeat_with(|| {
        std::thread::yield_now();
        sled::open(directory.path())
    });
    let db = attempts.take(100_000).find_map(Result::ok).unwrap();
    let piece = db.scan_prefix(b"p").keys().nth(2).unwrap().unwrap();
    db.remove(piece).unwrap();
    drop(db);
    let store = SledStore::open(directory.path()).unwrap();
    let report = fsck::examine(&store, |_| {}).unwrap();
    let told: Vec<_> = report.findings.iter().map(|found| (found.kind, &*found.key)).collect();
    assert_eq!(told, [("setting", "v/long%00%01")]);
    // A full disk takes nothing of it: then it stays where it is.
    let full = |_: &str| Err(std::io::ErrorKind::StorageFull.into());
    assert!(report.repair(&store, full).await.is_err());
    assert_eq!(fsck::examine(&store, |_| {}).unwrap(), report);
    let mut aside = String::new();
    let keep = |lines: &str| {
        aside.push_str(lines);
        Ok(())
    };
    assert_eq!(report.repair(&store, keep).await, Ok(1));
    let kept: serde_json::Value = serde_json::from_str(&aside).unwrap();
    // The head, and five of six pieces.
    assert_eq!(kept["pieces_base64"].as_array().unwrap().len(), 6, "{aside}");
    assert_eq!(fsck::examine(&store, |_| {}).unwrap().findings, []);
}

#[tokio::test]
async fn a_mute_that_nobody_would_renew_is_found_and_renewed() {
    let store = MemoryStore::default();
    let forever = Sanction { until: None, chat_until: Some(SOON), ..sanction() };
    let damage = vec![
        (sanction_place(), Some(ledger::encode(&StateValue::Sanction(forever)).unwrap())),
        (ledger::timer_key(SOON, &id("end")), None),
    ];
    with(&store, rows(), damage).await;
    let report = fsck::examine(&store, |_| {}).unwrap();
    let told: Vec<_> = report.findings.iter().map(|found| found.what.as_str()).collect();
    assert_eq!(told, [format!("Chat ends it {SOON}, and it has no timer to be renewed by")]);
    assert_eq!(report.repair(&store, |_| panic!("nothing is moved")).await, Ok(1));
    assert_eq!(fsck::examine(&store, |_| {}).unwrap().findings, []);
    let mut timers = store.scan(b"t/", b"t0", 9).unwrap().into_iter();
    let renewal = timers.find_map(|(key, value)| {
        let record: TimerRecord = ledger::decode(&key, &value).unwrap();
        matches!(record.timer, Timer::SanctionRenewal { .. }).then(|| ledger::time_of(&key))
    });
    assert_eq!(renewal.flatten(), Some(SOON - Duration::from_secs(3_600)));
}

/// A volume that is not mounted is an empty directory.
#[test]
fn a_directory_without_a_store_is_told_and_left_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let empty = directory.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    std::fs::write(directory.path().join("good.jsonl"), "a good backup").unwrap();
    for arguments in [
        &["backup", "good.jsonl"][..],
        &["fsck"],
        &["fsck", "--repair"],
        &["compact"],
        &["why", "last"],
        &["sanctions"],
    ] {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_groupkeeper"));
        command.args(arguments).args(["--store", "sled:empty"]).current_dir(directory.path());
        let output = command.output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(told, "groupkeeper: there is no store in empty\n", "{arguments:?}");
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert_eq!(std::fs::read_dir(&empty).unwrap().count(), 0, "{arguments:?}");
    }
    let kept = std::fs::read_to_string(directory.path().join("good.jsonl")).unwrap();
    assert_eq!(kept, "a good backup");
}

#[test]
fn the_command_says_what_is_wrong_and_exits_accordingly() {
    let directory = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_groupkeeper"));
        let output = command.args(arguments).current_dir(directory.path()).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let (exit, _, told) = run(&["fsck"]);
    assert_eq!((exit, told.as_str()), (Some(1), "groupkeeper: there is no store in data\n"));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let store = SledStore::open(directory.path().join("data")).unwrap();
        with(&store, rows(), damage()).await;
        store.close().unwrap();
    });
    let (exit, shown, _) = run(&["fsck"]);
    assert_eq!(exit, Some(1));
    assert!(shown.contains("--repair: sets its timer again"), "{shown}");
    let (exit, _, told) = run(&["fsck", "--repair", "--aside", "aside.jsonl"]);
    assert_eq!((exit, told.as_str()), (Some(1), "repaired: 6 of 8\nmoved to aside.jsonl: 2\n"));
    let (exit, json, _) = run(&["fsck", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((exit, json["findings"].as_array().unwrap().len()), (Some(1), 2));
}
