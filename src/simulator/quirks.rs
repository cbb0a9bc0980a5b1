//! Habits of Chat in which its pages, its editions and captured traffic differ, or which nobody has
//! documented. Each is a setting, so that a bot can be shown every variant.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::state::FOREVER;
use crate::chat::Account;
use crate::clock::Timestamp;

/// What an owner is where there is none; no document says it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ownerless {
    /// `"Owner_Account": ""`
    #[default]
    Empty,
    /// No such field.
    Absent,
    /// `"Owner_Account": "@TLS#NOT_FOUND"`, as captured for accounts that do not exist.
    NotFound,
}

/// How `EventTime` is written: the tables say a number, samples print a text, old captures lack it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventTime {
    #[default]
    Number,
    Text,
    Absent,
}

/// How often groups of a type were made already, in `BeforeCreateGroup` of three editions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum GroupCounter {
    #[default]
    CreateGroupNum,
    CreatedGroupNum,
    CreatedNum,
}

/// The habits. The default is what the present documents say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quirks {
    pub ownerless: Ownerless,
    pub event_time: EventTime,
    pub group_counter: GroupCounter,
    /// `Type` says `Private` and `ChatRoom`.
    pub old_type_names: bool,
    /// `Modified_Account` for `Member_Account` in `AfterMemberFieldChanged`.
    pub modified_account: bool,
    /// Accounts of digits are numbers in callbacks of rooms (60736, 64425).
    pub numeric_accounts: bool,
    /// `OptPlatform` is left out.
    pub no_platform: bool,
    /// `RequestID` stands in the query, as captured.
    pub request_id: bool,
    /// `"Member "`, as 34948 prints it.
    pub padded_roles: bool,
    /// A room's owner has the role `Owner`, not `RoomOwner` (60715).
    pub room_role_owner: bool,
    /// `ShutUpUntil`, `ShutUpAllMember`, `ShuttedUinList` and `ShuttedUntil` in answers.
    pub old_mute_names: bool,
    /// `AfterSendMsg` without operator, random, sequence and time, as captured.
    pub bare_messages: bool,
    /// `Operator_Account` of `AfterMemberExit` is who left, not who did it (34373, the table).
    pub exit_names_leaver: bool,
    /// `From_Account` of `change_group_owner` is the operator that the callback names.
    pub from_account_acts: bool,
    /// `delete_group_member` refuses the owner (10007) instead of leaving the group ownerless.
    pub owner_is_kept: bool,
    /// A lost connection is `Logout`, not `Disconnect` (old captures of 34357).
    pub disconnect_is_logout: bool,
    /// The lists of those who came or went are cut into callbacks of so many; 0 does not cut.
    pub members_per_callback: usize,
    /// A dismissed group tells of each member's leaving as well.
    pub dismissal_tells_exits: bool,
    /// "For ever" is told as now + 4294967295 s, not as 4294967295.
    pub forever_from_now: bool,
    /// Muting everybody is told as `ShutUpAllMember` in `AfterGroupInfoChanged`.
    pub tells_mute_all: bool,
}

impl Quirks {
    /// Writes an owner, or that there is none.
    pub(super) fn put_owner(&self, body: &mut Value, field: &str, owner: Option<&Account>) {
        match (owner, self.ownerless) {
            (Some(owner), _) => body[field] = json!(owner),
            (None, Ownerless::Empty) => body[field] = json!(""),
            (None, Ownerless::NotFound) => body[field] = json!("@TLS#NOT_FOUND"),
            (None, Ownerless::Absent) => {
                if let Some(fields) = body.as_object_mut() {
                    fields.remove(field);
                }
            }
        }
    }

    /// A role as member lists print it.
    pub(super) fn role(&self, name: &str) -> Value {
        json!(if self.padded_roles { format!("{name} ") } else { name.to_owned() })
    }

    /// When a mute or ban ends, in unix seconds.
    pub(super) fn until(&self, now: Timestamp, until: Timestamp) -> i64 {
        let forever = i64::from(FOREVER);
        if self.forever_from_now && until.secs() == forever {
            now.secs() + forever
        } else {
            until.secs()
        }
    }

    /// Rewrites a callback that is about to leave.
    pub(super) fn dress(&self, command: &str, body: &mut Map<String, Value>) {
        match (self.event_time, body.get("EventTime").and_then(Value::as_i64)) {
            (EventTime::Text, Some(time)) => {
                body.insert("EventTime".to_owned(), json!(time.to_string()));
            }
            (EventTime::Absent, _) => {
                body.remove("EventTime");
            }
            _ => {}
        }
        if self.old_type_names && command.starts_with("Group.") {
            let old = match body.get("Type").and_then(Value::as_str) {
                Some("Work") => Some("Private"),
                Some("Meeting") => Some("ChatRoom"),
                _ => None,
            };
            if let Some(old) = old {
                body.insert("Type".to_owned(), json!(old));
            }
        }
        match command {
            "Group.CallbackAfterMemberFieldChanged" if self.modified_account => {
                rename(body, "Member_Account", "Modified_Account");
            }
            "Group.CallbackBeforeCreateGroup" => {
                let name = match self.group_counter {
                    GroupCounter::CreateGroupNum => "CreateGroupNum",
                    GroupCounter::CreatedGroupNum => "CreatedGroupNum",
                    GroupCounter::CreatedNum => "CreatedNum",
                };
                rename(body, "CreateGroupNum", name);
            }
            "Group.CallbackAfterSendMsg" if self.bare_messages => {
                for name in ["Operator_Account", "Random", "MsgSeq", "MsgTime"] {
                    body.remove(name);
                }
            }
            "State.StateChange" if self.disconnect_is_logout => {
                if let Some(info) = body.get_mut("Info").filter(|i| i["Action"] == "Disconnect") {
                    info["Action"] = json!("Logout");
                }
            }
            _ => {}
        }
        let of_room = ["Room.", "Live.", "Mic."].iter().any(|family| command.starts_with(family));
        if self.numeric_accounts && of_room {
            number_accounts(body);
        }
    }

    /// What the query of a callback has besides, or lacks.
    pub(super) fn dress_query(&self, id: u64, query: &mut Vec<(String, String)>) {
        if self.no_platform {
            query.retain(|(name, _)| name != "OptPlatform");
        }
        if self.request_id {
            let text = format!("00000000-0000-4000-8000-{id:012x}");
            query.push(("RequestID".to_owned(), text));
        }
    }
}

/// Gives the fields of an answer their old names.
pub(super) fn with_old_names(body: &mut Value) {
    match body {
        Value::Object(fields) => {
            for (new, old) in [
                ("MuteUntil", "ShutUpUntil"),
                ("MutedUntil", "ShuttedUntil"),
                ("MutedAccountList", "ShuttedUinList"),
                ("MuteAllMember", "ShutUpAllMember"),
            ] {
                rename(fields, new, old);
            }
            fields.values_mut().for_each(with_old_names);
        }
        Value::Array(list) => list.iter_mut().for_each(with_old_names),
        _ => {}
    }
}

fn rename(body: &mut Map<String, Value>, from: &str, to: &str) {
    if let Some(value) = body.remove(from) {
        body.insert(to.to_owned(), value);
    }
}

/// `*_Account` at any depth.
fn number_accounts(fields: &mut Map<String, Value>) {
    for (name, value) in fields {
        if name.ends_with("_Account") {
            number_account(value);
        } else {
            number_accounts_within(value);
        }
    }
}

fn number_accounts_within(value: &mut Value) {
    match value {
        Value::Object(fields) => number_accounts(fields),
        Value::Array(list) => list.iter_mut().for_each(number_accounts_within),
        _ => {}
    }
}

/// `"144115233775727695"` becomes a number of 64 bits; a list, each of its entries.
fn number_account(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Ok(number) = text.parse::<u64>() {
                *value = json!(number);
            }
        }
        Value::Array(list) => list.iter_mut().for_each(number_account),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dressed(quirks: &Quirks, command: &str, body: Value) -> Value {
        let Value::Object(mut body) = body else { panic!() };
        quirks.dress(command, &mut body);
        Value::Object(body)
    }

    #[test]
    fn event_times_are_numbers_texts_or_missing() {
        for (event_time, expected) in [
            (EventTime::Number, json!({ "EventTime": 5 })),
            (EventTime::Text, json!({ "EventTime": "5" })),
            (EventTime::Absent, json!({})),
        ] {
            let quirks = Quirks { event_time, ..Quirks::default() };
            assert_eq!(dressed(&quirks, "State.StateChange", json!({ "EventTime": 5 })), expected);
        }
    }

    #[test]
    fn old_names_stand_for_new_ones() {
        let quirks = Quirks {
            old_type_names: true,
            modified_account: true,
            group_counter: GroupCounter::CreatedNum,
            disconnect_is_logout: true,
            ..Quirks::default()
        };
        let changed = json!({ "Type": "Work", "Member_Account": "u1" });
        assert_eq!(
            dressed(&quirks, "Group.CallbackAfterMemberFieldChanged", changed),
            json!({ "Type": "Private", "Modified_Account": "u1" })
        );
        let asked = json!({ "Type": "Meeting", "CreateGroupNum": 2 });
        assert_eq!(
            dressed(&quirks, "Group.CallbackBeforeCreateGroup", asked),
            json!({ "Type": "ChatRoom", "CreatedNum": 2 })
        );
        let state = json!({ "Info": { "Action": "Disconnect" } });
        assert_eq!(dressed(&quirks, "State.StateChange", state)["Info"]["Action"], "Logout");
        // `Type` of a room's callback is something else.
        let left = json!({ "Type": "Work" });
        assert_eq!(dressed(&quirks, "Room.CallbackAfterMemberLeave", left)["Type"], "Work");
    }

    #[test]
    fn accounts_of_digits_are_numbers_of_64_bits_in_rooms_only() {
        let quirks = Quirks { numeric_accounts: true, ..Quirks::default() };
        let body = json!({
            "Operator_Account": "144115233775727695", "MemberList_Account": ["7", "ann"],
            "SeatList": [{ "Member_Account": "8", "Index": 0 }], "RoomId": "9",
        });
        let expected = json!({
            "Operator_Account": 144_115_233_775_727_695_u64, "MemberList_Account": [7, "ann"],
            "SeatList": [{ "Member_Account": 8, "Index": 0 }], "RoomId": "9",
        });
        assert_eq!(dressed(&quirks, "Room.CallbackAfterMemberLeave", body.clone()), expected);
        assert_eq!(dressed(&quirks, "Group.CallbackAfterSendMsg", body.clone()), body);
    }

    #[test]
    fn no_owner_is_empty_absent_or_not_found() {
        for (ownerless, expected) in [
            (Ownerless::Empty, json!({ "Owner_Account": "" })),
            (Ownerless::Absent, json!({})),
            (Ownerless::NotFound, json!({ "Owner_Account": "@TLS#NOT_FOUND" })),
        ] {
            let quirks = Quirks { ownerless, ..Quirks::default() };
            let mut body = json!({ "Owner_Account": "was" });
            quirks.put_owner(&mut body, "Owner_Account", None);
            assert_eq!(body, expected);
            quirks.put_owner(&mut body, "Owner_Account", Some(&"u1".into()));
            assert_eq!(body, json!({ "Owner_Account": "u1" }));
        }
    }

    #[test]
    fn answers_get_their_old_names_at_any_depth() {
        let mut body = json!({ "MutedAccountList": [{ "MutedUntil": 1 }], "MuteAllMember": "On" });
        with_old_names(&mut body);
        assert_eq!(
            body,
            json!({ "ShuttedUinList": [{ "ShuttedUntil": 1 }], "ShutUpAllMember": "On" })
        );
    }
}
