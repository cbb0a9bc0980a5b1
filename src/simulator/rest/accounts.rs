//! Accounts over REST: 34956. Every UserID counts as imported until it is deleted.

use serde_json::{Value, json};

use super::super::settings::Refusal;
use super::super::world::World;
use super::fields::Fields;
use super::{Call, Reply};

/// "Parameter invalid" of account commands (34348).
const WRONG: i64 = 70402;

pub(super) fn account_check(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    let fields = Fields::new(&call.record.body, WRONG, &["CheckItem"])?;
    let mut results = Vec::new();
    for entry in fields.list("CheckItem", 100)? {
        let entry = Fields::new(entry, WRONG, &["UserID"])?;
        let account = entry.needed("UserID", entry.account("UserID")?)?;
        let status = if world.deleted.contains(&account) { "NotImported" } else { "Imported" };
        results.push(json!({
            "UserID": account, "ResultCode": 0, "ResultInfo": "", "AccountStatus": status,
        }));
    }
    Ok(Reply::Done(json!({ "ResultItem": Value::from(results) })))
}

/// An account that was deleted exists again.
pub(super) fn account_import(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    let fields = Fields::new(&call.record.body, WRONG, &["UserID", "Nick", "FaceUrl"])?;
    let account = fields.needed("UserID", fields.account("UserID")?)?;
    world.deleted.remove(&account);
    Ok(super::done())
}

/// What a deleted account leaves behind in groups is not documented; see `World::delete_account`.
pub(super) fn account_delete(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    let fields = Fields::new(&call.record.body, WRONG, &["DeleteItem"])?;
    let mut results = Vec::new();
    for entry in fields.list("DeleteItem", 100)? {
        let entry = Fields::new(entry, WRONG, &["UserID"])?;
        let account = entry.needed("UserID", entry.account("UserID")?)?;
        world.delete_account(call.now, &account);
        results.push(json!({ "UserID": account, "ResultCode": 0, "ResultInfo": "" }));
    }
    Ok(Reply::Done(json!({ "ResultItem": Value::from(results) })))
}
