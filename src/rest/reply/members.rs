//! Replies about the members of a group: pages of them, and what became of each.

use serde_json::Value;

use super::wire::{account, each_if_any, int, role, text, time};
use super::{AddResult, ImportResult, Reply};
use crate::chat::{Account, Role};
use crate::clock::Timestamp;
use crate::decision::effect::MemberFacts;
use crate::rest::call::Page;

pub(super) fn banned(offset: u32, body: &Value) -> Result<Reply, String> {
    let banned = each_if_any(body, &["BannedAccountList"], |item| {
        let until = int(item, &["BannedUntil"]).ok_or("a banned account has no BannedUntil")?;
        Ok((account(item, &["Member_Account"])?, Timestamp::from_secs(until)))
    })?;
    // 0 ends the list; what does not move on would be followed for ever.
    let next = int(body, &["NextOffset"]).and_then(|next| u32::try_from(next).ok());
    Ok(Reply::Banned { banned, next: next.filter(|next| *next > offset) })
}

pub(super) fn page(page: &Page, body: &Value) -> Result<Reply, String> {
    let members = each_if_any(body, &["MemberList"], facts)?;
    let total = int(body, &["MemberNum"]);
    let cursor = text(body, &["Next"]).filter(|cursor| !cursor.is_empty());
    let next = match (page, cursor) {
        // A cursor that does not move on would be followed for ever.
        (Page::Next(asked), Some(cursor)) => (*asked != cursor).then_some(Page::Next(cursor)),
        (Page::Next(_), None) => None,
        // A Community pages by cursor only, whatever it was asked for.
        (Page::Offset(0), Some(cursor)) => Some(Page::Next(cursor)),
        (Page::Offset(offset), _) => {
            let end = offset.saturating_add(u32::try_from(members.len()).unwrap_or(u32::MAX));
            let more = !members.is_empty() && total.is_some_and(|total| i64::from(end) < total);
            more.then_some(Page::Offset(end))
        }
    };
    Ok(Reply::Members { total, members, next })
}

pub(super) fn facts(item: &Value) -> Result<MemberFacts, String> {
    Ok(MemberFacts {
        account: account(item, &["Member_Account"])?,
        // Left out like other default values: a plain member.
        role: role(item)?.unwrap_or(Role::Member),
        joined_at: time(item, &["JoinTime"]),
        name_card: text(item, &["NameCard"]).unwrap_or_default(),
        muted_until: time(item, &["MuteUntil", "ShutUpUntil"]),
        last_message_at: time(item, &["LastSendMsgTime"]),
    })
}

pub(super) fn imported(item: &Value) -> Result<(Account, ImportResult), String> {
    let account = account(item, &["Member_Account"])?;
    let result = match int(item, &["Result"]) {
        Some(0) => ImportResult::Failed,
        Some(1) => ImportResult::Imported,
        Some(2) => ImportResult::Already,
        other => return Err(format!("the Result of {account} is {other:?}, not 0, 1 or 2")),
    };
    Ok((account, result))
}

pub(super) fn added(item: &Value) -> Result<(Account, AddResult), String> {
    let account = account(item, &["Member_Account"])?;
    let result = match int(item, &["Result"]) {
        Some(0) => AddResult::Failed,
        Some(1) => AddResult::Added,
        Some(2) => AddResult::Already,
        Some(3) => AddResult::Pending,
        other => return Err(format!("the Result of {account} is {other:?}, not 0, 1, 2 or 3")),
    };
    Ok((account, result))
}
