//! What the parts of one callback's way cost: authenticate, decode, decide, records, a commit.
//!
//! `cargo bench --bench parts`. For work on one part; what they come to together is in `benches/load`.

#![expect(clippy::unwrap_used, reason = "a measurement that fails may panic")]

use std::hint::black_box;

use axum::http::Uri;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use groupkeeper::callback::{Gate, Query, decode};
use groupkeeper::chat::{GroupType, Role};
use groupkeeper::clock::Timestamp;
use groupkeeper::decision::state::{GroupRecord, MemberRecord, Owner};
use groupkeeper::decision::{self, Event, State, StateKey, StateValue, decide, needs};
use groupkeeper::ledger::{self, Pending};
use groupkeeper::rule::{self, RuleSet};
use groupkeeper::store::{MemoryStore, SledStore, Store, WriteSet};
use secrecy::SecretString;

/// The time for which the example of 34354 is signed.
const NOW: Timestamp = Timestamp(1_669_872_112_000);
const TARGET: &str = "/callback?SdkAppid=1400000000&CallbackCommand=Group.CallbackAfterNewMemberJoin\
    &contenttype=json&ClientIP=203.0.113.7&OptPlatform=iOS&RequestTime=1669872112\
    &Sign=17773bc39a671d7b9aa835458704d2a6db81360a5940292b587d6d760d484061";
const JOIN: &[u8] = br#"{"CallbackCommand":"Group.CallbackAfterNewMemberJoin","GroupId":"@TGS#cats","Type":"Public","JoinType":"Apply","Operator_Account":"staff_ann","NewMemberList":[{"Member_Account":"staff_ann"}],"EventTime":"1669872112000"}"#;

fn join() -> Event {
    let settings =
        groupkeeper::callback::decode::Settings { admins: &[], wants_callback_event: false };
    let uri = Uri::from_static(TARGET);
    let decoded = decode(&Query::of(&uri), JOIN, settings, NOW).unwrap();
    decoded.events.into_iter().next().unwrap()
}

fn rules() -> RuleSet {
    let text = include_str!("../rules/promote_staff.toml").to_owned();
    let reading = rule::read(vec![("promote_staff.toml".to_owned(), text)], None);
    assert!(!reading.has_errors(), "{:?}", reading.diagnostics);
    reading.rules
}

fn group() -> StateValue {
    StateValue::Group(GroupRecord {
        group_type: Some(GroupType::Public),
        owner: Owner::Is("olga".into()),
        ..GroupRecord::default()
    })
}

/// All that is asked for; nothing but the group and the member is there.
fn state(event: &Event, rules: &RuleSet) -> State {
    let mut state = State::default();
    for key in needs(event, rules) {
        let value = match key {
            StateKey::Group(_) => Some(group()),
            StateKey::Member(..) => Some(StateValue::Member(MemberRecord {
                role: Some(Role::Member),
                ..MemberRecord::default()
            })),
            _ => None,
        };
        state.insert(key, value);
    }
    state
}

fn callback(criterion: &mut Criterion) {
    let gate = Gate {
        sdk_app_id: 1_400_000_000,
        tokens: vec![SecretString::from("xxxxyyyy")],
        window: groupkeeper::callback::authenticate::DEFAULT_WINDOW,
    };
    let uri = Uri::from_static(TARGET);
    criterion.bench_function("callback: read the query and authenticate", |bencher| {
        bencher.iter(|| gate.check(&Query::of(black_box(&uri)), NOW).unwrap());
    });
    let query = Query::of(&uri);
    let settings =
        groupkeeper::callback::decode::Settings { admins: &[], wants_callback_event: false };
    criterion.bench_function("callback: decode a join", |bencher| {
        bencher.iter(|| decode(&query, black_box(JOIN), settings, NOW).unwrap());
    });
}

fn deciding(criterion: &mut Criterion) {
    let (event, rules, settings) = (join(), rules(), decision::Settings::default());
    criterion.bench_function("decision: what a join needs", |bencher| {
        bencher.iter(|| needs(black_box(&event), &rules));
    });
    let state = state(&event, &rules);
    criterion.bench_function("decision: a join that promotes", |bencher| {
        bencher.iter(|| decide(black_box(&event), &rules, &settings, &state, NOW));
    });
}

fn records(criterion: &mut Criterion) {
    let (event, rules) = (join(), rules());
    let decision =
        decide(&event, &rules, &decision::Settings::default(), &state(&event, &rules), NOW);
    let effect = decision.effects.into_iter().next().unwrap();
    let (key, pending) = (
        ledger::outbox_key(&effect.lane, 1),
        Pending {
            effect,
            tries: 0,
            not_before: NOW,
            perhaps_done: false,
            trouble: String::new(),
            panics: 0,
        },
    );
    criterion.bench_function("ledger: encode an effect", |bencher| {
        bencher.iter(|| ledger::encode(black_box(&pending)).unwrap());
    });
    let bytes = ledger::encode(&pending).unwrap();
    criterion.bench_function("ledger: decode an effect", |bencher| {
        bencher.iter(|| ledger::decode::<Pending>(&key, black_box(&bytes)).unwrap());
    });
    let bytes = ledger::encode(&group()).unwrap();
    criterion.bench_function("ledger: decode a group", |bencher| {
        bencher.iter(|| ledger::decode::<StateValue>(b"g/", black_box(&bytes)).unwrap());
    });
}

/// Five records of 300 bytes, as a join brings.
fn writes(number: u64, durable: bool) -> WriteSet {
    let key = |record: u64| [number.to_be_bytes(), record.to_be_bytes()].concat();
    let writes = (0..5).map(|record| (key(record), Some(vec![b'x'; 300]))).collect();
    WriteSet { writes, durable, ..WriteSet::default() }
}

fn commits(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let disk = SledStore::open(folder.path().join("data")).unwrap();
    let memory = MemoryStore::default();
    let stores: [(&str, &dyn Store, bool); 3] = [
        ("store: a commit in memory", &memory, true),
        ("store: a commit on disk that nobody waits for", &disk, false),
        ("store: a durable commit on disk, alone", &disk, true),
    ];
    for (name, store, durable) in stores {
        let mut number = 0;
        criterion.bench_function(name, |bencher| {
            let next = || {
                number += 1;
                writes(number % 10_000, durable)
            };
            let commit = |set| runtime.block_on(store.commit(set)).unwrap();
            bencher.iter_batched(next, commit, BatchSize::SmallInput);
        });
    }
}

criterion_group!(parts, callback, deciding, records, commits);
criterion_main!(parts);
