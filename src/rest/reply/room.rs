//! What Chat says of a room: the data stands inside `Response` (60704, 60715, 63404, 63425, 66908).

use serde_json::Value;

use super::Reply;
use super::wire::{account, each_if_any, int, role, text, time};
use crate::chat::Account;
use crate::decision::effect::{RoomFacts, RoomMember};
use crate::rest::call::RoomRead;

pub(super) fn read(read: &RoomRead, body: &Value) -> Result<Reply, String> {
    // Chat's own commands have no Response; a room's may lose it one day.
    let data = body.get("Response").filter(|data| data.is_object()).unwrap_or(body);
    Ok(match read {
        RoomRead::Info { room, .. } => {
            let info = data.get("RoomInfo").filter(|info| info.is_object());
            let info = info.ok_or("the answer has no RoomInfo")?;
            Reply::Room(RoomFacts {
                room: room.clone(),
                exists: true,
                name: text(info, &["RoomName"]).unwrap_or_default(),
                owner: text(info, &["Owner_Account"])
                    .map(Account::from)
                    .filter(Account::is_somebody),
                member_count: int(info, &["MemberCount"]),
                created_at: time(info, &["CreateTime"]),
            })
        }
        RoomRead::Members { next: asked, .. } => Reply::RoomMembers {
            total: int(data, &["MemberCount"]),
            members: each_if_any(data, &["MemberList"], |item| {
                Ok(RoomMember {
                    account: account(item, &["Member_Account"])?,
                    role: role(item)?,
                    name_card: text(item, &["NameCard"]).unwrap_or_default(),
                })
            })?,
            // A cursor that does not move on would be followed for ever.
            next: text(data, &["Next"]).filter(|next| !next.is_empty() && next != asked),
        },
        RoomRead::Admins { .. } => {
            Reply::Admins(each_if_any(data, &["Admin_Account"], |item| match item {
                Value::String(name) if !name.is_empty() => Ok(Account::from(name.clone())),
                Value::Number(number) => Ok(Account::from(number.to_string())),
                _ => Err("an admin has no name".to_owned()),
            })?)
        }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::chat::{Role, RoomId};
    use crate::clock::Timestamp;

    fn room() -> RoomId {
        RoomId::from("rid-123")
    }

    /// The sample of 63404, where an account is a bare number.
    #[test]
    fn a_room_is_read_from_inside_its_response() {
        let read = |body: &Value| super::read(&RoomRead::Info { room: room(), live: true }, body);
        let info = json!({
            "RoomId": "rid-123", "RoomName": "rname-123", "RoomType": "Live",
            "Owner_Account": 144_115_233_775_727_695_u64, "CreateTime": 1_693_271_354,
            "MaxMemberCount": 300, "MemberCount": "12",
        });
        let expected = Ok(Reply::Room(RoomFacts {
            room: room(),
            exists: true,
            name: "rname-123".to_owned(),
            owner: Some(Account::from("144115233775727695")),
            member_count: Some(12),
            created_at: Some(Timestamp::from_secs(1_693_271_354)),
        }));
        assert_eq!(read(&json!({ "ErrorCode": 0, "Response": { "RoomInfo": info } })), expected);
        assert_eq!(read(&json!({ "ErrorCode": 0, "RoomInfo": info })), expected);
        assert!(read(&json!({ "ErrorCode": 0, "Response": {} })).is_err());
    }

    fn members(asked: &str, body: &Value) -> Result<Reply, String> {
        let read = RoomRead::Members { room: room(), live: false, next: asked.to_owned() };
        super::read(&read, body)
    }

    /// The samples of 60715 and of 66908, which knows no roles.
    #[test]
    fn members_of_a_room_are_read_with_their_roles_where_chat_tells_them() {
        let owner = json!({ "Response": { "Next": "", "MemberList": [{
            "Member_Account": "user2", "NameCard": "123", "Role": "RoomOwner",
            "Marks": [1000, 1002, 1003], "CustomInfo": "",
        }] } });
        let member = |account: &str, role, name_card: &str| RoomMember {
            account: Account::from(account),
            role,
            name_card: name_card.to_owned(),
        };
        let read = members("", &owner);
        let list = vec![member("user2", Some(Role::Owner), "123")];
        assert_eq!(read, Ok(Reply::RoomMembers { total: None, members: list, next: None }));
        let live = json!({ "Response": { "Next": "c", "MemberCount": 2,
            "MemberList": [{ "Member_Account": "brennan1" }, { "Member_Account": "tandy" }] } });
        let list = vec![member("brennan1", None, ""), member("tandy", None, "")];
        let next = Some("c".to_owned());
        assert_eq!(
            members("", &live),
            Ok(Reply::RoomMembers { total: Some(2), members: list, next })
        );
    }

    #[test]
    fn a_cursor_that_stands_still_ends_the_list() {
        let body = json!({ "Response": { "Next": "c", "MemberList": [] } });
        let nobody = Reply::RoomMembers { total: None, members: Vec::new(), next: None };
        assert_eq!(members("c", &body), Ok(nobody));
    }

    /// The sample of 63425.
    #[test]
    fn admins_of_a_live_room_are_a_list_of_names() {
        let body = json!({ "Response": { "Admin_Account": ["user2", "user1"] } });
        let read = super::read(&RoomRead::Admins { room: room() }, &body);
        assert_eq!(read, Ok(Reply::Admins(vec!["user2".into(), "user1".into()])));
        let nobody = super::read(&RoomRead::Admins { room: room() }, &json!({ "Response": {} }));
        assert_eq!(nobody, Ok(Reply::Admins(Vec::new())));
    }
}
