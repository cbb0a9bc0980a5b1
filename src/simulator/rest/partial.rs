//! Commands with a list of which only a part succeeds.

use serde_json::{Value, json};

use super::super::settings::Refusal;

/// Commands with a list, and the list's name.
const LISTS: [(&str, &str); 15] = [
    ("account_check", "CheckItem"),
    ("add_group_member", "MemberList"),
    ("ban_group_member", "Members_Account"),
    ("ban_member", "MemberList_Account"),
    ("ban_room_member", "MemberList_Account"),
    ("delete_group_member", "MemberToDel_Account"),
    ("destroy_topic", "TopicIdList"),
    ("forbid_send_msg", "Members_Account"),
    ("get_group_info", "GroupIdList"),
    ("group_msg_recall", "MsgSeqList"),
    ("import_group_member", "MemberList"),
    ("kick_user_out", "MemberList_Account"),
    ("modify_user_info", "MemberList"),
    ("portrait_get", "To_Account"),
    ("unban_group_member", "Members_Account"),
];

/// The entries of a call that fail.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Failing {
    pub entries: Vec<Value>,
}

/// Takes each n-th entry out of the list of a request; `None` when the command has no list.
pub(super) fn split(command: &str, every: usize, body: &mut Value) -> Option<Failing> {
    let (_, list) = LISTS.iter().find(|(known, _)| *known == command)?;
    let list = body.get_mut(*list)?.as_array_mut()?;
    let (mut kept, mut entries) = (Vec::new(), Vec::new());
    for (index, entry) in std::mem::take(list).into_iter().enumerate() {
        let fails = (index + 1).is_multiple_of(every.max(1));
        if fails { entries.push(entry) } else { kept.push(entry) }
    }
    *list = kept;
    Some(Failing { entries })
}

impl Failing {
    /// Puts the failed entries into an answer; where it has no place for them, the call has failed as
    /// a whole (10002), whatever it did to the others.
    pub fn told_in(&self, command: &str, answer: &mut Value) -> Result<(), Refusal> {
        let (list, one): (&str, fn(&Value) -> Value) = match command {
            "add_group_member" | "import_group_member" => (
                "MemberList",
                |entry| json!({ "Member_Account": entry["Member_Account"], "Result": 0 }),
            ),
            "get_group_info" => (
                "GroupInfo",
                |entry| json!({ "GroupId": entry, "ErrorCode": 10002, "ErrorInfo": "internal error" }),
            ),
            "account_check" => ("ResultItem", |entry| {
                json!({
                    "UserID": entry["UserID"], "ResultCode": 70500,
                    "ResultInfo": "internal error", "AccountStatus": "",
                })
            }),
            "group_msg_recall" => {
                ("RecallRetList", |entry| json!({ "MsgSeq": entry["MsgSeq"], "RetCode": 10002 }))
            }
            "destroy_topic" => (
                "DestroyResultItem",
                |entry| json!({ "TopicId": entry, "ErrorCode": 10002, "ErrorInfo": "internal error" }),
            ),
            "portrait_get" => (
                "UserProfileItem",
                |entry| json!({ "To_Account": entry, "ResultCode": 40006, "ResultInfo": "internal error" }),
            ),
            _ => return Err(internal()),
        };
        if answer[list].is_null() {
            answer[list] = json!([]);
        }
        let Some(told) = answer[list].as_array_mut() else { return Err(internal()) };
        told.extend(self.entries.iter().map(one));
        if command == "portrait_get" {
            answer["Fail_Account"] = json!(self.entries);
        }
        Ok(())
    }
}

fn internal() -> Refusal {
    Refusal::new(10002, "internal error")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_second_entry_is_taken_out_and_told() {
        let mut body = json!({ "GroupId": "g", "MemberList": [
            { "Member_Account": "a" }, { "Member_Account": "b" }, { "Member_Account": "c" },
        ] });
        let failing = split("add_group_member", 2, &mut body).unwrap();
        assert_eq!(
            body["MemberList"],
            json!([{ "Member_Account": "a" }, { "Member_Account": "c" }])
        );
        let mut answer = json!({ "MemberList": [{ "Member_Account": "a", "Result": 1 }] });
        failing.told_in("add_group_member", &mut answer).unwrap();
        assert_eq!(answer["MemberList"][1], json!({ "Member_Account": "b", "Result": 0 }));
    }

    #[test]
    fn without_results_per_entry_the_call_fails() {
        let mut body = json!({ "Members_Account": ["a", "b"] });
        let failing = split("forbid_send_msg", 2, &mut body).unwrap();
        assert_eq!(body["Members_Account"], json!(["a"]));
        let refusal = failing.told_in("forbid_send_msg", &mut json!({})).unwrap_err();
        assert_eq!(refusal.code, 10002);
        assert_eq!(split("change_group_owner", 2, &mut json!({})), None);
    }
}
