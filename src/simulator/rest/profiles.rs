//! Profiles over REST: 34917, 34916.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::settings::Refusal;
use super::super::world::World;
use super::fields::Fields;
use super::{Call, Reply, done};
use crate::chat::Account;

/// "Request parameter wrong" of the profile service (34348).
const WRONG: i64 = 40001;
/// "The account does not exist" of the profile service.
const NOBODY: i64 = 40003;

/// `TagList` empty or absent gives no items; accounts that do not exist stand in `Fail_Account`.
pub(super) fn portrait_get(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    let fields = Fields::new(&call.record.body, WRONG, &["To_Account", "TagList"])?;
    let accounts = fields.accounts("To_Account", 100)?;
    let tags = fields.needed("TagList", fields.filter("TagList", &[])?)?;
    let failed: Vec<&Account> =
        accounts.iter().filter(|account| world.deleted.contains(*account)).collect();
    let entry = |account: &Account| {
        if world.deleted.contains(account) {
            return json!({
                "To_Account": account, "ResultCode": NOBODY,
                "ResultInfo": "the account does not exist",
            });
        }
        let profile = world.profiles.get(account);
        let item = |tag: &&str| {
            let value = profile?.get(*tag)?;
            Some(json!({ "Tag": tag, "Value": value }))
        };
        json!({
            "To_Account": account, "ProfileItem": tags.iter().filter_map(item).collect::<Value>(),
            "ResultCode": 0, "ResultInfo": "",
        })
    };
    let list: Value = accounts.iter().map(entry).collect();
    let mut body = json!({ "UserProfileItem": list });
    if !failed.is_empty() {
        body["Fail_Account"] = json!(failed);
    }
    Ok(Reply::Done(body))
}

pub(super) fn portrait_set(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    let fields = Fields::new(&call.record.body, WRONG, &["From_Account", "ProfileItem"])?;
    let account = fields.needed("From_Account", fields.account("From_Account")?)?;
    let mut items = BTreeMap::new();
    for entry in fields.list("ProfileItem", 100)? {
        let entry = Fields::new(entry, WRONG, &["Tag", "Value"])?;
        let tag = entry.needed("Tag", entry.text("Tag", 64)?)?;
        let value = entry.needed("Value", entry.value("Value"))?;
        if !tag.starts_with("Tag_Profile_") || !(value.is_string() || value.is_u64()) {
            return Err(entry.wrong("no Tag_Profile_… with a text or a number"));
        }
        items.insert(tag.to_owned(), value.clone());
    }
    if world.deleted.contains(&account) {
        return Err(Refusal::new(NOBODY, "the account does not exist"));
    }
    world.change_portrait(call.now, &account, items, &call.origin);
    Ok(done())
}
