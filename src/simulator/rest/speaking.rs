//! Mutes of an account everywhere: 34923, 34924.

use serde_json::json;

use super::super::settings::Refusal;
use super::super::speaking::Silence;
use super::super::state::end;
use super::super::world::World;
use super::fields::Fields;
use super::{Call, Reply, done};

/// "Parameter invalid" of services without codes of their own (34348).
const WRONG: i64 = 90001;

/// Seconds, 0 to lift, 4294967295 for ever; at least one of the two.
pub(super) fn setnospeaking(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    let known = ["Set_Account", "C2CmsgNospeakingTime", "GroupmsgNospeakingTime"];
    let fields = Fields::new(&call.record.body, WRONG, &known)?;
    let account = fields.needed("Set_Account", fields.account("Set_Account")?)?;
    let private = fields.u32("C2CmsgNospeakingTime")?;
    let group = fields.u32("GroupmsgNospeakingTime")?;
    if private.is_none() && group.is_none() {
        return Err(fields.wrong("neither C2CmsgNospeakingTime nor GroupmsgNospeakingTime"));
    }
    if world.deleted.contains(&account) {
        return Err(Refusal::new(90048, "the account does not exist"));
    }
    let silence = world.silences.entry(account).or_default();
    if let Some(seconds) = private {
        silence.private = end(call.now, seconds);
    }
    if let Some(seconds) = group {
        silence.group = end(call.now, seconds);
    }
    Ok(done())
}

/// What is left of both, in seconds.
pub(super) fn getnospeaking(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    let fields = Fields::new(&call.record.body, WRONG, &["Get_Account"])?;
    let account = fields.needed("Get_Account", fields.account("Get_Account")?)?;
    if world.deleted.contains(&account) {
        return Err(Refusal::new(90048, "the account does not exist"));
    }
    let silence = world.silences.get(&account).copied().unwrap_or_default();
    Ok(done_with(silence, call))
}

fn done_with(silence: Silence, call: &Call) -> Reply {
    Reply::Done(json!({
        "C2CmsgNospeakingTime": Silence::left(silence.private, call.now),
        "GroupmsgNospeakingTime": Silence::left(silence.group, call.now),
    }))
}
