//! Callback JSON into events: with `decode/`, the only reader of Tencent's callback bodies.
//!
//! Tencent's documents contradict each other and its traffic (numbers as strings, accounts as
//! numbers, `EventTime` of three kinds or none, two names for one field), so reading is tolerant:
//! an optional field of the wrong type is as good as absent, a field nobody knows stays in the
//! `callback` event, and a known command that lacks what its event needs becomes a `callback` event
//! with a note. Only a body that is no JSON object is an error.

mod callback;
mod command;
mod fields;
mod group;
mod identity;
mod member;
mod message;
mod over_limit;
mod room;
mod table;
mod user;

use std::fmt;

use serde_json_borrow::Value;

use self::callback::Callback;
use self::fields::Fields;
use super::query::Query;
use super::reply::Answering;
use crate::chat::Account;
use crate::clock::Timestamp;
use crate::decision::Event;
use crate::decision::event::Field;

pub use self::command::{Command, Document, commands, label};
pub use self::over_limit::OverLimit;

/// What decoding depends on besides the callback.
#[derive(Clone, Copy, Debug)]
pub struct Settings<'a> {
    /// The accounts that our REST calls are made as.
    pub admins: &'a [Account],
    /// Whether commands that have an event of their own yield a `callback` event too.
    pub wants_callback_event: bool,
}

/// A decoded callback.
#[derive(Clone, Debug, PartialEq)]
pub struct Decoded {
    /// `CallbackCommand`: the query's, otherwise the body's, empty where neither says.
    pub command: String,
    /// The command if it is in Tencent's lists, otherwise `other`.
    pub label: &'static str,
    /// What happened, in order and never empty; a `callback` event comes last.
    pub events: Vec<Event>,
    /// Which answers the command understands.
    pub answering: Answering,
    /// Query and body named different commands.
    pub disagreed: bool,
    /// A known command lacked what its event needs.
    pub incomplete: Option<Incomplete>,
    /// Chat warns that a REST command is called too often.
    pub over_limit: Option<OverLimit>,
}

impl Decoded {
    /// Whether the command is one of the Conference or Live engine's own (60729, 64413).
    pub fn is_of_a_room(&self) -> bool {
        ["Room.", "Live.", "Mic."].iter().any(|family| self.command.starts_with(family))
    }
}

/// A body that does not fit the command it came with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incomplete {
    pub command: &'static str,
    /// Where Tencent says what the body holds.
    pub document: Document,
    /// What is wrong with it: names of fields, and nothing of the body.
    pub what: String,
}

/// The body is not a JSON object. Says where, and quotes nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Garbled {
    /// Counted from 1; 0 where the whole body is meant.
    pub line: usize,
    pub column: usize,
}

impl fmt::Display for Garbled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a JSON object (line {}, column {})", self.line, self.column)
    }
}

impl std::error::Error for Garbled {}

/// Reads one callback.
///
/// `now` stands in where a callback carries no time. An unknown command, and a known one without an
/// event of its own, yields one `callback` event.
pub fn decode(
    query: &Query<'_>,
    body: &[u8],
    settings: Settings<'_>,
    now: Timestamp,
) -> Result<Decoded, Garbled> {
    let body: Value<'_> = serde_json::from_slice(body)
        .map_err(|error| Garbled { line: error.line(), column: error.column() })?;
    let fields = Fields::of(&body).ok_or(Garbled { line: 0, column: 0 })?;
    let in_body = fields.text("CallbackCommand").unwrap_or_default();
    let in_body = command::official(&in_body);
    let name = if query.command.is_empty() { in_body } else { command::official(&query.command) };
    let command = Command::named(name);
    let callback = Callback::new(name, fields, query, settings, now);
    let answering = match command {
        Some(command) => command.answering(fields),
        None if command::is_before(name) => Answering::Allow,
        None => Answering::After,
    };
    let (mut events, note) = match command.and_then(|command| command.reader) {
        None => (Vec::new(), None),
        Some(read) => match read(&callback) {
            Ok(events) => (events, None),
            Err(unfit) => (Vec::new(), Some(unfit.note())),
        },
    };
    let incomplete = command.zip(note.as_ref()).and_then(|(command, (what, wrong))| {
        let (name, document) = (command.name, command.document);
        wrong.then(|| Incomplete { command: name, document, what: what.clone() })
    });
    let note = note.map(|(note, _)| note);
    let kept = (events.is_empty() || settings.wants_callback_event).then(|| callback.kept(note));
    let over_limit = over_limit::read(name, fields);
    let disagreed = !in_body.is_empty() && in_body != name;
    let command_name = name.to_owned();
    if let Some(mut event) = kept {
        event
            .fields
            .insert("body".to_owned(), Field::Json(serde_json::Value::Object(fields.owned())));
        events.push(event);
    }
    let label = command.map_or(command::OTHER, |command| command.name);
    Ok(Decoded {
        command: command_name,
        label,
        events,
        answering,
        disagreed,
        incomplete,
        over_limit,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::GroupType;
    use crate::decision::event::Cause;
    use crate::rule::EventKind;

    const NOW: Timestamp = Timestamp(1_750_000_000_000);
    const EXIT: &str = "Group.CallbackAfterMemberExit";
    const FIELD_CHANGED: &str = "Group.CallbackAfterMemberFieldChanged";

    fn decoded(command: &str, body: &str) -> Decoded {
        let query = Query { command: command.into(), ..Query::default() };
        let settings = Settings { admins: &[], wants_callback_event: false };
        decode(&query, body.as_bytes(), settings, NOW).unwrap()
    }

    fn names(decoded: &Decoded) -> Vec<&'static str> {
        decoded.events.iter().map(Event::name).collect()
    }

    /// The only event.
    fn one(command: &str, body: &str) -> Event {
        let decoded = decoded(command, body);
        assert_eq!(decoded.events.len(), 1, "{:?}", names(&decoded));
        decoded.events.into_iter().next().unwrap()
    }

    fn text<'a>(event: &'a Event, name: &str) -> &'a str {
        match event.fields.get(name) {
            Some(Field::Text(text)) => text,
            other => panic!("{name} is {other:?}"),
        }
    }

    #[test]
    fn only_who_was_kicked_was_removed_and_anybody_else_has_left() {
        let of = |exit: &str| {
            let members = r#""ExitMemberList":[{"Member_Account":"ann"}]"#;
            one(EXIT, &format!(r#"{{"GroupId":"g","ExitType":{exit},{members}}}"#)).name()
        };
        assert_eq!(of(r#""Kicked""#), "member.removed");
        assert_eq!(of(r#""Quit""#), "member.left");
        assert_eq!(of(r#""AccountDeleted""#), "member.left");
        assert_eq!(of("7"), "member.left");
    }

    #[test]
    fn a_changed_member_goes_by_two_names() {
        for name in ["Member_Account", "Modified_Account"] {
            let body = format!(r#"{{"GroupId":"g","{name}":"ann","Role":"Admin"}}"#);
            let event = one(FIELD_CHANGED, &body);
            assert_eq!(event.member, Some("ann".into()));
            assert_eq!((event.name(), text(&event, "role")), ("member.role_changed", "admin"));
        }
    }

    #[test]
    fn a_name_card_that_was_emptied_has_changed() {
        let event = one(FIELD_CHANGED, r#"{"GroupId":"g","Member_Account":"ann","NameCard":""}"#);
        assert_eq!((event.name(), text(&event, "name_card")), ("member.card_changed", ""));
        assert_eq!(event.fields.get("role"), None);
    }

    #[test]
    fn old_names_of_group_types_are_todays() {
        let of = |name: &str| {
            let body = format!(r#"{{"GroupId":"g","Type":"{name}"}}"#);
            one("Group.CallbackAfterGroupFull", &body).group_type
        };
        assert_eq!(of("Private"), Some(GroupType::Work));
        assert_eq!(of("ChatRoom"), Some(GroupType::Meeting));
        assert_eq!(of("BChatRoom"), Some(GroupType::Unknown));
        let body = r#"{"Operator_Account":"ann","Type":"Private"}"#;
        assert_eq!(text(&one("Group.CallbackBeforeCreateGroup", body), "type"), "Work");
    }

    #[test]
    fn the_number_of_groups_made_goes_by_three_names() {
        for name in ["CreateGroupNum", "CreatedGroupNum", "CreatedNum"] {
            let body = format!(r#"{{"Operator_Account":"ann","{name}":"3"}}"#);
            let event = one("Group.CallbackBeforeCreateGroup", &body);
            assert_eq!(event.fields.get("created_count"), Some(&Field::Int(3)));
        }
    }

    #[test]
    fn a_group_without_owner_is_created_with_an_empty_one() {
        for owner in [r#""""#, "null", r#""@TLS#NOT_FOUND""#] {
            let body = format!(r#"{{"GroupId":"g","Owner_Account":{owner}}}"#);
            let event = one("Group.CallbackAfterCreateGroup", &body);
            assert_eq!((event.name(), text(&event, "owner")), ("group.created", ""));
        }
        let event = one("Group.CallbackAfterCreateGroup", r#"{"groupID":"g"}"#);
        assert_eq!(
            (event.group, event.cause),
            (Some("g".into()), Cause::Kind(EventKind::GroupCreated))
        );
    }

    #[test]
    fn a_known_command_without_what_it_needs_is_kept_with_a_note_and_its_body() {
        for (command, body, note) in [
            (EXIT, r#"{"ExitType":"Quit"}"#, "GroupId is missing"),
            (EXIT, r#"{"GroupId":"g","ExitMemberList":[{}]}"#, "ExitMemberList is missing"),
            (FIELD_CHANGED, r#"{"GroupId":"g"}"#, "Member_Account is missing"),
            (
                "Group.CallbackAfterChangeGroupOwner",
                r#"{"GroupId":"g"}"#,
                "NewOwner_Account is missing",
            ),
            ("Room.CallbackAfterDestroyRoom", "{}", "RoomId is missing"),
            ("State.StateChange", r#"{"Info":[]}"#, "Info is missing"),
        ] {
            let decoded = decoded(command, body);
            assert_eq!(names(&decoded), ["callback"]);
            let incomplete = decoded.incomplete.as_ref().unwrap();
            assert_eq!((incomplete.command, incomplete.what.as_str()), (command, note));
            let event = &decoded.events[0];
            assert_eq!((event.command.as_str(), text(event, "note")), (command, note));
            let body = serde_json::from_str(body).unwrap();
            assert_eq!(event.fields.get("body"), Some(&Field::Json(body)));
        }
    }

    #[test]
    fn a_callback_event_keeps_its_place_among_those_of_its_group_or_room() {
        let lane = |body: &str| one("Group.CallbackOfTomorrow", body).lane();
        assert_eq!(lane(r#"{"GroupId":"g"}"#), crate::decision::Lane::group(&"g".into()));
        assert_eq!(lane(r#"{"RoomId":7}"#), crate::decision::Lane::room(&"7".into()));
        assert_eq!(lane("{}"), crate::decision::Lane::app());
    }

    #[test]
    fn the_query_names_the_command_and_otherwise_the_body_does() {
        let body = r#"{"CallbackCommand":"Group.CallbackAfterGroupFull","GroupId":"g"}"#;
        let by_body = decoded("", body);
        assert_eq!((names(&by_body), by_body.disagreed), (vec!["group.full"], false));
        let by_query = decoded("Group.CallbackAfterGroupDestroyed", body);
        assert_eq!((names(&by_query), by_query.disagreed), (vec!["group.dismissed"], true));
        let by_nobody = decoded("", "{}");
        assert_eq!((names(&by_nobody), by_nobody.label), (vec!["callback"], "other"));
    }

    #[test]
    fn the_two_names_of_the_live_member_command_are_one() {
        let body = r#"{"CallbackCommand":"Live.CallbackAfterMemberStateChanged","RoomId":"r",
            "EventType":"Offline","EventCause":"HeartbeatInterrupt","MemberList":[{"Member_Account":7}]}"#;
        let decoded = decoded("Live.CallbackMemberStateChanged", body);
        assert!(!decoded.disagreed);
        let event = &decoded.events[0];
        assert_eq!((event.name(), &event.member), ("room.member_left", &Some("7".into())));
        assert_eq!((text(event, "how"), text(event, "reason")), ("Expired", "HeartbeatInterrupt"));
        assert_eq!(event.command, "Live.CallbackAfterMemberStateChanged");
    }

    #[test]
    fn a_sender_who_does_not_exist_is_nobody_but_the_message_is_there() {
        let body = r#"{"GroupId":"g","From_Account":"@TLS#NOT_FOUND","MsgSeq":1}"#;
        let event = one("Group.CallbackAfterSendMsg", body);
        assert_eq!((event.name(), &event.member), ("message.sent", &None));
    }

    #[test]
    fn a_private_message_that_was_not_delivered_was_not_sent() {
        let of = |result: &str| {
            let body =
                format!(r#"{{"From_Account":"a","To_Account":"b","SendMsgResult":{result}}}"#);
            one("C2C.CallbackAfterSendMsg", &body).name()
        };
        assert_eq!((of("0"), of("20006")), ("private.sent", "callback"));
        // It is as documented: nothing is wrong with it.
        let body = r#"{"From_Account":"a","To_Account":"b","SendMsgResult":20006}"#;
        assert_eq!(decoded("C2C.CallbackAfterSendMsg", body).incomplete, None);
    }

    #[test]
    fn a_room_that_names_its_owner_among_what_changed_has_that_owner() {
        let body = r#"{"RoomInfo":{"RoomId":"r","Owner_Account":144115233775727695}}"#;
        for command in ["Live.CallbackAfterUpdateRoomInfo", "Room.CallbackAfterUpdateRoomInfo"] {
            let event = one(command, body);
            let owner = event.room.as_ref().and_then(|room| room.owner.as_ref());
            let owner = owner.map(Account::as_str);
            assert_eq!((event.name(), owner), ("room.info_changed", Some("144115233775727695")));
        }
    }

    #[test]
    fn nobody_is_never_told_as_an_owner() {
        for (command, body, field) in [
            (
                "Group.CallbackAfterChangeGroupOwner",
                r#"{"GroupId":"g","OldOwner_Account":"@TLS#NOT_FOUND","NewOwner_Account":"ann"}"#,
                "old_owner",
            ),
            (
                "Group.CallbackAfterGroupDestroyed",
                r#"{"GroupId":"g","Owner_Account":"@TLS#NOT_FOUND"}"#,
                "owner",
            ),
            (
                "Live.CallbackAfterChangeOwner",
                r#"{"RoomId":"r","OriginalOwner_Account":"@TLS#NOT_FOUND","CurrentOwner_Account":7}"#,
                "old_owner",
            ),
            (
                "Group.CallbackBeforeCreateGroup",
                r#"{"Operator_Account":"ann","Owner_Account":"@TLS#NOT_FOUND"}"#,
                "owner",
            ),
        ] {
            assert_eq!(text(&one(command, body), field), "", "{command}");
        }
    }

    #[test]
    fn words_with_a_space_behind_them_are_read_like_those_without() {
        let changed =
            one(FIELD_CHANGED, r#"{"GroupId":"g","Member_Account":"ann","Role":"Member "}"#);
        assert_eq!(text(&changed, "role"), "member");
        let kicked =
            r#"{"GroupId":"g","ExitType":"Kicked ","ExitMemberList":[{"Member_Account":"a"}]}"#;
        assert_eq!(one(EXIT, kicked).name(), "member.removed");
        let full = one("Group.CallbackAfterGroupFull", r#"{"GroupId":"g","Type":"Public "}"#);
        assert_eq!(full.group_type, Some(GroupType::Public));
    }

    #[test]
    fn what_asks_and_has_no_event_is_answered_as_what_is_allowed_also_under_a_name_of_tomorrow() {
        for command in
            ["OfficialAccount.CallbackBeforeAddSubscriber", "Group.CallbackBeforeTomorrow"]
        {
            assert_eq!(decoded(command, "{}").answering, Answering::Allow, "{command}");
        }
        assert_eq!(decoded("Group.CallbackAfterTomorrow", "{}").answering, Answering::After);
    }

    #[test]
    fn seats_of_a_live_room_are_told_by_nobody() {
        let seats = |body: &str| one("Mic.CallbackAfterSeatInfoChanged", body).room.unwrap().kind;
        use crate::decision::event::RoomKind;
        assert_eq!(seats(r#"{"RoomId":"r","Operator_Account":"ann"}"#), RoomKind::Conference);
        assert_eq!(seats(r#"{"RoomId":"r"}"#), RoomKind::Live);
    }

    #[test]
    fn a_callback_event_that_is_wanted_comes_last_and_has_an_id_of_its_own() {
        let query = Query { command: "Group.CallbackAfterGroupFull".into(), ..Query::default() };
        let settings = Settings { admins: &[], wants_callback_event: true };
        let decoded = decode(&query, br#"{"GroupId":"g"}"#, settings, NOW).unwrap();
        assert_eq!(names(&decoded), ["group.full", "callback"]);
        assert_ne!(decoded.events[0].id, decoded.events[1].id);
        assert_eq!(decoded.incomplete, None);
    }

    #[test]
    fn what_is_garbled_is_placed_but_not_quoted() {
        let settings = Settings { admins: &[], wants_callback_event: false };
        let error = decode(&Query::default(), b"{\n  \"secret\" }", settings, NOW).unwrap_err();
        assert_eq!(error.to_string(), "not a JSON object (line 2, column 12)");
    }
}
