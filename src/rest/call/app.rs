//! Reads about the app as a whole: its groups, its accounts, Chat's addresses (34960, 34956, 36742).

use serde_json::{Value, json};

use super::check::accounts;
use crate::chat::{Account, GroupType, limits};

/// A read about the app.
#[derive(Clone, Debug, PartialEq)]
pub enum AppRead {
    /// Document 34960, one call a second. One page of the ids of the app's groups, of one type or of all;
    /// `next` is 0 for the first page.
    Groups { kind: Option<GroupType>, limit: u32, next: i64 },
    /// Document 34956, a hundred calls a second. Which of these accounts exist.
    Accounts(Vec<Account>),
    /// Document 36742. The addresses that callbacks come from. Outside of China Chat tells them only
    /// to apps for which Tencent has switched that on.
    Addresses { outside_china: bool },
}

impl AppRead {
    pub(super) fn path(&self) -> &'static str {
        match self {
            Self::Groups { .. } => "v4/group_open_http_svc/get_appid_group_list",
            Self::Accounts(_) => "v4/im_open_login_svc/account_check",
            Self::Addresses { .. } => "v4/ConfigSvc/GetIPList",
        }
    }

    pub(super) fn query(&self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Addresses { outside_china } => {
                Some(("nettype", if *outside_china { "6" } else { "5" }))
            }
            Self::Groups { .. } | Self::Accounts(_) => None,
        }
    }

    pub(super) fn body(&self) -> Value {
        match self {
            Self::Groups { kind, limit, next } => {
                let mut body = json!({ "Limit": limit, "Next": next });
                if let Some(name) = kind.and_then(wire_name) {
                    body["GroupType"] = json!(name);
                }
                body
            }
            Self::Accounts(accounts) => {
                let items = accounts.iter().map(|account| json!({ "UserID": account }));
                json!({ "CheckItem": items.collect::<Vec<_>>() })
            }
            Self::Addresses { .. } => json!({}),
        }
    }

    pub(super) fn check(&self) -> Result<(), String> {
        match self {
            Self::Groups { kind: Some(kind), .. } if wire_name(*kind).is_none() => {
                Err(format!("groups of type {kind} cannot be asked for"))
            }
            Self::Groups { limit, next, .. } => {
                if *limit == 0 || *limit > limits::GROUP_LIST_PAGE {
                    let most = limits::GROUP_LIST_PAGE;
                    return Err(format!("Limit is {limit}; Chat takes 1 to {most}"));
                }
                if *next < 0 {
                    return Err(format!("Next is {next}; it is 0 or what Chat gave"));
                }
                Ok(())
            }
            Self::Accounts(list) => accounts("accounts", list, limits::CHECK_ACCOUNTS),
            Self::Addresses { .. } => Ok(()),
        }
    }
}

/// This page alone knows the types by their old names.
fn wire_name(kind: GroupType) -> Option<&'static str> {
    Some(match kind {
        GroupType::Work => "Private",
        GroupType::Public => "Public",
        GroupType::Meeting => "ChatRoom",
        GroupType::AVChatRoom => "AVChatRoom",
        GroupType::Community => "Community",
        GroupType::Unknown => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups(kind: Option<GroupType>, limit: u32, next: i64) -> AppRead {
        AppRead::Groups { kind, limit, next }
    }

    /// The samples of 34960.
    #[test]
    fn groups_are_listed_by_page_and_type_as_the_samples_show() {
        assert_eq!(groups(None, 1_000, 0).body(), json!({ "Limit": 1_000, "Next": 0 }));
        assert_eq!(
            groups(Some(GroupType::Public), 1_000, 4_454_685_361).body(),
            json!({ "Limit": 1_000, "Next": 4_454_685_361_i64, "GroupType": "Public" })
        );
        let names = GroupType::ALL.map(|kind| groups(Some(kind), 1, 0).body()["GroupType"].clone());
        assert_eq!(names, ["Private", "Public", "ChatRoom", "AVChatRoom", "Community"]);
        assert_eq!(groups(None, 1, 0).path(), "v4/group_open_http_svc/get_appid_group_list");
    }

    /// The sample of 34956.
    #[test]
    fn accounts_are_checked_as_the_sample_shows() {
        let read = AppRead::Accounts(vec!["UserID_1".into(), "UserID_2".into()]);
        assert_eq!(
            read.body(),
            json!({ "CheckItem": [{ "UserID": "UserID_1" }, { "UserID": "UserID_2" }] })
        );
        assert_eq!(read.path(), "v4/im_open_login_svc/account_check");
    }

    #[test]
    fn the_addresses_of_callbacks_are_asked_for_in_the_url() {
        let read = |outside_china| AppRead::Addresses { outside_china };
        assert_eq!(read(false).query(), Some(("nettype", "5")));
        assert_eq!(read(true).query(), Some(("nettype", "6")));
        assert_eq!(read(true).body(), json!({}));
        assert_eq!(read(true).path(), "v4/ConfigSvc/GetIPList");
        assert_eq!(groups(None, 1, 0).query(), None);
    }

    #[test]
    fn a_page_or_a_list_over_its_limit_is_not_sent() {
        let accounts = |count| AppRead::Accounts(vec![Account::from("ann"); count]);
        for (fits, breaks, says) in [
            (
                groups(None, 10_000, 0),
                groups(None, 10_001, 0),
                "Limit is 10001; Chat takes 1 to 10000",
            ),
            (groups(None, 1, 0), groups(None, 0, 0), "Limit is 0; Chat takes 1 to 10000"),
            (groups(None, 1, 7), groups(None, 1, -1), "Next is -1; it is 0 or what Chat gave"),
            (accounts(100), accounts(101), "101 accounts; Chat takes at most 100 a call"),
            (
                groups(Some(GroupType::Work), 1, 0),
                groups(Some(GroupType::Unknown), 1, 0),
                "groups of type Unknown cannot be asked for",
            ),
        ] {
            assert_eq!(fits.check(), Ok(()));
            assert_eq!(breaks.check(), Err(says.to_owned()));
        }
    }
}
