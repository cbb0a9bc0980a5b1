//! What Chat says of the app as a whole: groups, accounts, addresses (34960, 34956, 36742).

use serde_json::Value;

use super::wire::{account, each, each_if_any, int, text};
use super::{AccountState, Reply};
use crate::chat::{Account, GroupId};
use crate::rest::call::AppRead;

pub(super) fn read(read: &AppRead, body: &Value) -> Result<Reply, String> {
    Ok(match read {
        AppRead::Groups { next: asked, .. } => Reply::GroupIds {
            total: int(body, &["TotalCount"]),
            groups: each_if_any(body, &["GroupIdList"], |item| {
                let id = text(item, &["GroupId"]).filter(|id| !id.is_empty());
                id.map(GroupId::from).ok_or_else(|| "a group has no GroupId".to_owned())
            })?,
            // 0 ends the list; what does not move on would be followed for ever.
            next: int(body, &["Next"]).filter(|next| *next != 0 && next != asked),
        },
        AppRead::Accounts(_) => Reply::Accounts(each(body, &["ResultItem"], checked)?),
        AppRead::Addresses { .. } => Reply::Addresses(each_if_any(body, &["IPList"], |item| {
            item.as_str()
                .map(|text| text.trim().to_owned())
                .ok_or_else(|| "an address is no text".to_owned())
        })?),
    })
}

fn checked(item: &Value) -> Result<(Account, AccountState), String> {
    let account = account(item, &["UserID"])?;
    let code = int(item, &["ResultCode"]).unwrap_or(0);
    let status = text(item, &["AccountStatus"]).unwrap_or_default();
    let state = match (code, status.trim()) {
        (0, "Imported") => AccountState::Exists,
        (0, "NotImported") => AccountState::Missing,
        (0, other) => {
            return Err(format!("the AccountStatus of {account} is {other:?}, which is unknown"));
        }
        (code, _) => {
            AccountState::Unknown { code, words: text(item, &["ResultInfo"]).unwrap_or_default() }
        }
    };
    Ok((account, state))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The sample of 34960, and its end.
    #[test]
    fn groups_are_read_with_the_number_at_which_the_next_page_begins() {
        let page = |asked, body: Value| {
            super::read(&AppRead::Groups { kind: None, limit: 2, next: asked }, &body)
        };
        let body = |next: Value| {
            json!({ "ActionStatus": "OK", "ErrorCode": 0, "ErrorInfo": "", "TotalCount": 2,
                "GroupIdList": [{ "GroupId": "@TGS#2J4SZEAEL" }, { "GroupId": "@TGS#2C5SZEAEF" }],
                "Next": next })
        };
        let expected = |next| {
            let groups = vec![GroupId::from("@TGS#2J4SZEAEL"), GroupId::from("@TGS#2C5SZEAEF")];
            Ok(Reply::GroupIds { total: Some(2), groups, next })
        };
        assert_eq!(page(0, body(json!(4_454_685_361_i64))), expected(Some(4_454_685_361)));
        assert_eq!(page(0, body(json!("4454685361"))), expected(Some(4_454_685_361)));
        assert_eq!(page(7, body(json!(0))), expected(None));
        assert_eq!(page(7, body(json!(7))), expected(None));
        assert_eq!(page(7, body(json!(null))), expected(None));
        let empty = Ok(Reply::GroupIds { total: Some(0), groups: Vec::new(), next: None });
        assert_eq!(page(0, json!({ "TotalCount": 0, "Next": 0 })), empty);
    }

    /// The sample of 34956, and an account that Chat could not look up.
    #[test]
    fn an_account_exists_or_not_or_chat_cannot_say() {
        let check = |item: Value| {
            super::read(&AppRead::Accounts(Vec::new()), &json!({ "ResultItem": [item] }))
        };
        let item = |code: i64, status: &str| json!({ "UserID": "UserID_1", "ResultCode": code, "ResultInfo": "?", "AccountStatus": status });
        let expected = |state| Ok(Reply::Accounts(vec![(Account::from("UserID_1"), state)]));
        assert_eq!(check(item(0, "Imported")), expected(AccountState::Exists));
        assert_eq!(check(item(0, "NotImported")), expected(AccountState::Missing));
        let unknown = AccountState::Unknown { code: 70169, words: "?".to_owned() };
        assert_eq!(check(item(70169, "")), expected(unknown));
        assert!(check(item(0, "Perhaps")).is_err());
        assert!(super::read(&AppRead::Accounts(Vec::new()), &json!({})).is_err());
    }

    /// The sample of 36742.
    #[test]
    fn addresses_are_read_as_they_are_written() {
        let body = json!({ "ErrorCode": 0, "IPList": ["127.0.0.2", "183.192.202.0/25"] });
        let expected = vec!["127.0.0.2".to_owned(), "183.192.202.0/25".to_owned()];
        let read = super::read(&AppRead::Addresses { outside_china: true }, &body);
        assert_eq!(read, Ok(Reply::Addresses(expected)));
    }
}
