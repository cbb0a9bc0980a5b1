//! What the simulator does, seen from outside, against Tencent's documented bodies.

mod commands;
mod groups;
mod habits;
mod http;
mod members;
mod messages;
mod ownership;
mod people;
mod reads;
mod refusals;
mod rooms;

use serde_json::{Value, json};

use super::{Callback, NewGroup, RestAnswer, Settings, World};
use crate::chat::{Account, GroupId, GroupType};
use crate::clock::Timestamp;

const APP: u64 = 1_400_000_001;
const QUERY: &str = "sdkappid=1400000001&identifier=admin&random=1&contenttype=json";
const GROUP: &str = "@TGS#2EXAMPLE";

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_secs(1_700_000_000 + seconds)
}

fn account(name: &str) -> Account {
    Account::from(name)
}

fn id() -> GroupId {
    GroupId::from(GROUP)
}

/// An app without UserSig whose bot is told but not asked.
fn world() -> World {
    let mut settings = Settings::new(APP, "admin", "key").without_asking();
    settings.check_usersig = false;
    World::new(settings)
}

/// The same whose bot is asked as well.
fn asking_world() -> World {
    let mut settings = Settings::new(APP, "admin", "key");
    settings.check_usersig = false;
    World::new(settings)
}

/// With a group of u1 (owner), u2 and u3.
fn with_group(mut world: World, kind: GroupType) -> World {
    world.create_group(at(-1000), NewGroup::new(GROUP, kind, "u1", &["u2", "u3"]));
    world
}

fn post(world: &mut World, now: Timestamp, path: &str, body: &Value) -> RestAnswer {
    world.rest(now, path, QUERY, body.to_string().as_bytes())
}

/// One call of a group command, and its answer.
fn call(world: &mut World, now: Timestamp, command: &str, body: Value) -> Value {
    let service = match command {
        "modify_admin" | "get_admin_list" | "get_members" => "group_open_avchatroom_http_svc",
        "sendmsg" => "openim",
        "account_check" => "im_open_login_svc",
        _ => "group_open_http_svc",
    };
    let path = format!("/v4/{service}/{command}");
    parse(&post(world, now, &path, &body).body)
}

fn code(answer: &Value) -> i64 {
    answer["ErrorCode"].as_i64().unwrap()
}

fn parse(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap()
}

/// The bodies of the callbacks that wait.
fn told(world: &mut World) -> Vec<Value> {
    world.take_callbacks().iter().map(|callback| parse(&callback.body)).collect()
}

fn platform(callback: &Callback) -> &str {
    callback.query.iter().find(|(name, _)| name == "OptPlatform").map_or("", |(_, value)| value)
}

fn ok() -> Value {
    json!({ "ActionStatus": "OK", "ErrorCode": 0, "ErrorInfo": "" })
}

fn reply(code: i64, info: &str) -> Option<(u16, Vec<u8>)> {
    let status = if code == 0 { "OK" } else { "FAIL" };
    let body = json!({ "ActionStatus": status, "ErrorCode": code, "ErrorInfo": info });
    Some((200, body.to_string().into_bytes()))
}
