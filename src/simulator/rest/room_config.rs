//! Where the callbacks of rooms go, over REST: 60729, 64418, 64419, 64420, 69528, 69529.

use serde_json::{Value, json};

use super::super::callbacks::all_commands;
use super::super::settings::{OwnUrl, Refusal, Settings};
use super::super::world::World;
use super::fields::Fields;
use super::rooms::WRONG;
use super::{Call, Reply, done};

/// The longest URL that is taken; the pages name no limit.
const URL: usize = 1_000;

/// `{Url, CallbackCommandList}`. A token that was set stays.
fn set(call: &Call, place: &mut Option<OwnUrl>) -> Result<Reply, Refusal> {
    let fields = Fields::new(&call.record.body, WRONG, &["Url", "CallbackCommandList"])?;
    let url = fields.needed("Url", fields.text("Url", URL)?)?;
    if !url.starts_with("http://") && !url.starts_with("https://") {
        return Err(fields.wrong("Url begins with http:// or https://"));
    }
    let known: Vec<&str> = all_commands().collect();
    let commands = fields.filter("CallbackCommandList", &known)?.unwrap_or_default();
    let own = place.get_or_insert_with(|| OwnUrl::new(url, None));
    url.clone_into(&mut own.url);
    own.commands = commands.into_iter().map(str::to_owned).collect();
    Ok(done())
}

fn get(call: &Call, own: Option<&OwnUrl>) -> Result<Reply, Refusal> {
    Fields::new(&call.record.body, WRONG, &[])?;
    let commands: Value = own.map_or(json!([]), |own| json!(own.commands));
    Ok(Reply::Done(json!({
        "Url": own.map_or("", |own| &own.url), "CallbackCommandList": commands,
    })))
}

pub(super) fn set_conference(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    set(call, &mut world.settings.conference)
}

pub(super) fn get_conference(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    get(call, world.settings.conference.as_ref())
}

pub(super) fn set_live(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    set(call, &mut world.settings.live)
}

pub(super) fn get_live(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    get(call, world.settings.live.as_ref())
}

/// Changes what is there; 100002 when nothing is.
pub(super) fn update_live(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    own(&mut world.settings)?;
    set(call, &mut world.settings.live)
}

/// `{Token (1 to 128 characters), IsTokenEnable}` (69528).
pub(super) fn set_live_token(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    let fields = Fields::new(&call.record.body, WRONG, &["Token", "IsTokenEnable"])?;
    let token = fields.needed("Token", fields.text("Token", 128)?)?;
    let enabled = fields.value("IsTokenEnable").map_or(Some(true), Value::as_bool);
    let enabled = enabled.ok_or_else(|| fields.wrong("IsTokenEnable is true or false"))?;
    if token.is_empty() {
        return Err(fields.wrong("Token is empty"));
    }
    let own = own(&mut world.settings)?;
    own.token = Some(token.to_owned());
    own.token_enabled = enabled;
    Ok(done())
}

pub(super) fn get_live_token(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    Fields::new(&call.record.body, WRONG, &[])?;
    let own = own(&mut world.settings)?;
    Ok(Reply::Done(json!({
        "Token": own.token.as_deref().unwrap_or(""), "IsTokenEnable": own.token_enabled,
    })))
}

fn own(settings: &mut Settings) -> Result<&mut OwnUrl, Refusal> {
    settings.live.as_mut().ok_or_else(|| Refusal::new(WRONG, "no callback is configured"))
}
