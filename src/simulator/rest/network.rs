//! Chat's own addresses over REST: 36742.

use serde_json::json;

use super::super::settings::Refusal;
use super::super::world::World;
use super::fields::Fields;
use super::{Call, Reply};

/// "Malformed request" (34348): the page names no code of its own.
const WRONG: i64 = 60002;

/// The body is `{}`; which addresses are wanted stands in the query: `nettype` 0 to 4 are those of
/// clients, 5 and 6 those that callbacks come from, inside China and outside. This Chat has one
/// network, and lists callbacks' addresses for 0, 5 and 6.
pub(super) fn get_ip_list(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    Fields::new(&call.record.body, WRONG, &[])?;
    let listed = match call.query.get("nettype") {
        "" => return Err(Refusal::new(WRONG, "nettype is missing")),
        "0" | "5" | "6" => world.settings.addresses.clone(),
        "1" | "2" | "3" | "4" => Vec::new(),
        _ => return Err(Refusal::new(WRONG, "nettype is none of 0 to 6")),
    };
    Ok(Reply::Done(json!({ "IPList": listed })))
}
