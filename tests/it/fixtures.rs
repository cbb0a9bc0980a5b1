//! Tencent's documented callback bodies, and variants of them that were observed or are to be expected:
//! each becomes the event that its page describes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::LazyLock;

use groupkeeper::callback::decode::{Settings, commands};
use groupkeeper::callback::{Answering, Decoded, Query, decode, reply};
use groupkeeper::chat::Account;
use groupkeeper::clock::Timestamp;
use groupkeeper::decision::{Event, Verdict};
use groupkeeper::rule::EventKind;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

pub const NOW: Timestamp = Timestamp(1_750_000_000_000);

/// A body of `tests/fixtures`: where it comes from, and what Chat sends.
pub struct Fixture {
    pub command: String,
    pub body: Value,
    /// Why it is there: a page of Tencent's, or what is odd about it.
    pub why: String,
    query: Query<'static>,
}

/// Reads `tests/fixtures/{name}__01.json`.
pub fn fixture(name: &str) -> Fixture {
    let file = format!("{name}__01.json");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(file);
    let text = std::fs::read_to_string(path).unwrap();
    let file: Value = serde_json::from_str(&text).unwrap();
    let parameter = |name: &str| file["query"][name].as_str().unwrap_or_default().to_owned();
    let query = Query {
        sdk_app_id: parameter("SdkAppid").into(),
        command: parameter("CallbackCommand").into(),
        platform: parameter("OptPlatform").into(),
        ..Query::default()
    };
    let why = format!("documented: {name}");
    Fixture { command: query.command.to_string(), body: file["body"].clone(), why, query }
}

/// The bodies of `tests/fixtures/variants.json`: what was captured, older editions, and a body made by
/// hand for each command of which none is documented.
pub fn variants() -> Vec<Fixture> {
    let text = crate::stage::repository("tests/fixtures/variants.json");
    let items: Vec<Value> = serde_json::from_str(&text).unwrap();
    let read = |item: Value| {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let in_query = text(&item["query"]["CallbackCommand"]);
        let command = text(&item["command"]);
        let query = Query {
            command: if in_query.is_empty() { command.clone() } else { in_query }.into(),
            platform: text(&item["query"]["OptPlatform"]).into(),
            ..Query::default()
        };
        Fixture { command, body: item["body"].clone(), why: text(&item["why"]), query }
    };
    items.into_iter().map(read).collect()
}

/// Every documented body and every variant.
pub fn all() -> Vec<Fixture> {
    every().chain(variants()).collect()
}

impl Fixture {
    /// The events, with `callback` only where there is nothing else.
    pub fn events(&self) -> Vec<Event> {
        self.decoded(&self.body, NOW).events
    }

    fn decoded(&self, body: &Value, now: Timestamp) -> Decoded {
        decode(&self.query, body.to_string().as_bytes(), settings(&[]), now).unwrap()
    }
}

fn settings(admins: &[Account]) -> Settings<'_> {
    Settings { admins, wants_callback_event: false }
}

/// `event place member[>receiver] operator`
fn told(event: &Event) -> String {
    let room = event.room.as_ref().map(|room| format!("{:?}:{}", room.kind, room.id));
    let place = event.group.as_ref().map(ToString::to_string).or(room).unwrap_or("-".into());
    let name = |account: &Option<Account>| account.as_ref().map_or("-".into(), Account::to_string);
    let receiver = event.receiver.as_ref().map_or(String::new(), |to| format!(">{to}"));
    format!("{} {place} {}{receiver} {}", event.name(), name(&event.member), name(&event.operator))
}

/// What each fixture says, read off its page by hand: event, place, whom it is about, operator.
const TABLE: &[(&str, &[&str])] = &[
    ("Alert.RequestOverLimit", &["callback - - -"]),
    ("Bot.OnC2CMessage", &["callback - - -"]),
    ("Bot.OnGroupMessage", &["callback @TGS#2J4SZEAEL - admin"]),
    ("C2C.CallbackAfterMsgReport", &["callback - - -"]),
    ("C2C.CallbackAfterMsgWithDraw", &["callback - - -"]),
    ("C2C.CallbackAfterSendMsg", &["private.sent - jared>Jonh -"]),
    ("C2C.CallbackBeforeSendMsg", &["private.sending - jared>John -"]),
    ("Group.CallbackAfterChangeGroupOwner", &["owner.changed @TGS#2TTV7VSII - admin"]),
    ("Group.CallbackAfterCreateGroup", &["group.created @TGS#2J4SZEAEL - group_root"]),
    ("Group.CallbackAfterCreateTopic", &["topic.created @TGS#2J4SZEAEL - group_root"]),
    ("Group.CallbackAfterGroupAttrChanged", &["group.attributes_changed @TGS#2J4SZEAEL - leckie"]),
    ("Group.CallbackAfterGroupDestroyed", &["group.dismissed @TGS#2J4SZEAEL - -"]),
    ("Group.CallbackAfterGroupFull", &["group.full @TGS#2J4SZEAEL - -"]),
    ("Group.CallbackAfterGroupInfoChanged", &["group.info_changed @TGS#2J4SZEAEL - leckie"]),
    (
        "Group.CallbackAfterMemberExit",
        &[
            "member.removed @TGS#2J4SZEAEL jared leckie",
            "member.removed @TGS#2J4SZEAEL tommy leckie",
        ],
    ),
    (
        "Group.CallbackAfterMemberFieldChanged",
        &[
            "member.role_changed @TGS#xxxx 123456 admin",
            "member.card_changed @TGS#xxxx 123456 admin",
        ],
    ),
    (
        "Group.CallbackAfterNewMemberJoin",
        &["member.joined @TGS#2J4SZEAEL jared leckie", "member.joined @TGS#2J4SZEAEL tommy leckie"],
    ),
    ("Group.CallbackAfterReadReceipt", &["callback @TGS#2TTV7VSII - -"]),
    ("Group.CallbackAfterRecallMsg", &["message.recalled 1213456 - admin"]),
    ("Group.CallbackAfterSendMsg", &["message.sent @TGS#2J4SZEAEL jared admin"]),
    ("Group.CallbackAfterTopicDestroyed", &["topic.dismissed @TGS#_@TGS#cQVLVHIM62CJ - -"]),
    ("Group.CallbackAfterTopicInfoChanged", &["topic.info_changed @TGS#2J4SZEAEL - leckie"]),
    ("Group.CallbackBeforeApplyJoinGroup", &["join.requested @TGS#2J4SZEAEL jared -"]),
    ("Group.CallbackBeforeCreateGroup", &["group.creating - leckie leckie"]),
    ("Group.CallbackBeforeCreateTopic", &["topic.creating - leckie leckie"]),
    ("Group.CallbackBeforeInviteJoinGroup", &["invite.requested @TGS#2J4SZEAEL leckie leckie"]),
    ("Group.CallbackBeforeSendMsg", &["message.sending @TGS#2J4SZEAEL jared admin"]),
    ("Group.CallbackOnDailyGroupQuotaAlarm", &["callback - - -"]),
    (
        "Group.CallbackOnMemberStateChange",
        &["member.offline @TGS#2J4SZEAEL jared -", "member.offline @TGS#2J4SZEAEL tommy -"],
    ),
    ("Group.CallbackSendMsgException", &["message.failed @TGS#2J4SZEAEL jared admin"]),
    ("Live.CallbackAfterChangeOwner", &["room.owner_changed Live:room_id - admin"]),
    ("Live.CallbackAfterCreateBattle", &["callback - - brennanli"]),
    ("Live.CallbackAfterCreateRoom", &["room.created Live:tandy-test-rest - admin"]),
    ("Live.CallbackAfterDelMetadata", &["callback Live:live-room1111 - brennanli"]),
    ("Live.CallbackAfterDestroyRoom", &["room.closed Live:tandy-test-rest - admin"]),
    (
        "Live.CallbackAfterMemberStateChanged",
        &["room.member_entered Live:room_id jared -", "room.member_entered Live:room_id tommy -"],
    ),
    ("Live.CallbackAfterModifyAdmin", &["callback Live:room_id - admin"]),
    ("Live.CallbackAfterSetMetadata", &["callback Live:live-room1111 - brennanli"]),
    ("Live.CallbackAfterStartBattle", &["callback - - -"]),
    ("Live.CallbackAfterUpdateRoomInfo", &["room.info_changed Live:live-room - bob"]),
    ("Mic.CallbackAfterSeatInfoChanged", &["callback Conference:rid-123 - user1"]),
    ("Profile.CallbackPortraitSet", &["user.profile_changed - id1 id1"]),
    ("Room.CallbackAfterCreateRoom", &["room.created Conference:tandy-test-rest - admin"]),
    ("Room.CallbackAfterDestroyRoom", &["room.closed Conference:tandy-test-rest - admin"]),
    ("Room.CallbackAfterMemberEnter", &["room.member_entered Conference:rid-123 user1 user1"]),
    ("Room.CallbackAfterMemberLeave", &["room.member_left Conference:rid-123 user1 user1"]),
    ("Room.CallbackAfterUpdateRoomInfo", &["room.info_changed Conference:rid-123 - bob"]),
    ("Sns.CallbackBlackListAdd", &["callback - - -"]),
    ("Sns.CallbackBlackListDelete", &["callback - - -"]),
    ("Sns.CallbackFriendAdd", &["callback - - -"]),
    ("Sns.CallbackFriendDelete", &["callback - - -"]),
    ("Sns.CallbackPrevFriendAdd", &["callback - - -"]),
    ("Sns.CallbackPrevFriendResponse", &["callback - - -"]),
    ("State.StateChange", &["user.online - testuser316 -"]),
];

fn every() -> impl Iterator<Item = Fixture> {
    TABLE.iter().map(|(name, _)| fixture(name))
}

#[test]
fn every_documented_body_becomes_the_events_of_its_page() {
    for (name, expected) in TABLE {
        let fixture = fixture(name);
        let decoded = fixture.decoded(&fixture.body, NOW);
        let events: Vec<String> = decoded.events.iter().map(told).collect();
        assert_eq!(events, *expected, "{name}");
        assert_eq!((decoded.label, decoded.incomplete, decoded.disagreed), (*name, None, false));
    }
}

#[test]
fn the_table_misses_no_fixture() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".json"))
        .collect();
    files.sort();
    let mut expected: Vec<String> =
        TABLE.iter().map(|(name, _)| format!("{name}__01.json")).collect();
    expected.push("variants.json".to_owned());
    assert_eq!(files, expected);
}

/// A decoded body, for the eye: what it is, what is answered when it is allowed, and its events.
fn shown(fixture: &Fixture) -> String {
    let decoded = fixture.decoded(&fixture.body, NOW);
    let mut text = format!("### {}\n    {}\n", fixture.command, fixture.why);
    if decoded.answering != Answering::After {
        let answer = reply(&decoded.answering, &Verdict::Allow);
        text.push_str(&format!("    answered {answer}\n"));
    }
    for (is_so, word) in [
        (decoded.incomplete.is_some(), "incomplete"),
        (decoded.disagreed, "query and body disagree"),
    ] {
        if is_so {
            text.push_str(&format!("    {word}\n"));
        }
    }
    for event in &decoded.events {
        let mut fields = serde_json::to_value(event).unwrap();
        let fields = fields.as_object_mut().unwrap();
        // Ids are digests, the command stands above, and a kept body is the body itself.
        for name in ["id", "command", "cause"] {
            fields.remove(name);
        }
        let kept = fields.get_mut("fields").and_then(Value::as_object_mut);
        kept.and_then(|fields| fields.remove("body"));
        text.push_str(&format!("  {} {}\n", event.name(), Value::Object(fields.clone())));
    }
    text
}

#[test]
fn every_body_decodes_as_reviewed() {
    let mut families: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for fixture in all() {
        let family = fixture.command.split('.').next().unwrap().to_lowercase();
        families.entry(family).or_default().push(shown(&fixture));
    }
    for (family, mut bodies) in families {
        bodies.sort();
        insta::with_settings!({ snapshot_suffix => family }, {
            insta::assert_snapshot!("decoded", bodies.join("\n"));
        });
    }
}

#[test]
fn every_command_of_the_lists_has_a_body_and_becomes_its_events_and_no_others() {
    for command in commands() {
        let bodies = all().into_iter().filter(|fixture| fixture.command == command.name);
        let bodies: Vec<Fixture> = bodies.collect();
        assert!(!bodies.is_empty(), "{} has no body", command.name);
        let kinds = bodies.iter().flat_map(|body| body.events()).filter_map(|event| event.kind());
        let seen: BTreeSet<&str> =
            kinds.filter(|kind| *kind != EventKind::Callback).map(EventKind::name).collect();
        let listed: BTreeSet<&str> = command.events.iter().map(|kind| kind.name()).collect();
        assert_eq!(seen, listed, "{}", command.name);
    }
}

#[test]
fn fields_of_events_are_those_of_the_catalog() {
    for fixture in all() {
        for event in fixture.events() {
            let known = event.kind().unwrap().event_fields();
            for field in event.fields.keys() {
                assert!(known.iter().any(|(name, _)| name == field), "{} {field}", fixture.command);
            }
        }
    }
}

/// The body with one more or one replaced field.
fn with(body: &Value, name: &str, value: Value) -> Value {
    let mut body = body.clone();
    body[name] = value;
    body
}

/// Events without what may differ: the id, and the body that a `callback` event keeps.
fn stripped(mut events: Vec<Event>) -> Vec<Event> {
    let id = groupkeeper::decision::EventId::of(&[]);
    for event in &mut events {
        event.id = id.clone();
        event.fields.remove("body");
    }
    events
}

#[test]
fn the_time_is_read_as_number_as_text_and_in_seconds() {
    for fixture in every() {
        for time in [json!(1_670_574_414_000_i64), json!("1670574414000"), json!(1_670_574_414)] {
            let body = with(&fixture.body, "EventTime", time);
            for event in fixture.decoded(&body, NOW).events {
                assert_eq!(event.time, Timestamp(1_670_574_414_000), "{}", fixture.command);
            }
        }
    }
}

#[test]
fn without_any_time_it_happened_now() {
    for fixture in every() {
        let mut body = fixture.body.clone();
        for time in ["EventTime", "MsgTime"] {
            body.as_object_mut().unwrap().remove(time);
        }
        for event in fixture.decoded(&body, NOW).events {
            assert_eq!(event.time, NOW, "{}", fixture.command);
        }
    }
}

#[test]
fn fields_that_nobody_knows_change_nothing() {
    for fixture in every() {
        let body = with(&fixture.body, "FieldOfTomorrow", json!({"a": [1, {"b": null}]}));
        let decoded = fixture.decoded(&body, NOW);
        assert_eq!(stripped(decoded.events), stripped(fixture.events()), "{}", fixture.command);
    }
}

#[test]
fn a_callback_delivered_again_has_the_same_ids_and_no_two_events_share_one() {
    let mut seen = std::collections::HashMap::new();
    for fixture in every() {
        let again = Fixture {
            query: Query { request_time: "1".into(), sign: "2".into(), ..fixture.query.clone() },
            ..fixture
        };
        let first = fixture_ids(&again);
        assert_eq!(first, fixture_ids(&self::fixture(&again.command)));
        for id in first {
            assert_eq!(seen.insert(id, again.command.clone()), None, "{}", again.command);
        }
    }
}

fn fixture_ids(fixture: &Fixture) -> Vec<String> {
    fixture.events().iter().map(|event| event.id.to_string()).collect()
}

#[test]
fn whatever_is_missing_or_of_another_type_the_callback_is_still_taken() {
    let replacements =
        [json!(null), json!(true), json!(-1.5e300), json!("x"), json!([[]]), json!({"Type": {}})];
    for fixture in all() {
        for path in paths(&fixture.body) {
            for value in &replacements {
                let mut body = fixture.body.clone();
                *body.pointer_mut(&path).unwrap() = value.clone();
                assert!(
                    !fixture.decoded(&body, NOW).events.is_empty(),
                    "{} {path}",
                    fixture.command
                );
            }
        }
        for name in fixture.body.as_object().unwrap().keys() {
            let mut body = fixture.body.clone();
            body.as_object_mut().unwrap().remove(name);
            assert!(!fixture.decoded(&body, NOW).events.is_empty(), "{} {name}", fixture.command);
        }
    }
}

/// JSON pointers to everything inside a value.
fn paths(value: &Value) -> Vec<String> {
    let inner: Vec<(String, &Value)> = match value {
        Value::Object(fields) => {
            fields.iter().map(|(name, value)| (name.replace('/', "~1"), value)).collect()
        }
        Value::Array(items) => {
            items.iter().enumerate().map(|(place, value)| (place.to_string(), value)).collect()
        }
        _ => Vec::new(),
    };
    let below = |(name, value): (String, &Value)| {
        let own = format!("/{name}");
        let inside: Vec<String> = paths(value).iter().map(|path| format!("{own}{path}")).collect();
        std::iter::once(own).chain(inside)
    };
    inner.into_iter().flat_map(below).collect()
}

/// Any JSON value, three levels deep, with the names and words that mean something to the decoder.
fn any_value() -> impl Strategy<Value = Value> {
    let word = prop_oneof![
        Just("Kicked".to_owned()),
        Just("Online".to_owned()),
        Just("TIMRelayElem".to_owned()),
        "[a-z@#é]{0,8}"
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        word.prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((any_name(), inner), 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// A field name that some fixture has, or another.
fn any_name() -> impl Strategy<Value = String> {
    // `prop_recursive` asks again for every value.
    static NAMES: LazyLock<Vec<String>> = LazyLock::new(|| {
        let paths = every().flat_map(|fixture| paths(&fixture.body));
        let names: BTreeSet<String> =
            paths.filter_map(|path| path.rsplit('/').next().map(str::to_owned)).collect();
        names.into_iter().collect()
    });
    prop_oneof![9 => prop::sample::select(NAMES.as_slice()), 1 => "[A-Za-z.é]{0,8}"]
}

fn any_command() -> impl Strategy<Value = String> {
    let commands: Vec<String> = TABLE.iter().map(|(name, _)| (*name).to_owned()).collect();
    prop_oneof![19 => prop::sample::select(commands), 1 => "[A-Za-z.é]{0,8}"]
}

proptest! {
    #[test]
    fn any_object_under_any_command_yields_events_of_that_command(
        command in any_command(),
        fields in prop::collection::vec((any_name(), any_value()), 0..8),
    ) {
        let body = Value::Object(fields.into_iter().collect());
        let query = Query { command: command.clone().into(), ..Query::default() };
        let decoded = decode(&query, body.to_string().as_bytes(), settings(&[]), NOW).unwrap();
        prop_assert!(!decoded.events.is_empty());
        if !command.is_empty() {
            prop_assert!(decoded.events.iter().all(|event| event.command == command));
        }
    }

    #[test]
    fn a_body_with_changed_bytes_is_decoded_or_refused_but_never_a_panic(
        which in 0..TABLE.len(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let fixture = fixture(TABLE[which].0);
        let mut bytes = fixture.body.to_string().into_bytes();
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        if let Ok(decoded) = decode(&fixture.query, &bytes, settings(&[]), NOW) {
            prop_assert!(!decoded.events.is_empty());
        }
    }

    #[test]
    fn bytes_that_are_no_json_object_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let is_object = serde_json::from_slice::<Map<String, Value>>(&bytes).is_ok();
        let decoded = decode(&Query::default(), &bytes, settings(&[]), NOW);
        prop_assert_eq!(decoded.is_ok(), is_object);
    }
}
