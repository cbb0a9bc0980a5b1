//! The control API: people and scripts act in the world over HTTP. JSON in, JSON out.
//!
//! `POST /control/{act}` with the act's fields; `GET /control/state` and `GET /control/calls`.
//! 200 with the outcome, 409 when the simulated Chat refuses, 400 when the request is wrong.

use std::time::Duration;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::asks::{Answered, Creating, Joining, Saying};
use super::callbacks::CallbackId;
use super::faults::{Fault, FaultKind};
use super::groups::NewGroup;
use super::http::Shared;
use super::rooms::{NewRoom, RoomKind};
use super::settings::Refusal;
use super::world::World;
use crate::chat::{Account, GroupId, GroupType, Role, RoomId};
use crate::clock::Timestamp;

/// What can be done; the name is the last part of the path.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Act {
    Group(GroupWords),
    Dismiss { group: GroupId, by: Account },
    Rename { group: GroupId, by: Account, name: String },
    Join { group: GroupId, account: Account },
    Approve { group: GroupId, by: Account, account: Account },
    Invite { group: GroupId, by: Account, accounts: Vec<Account> },
    Leave { group: GroupId, account: Account },
    Kick { group: GroupId, by: Account, accounts: Vec<Account> },
    Say { group: GroupId, account: Account, text: String },
    SayPrivately { from: Account, to: Account, text: String },
    Recall { group: GroupId, by: Account, sequence: i64 },
    ChangeOwner { group: GroupId, by: Account, to: Account },
    SetRole { group: GroupId, by: Account, account: Account, role: Role },
    SetNameCard { group: GroupId, by: Account, account: Account, card: String },
    Mute { group: GroupId, by: Account, account: Account, seconds: u32 },
    MuteAll { group: GroupId, by: Account, on: bool },
    SetOnline { account: Account, online: bool },
    DeleteAccount { account: Account },
    CreateRoom { room: RoomId, kind: KindWord, name: Option<String>, owner: Account },
    EnterRoom { room: RoomId, account: Account },
    LeaveRoom { room: RoomId, account: Account },
    KickFromRoom { room: RoomId, by: Account, account: Account },
    ChangeRoomOwner { room: RoomId, by: Account, to: Account },
    DestroyRoom { room: RoomId, by: Account },
    Emit { command: String, group: Option<GroupId>, body: Value },
    Fault { on: String, times: Option<u32>, kind: FaultWord },
    ClearFaults {},
    Clock { seconds: u64 },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GroupWords {
    id: GroupId,
    #[serde(rename = "type")]
    kind: GroupType,
    name: Option<String>,
    owner: Option<Account>,
    #[serde(default)]
    members: Vec<MemberWord>,
    /// With `false`, the bot is asked and told.
    #[serde(default = "yes")]
    silent: bool,
}

fn yes() -> bool {
    true
}

/// `"ann"` or `{ "id": "ann", "role": "admin", "joined_at": 1700000000000 }`.
#[derive(Deserialize)]
#[serde(untagged)]
enum MemberWord {
    Plain(Account),
    Full { id: Account, role: Option<Role>, joined_at: Option<Timestamp> },
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum KindWord {
    Conference,
    Live,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum FaultWord {
    Status(u16),
    Code(i64),
    Hang,
    ApplyThenDropReply,
    ApplyThenHang,
    RefuseConnection,
    StaleReads { seconds: u64 },
    Duplicate,
    Lose,
    Delay { seconds: u64 },
    Reorder,
    Garble,
}

impl From<FaultWord> for FaultKind {
    fn from(word: FaultWord) -> Self {
        match word {
            FaultWord::Status(status) => Self::Status(status),
            FaultWord::Code(code) => Self::Code(code, "injected".to_owned()),
            FaultWord::Hang => Self::Hang,
            FaultWord::ApplyThenDropReply => Self::ApplyThenDropReply,
            FaultWord::ApplyThenHang => Self::ApplyThenHang,
            FaultWord::RefuseConnection => Self::RefuseConnection,
            FaultWord::StaleReads { seconds } => {
                Self::StaleReads { during: Duration::from_secs(seconds) }
            }
            FaultWord::Duplicate => Self::Duplicate,
            FaultWord::Lose => Self::Lose,
            FaultWord::Delay { seconds } => Self::Delay { by: Duration::from_secs(seconds) },
            FaultWord::Reorder => Self::Reorder,
            FaultWord::Garble => Self::Garble,
        }
    }
}

/// How an act ended.
enum End {
    Done(Value),
    Waiting(CallbackId),
}

/// `POST /control/{name}`.
pub(super) async fn act(shared: &Shared, name: &str, body: &[u8]) -> Response {
    let fields = if body.is_empty() { Ok(json!({})) } else { serde_json::from_slice(body) };
    let act = fields.and_then(|fields: Value| serde_json::from_value(json!({ name: fields })));
    let act = match act {
        Ok(Act::Clock { seconds }) => return skip(shared, Duration::from_secs(seconds)),
        Ok(act) => act,
        Err(error) => {
            return answer(StatusCode::BAD_REQUEST, &json!({ "error": error.to_string() }));
        }
    };
    let (end, question) = {
        let mut world = shared.world();
        let end = run(&mut world, shared.now(), act);
        let question = match end {
            Ok(End::Waiting(id)) => world.take_callback(id),
            _ => None,
        };
        (end, question)
    };
    shared.notify();
    let end = match question {
        Some(question) => settled(shared.settle(question).await),
        None => end,
    };
    match end {
        Ok(End::Done(outcome)) => answer(StatusCode::OK, &json!({ "outcome": outcome })),
        Ok(End::Waiting(id)) => answer(StatusCode::OK, &json!({ "outcome": "waiting", "id": id })),
        Err(refusal) => {
            answer(StatusCode::CONFLICT, &json!({ "error": refusal.info, "code": refusal.code }))
        }
    }
}

fn skip(shared: &Shared, by: Duration) -> Response {
    let Some(skip) = &shared.skip else {
        let error = json!({ "error": "the clock of this simulator cannot be moved" });
        return answer(StatusCode::BAD_REQUEST, &error);
    };
    skip(by);
    shared.notify();
    answer(StatusCode::OK, &json!({ "outcome": "done", "now": shared.now() }))
}

fn run(world: &mut World, now: Timestamp, act: Act) -> Result<End, Refusal> {
    match act {
        Act::Group(words) => return created(world.create_group(now, words.into())),
        Act::Join { group, account } => return joined(world.join(now, &group, &account)),
        Act::Invite { group, by, accounts } => {
            return joined(world.invite(now, &group, &by, &accounts));
        }
        Act::Say { group, account, text } => {
            return said(world.say(now, &group, &account, &text));
        }
        Act::SayPrivately { from, to, text } => {
            return said(world.say_privately(now, &from, &to, &text));
        }
        Act::Emit { command, group, body } => {
            let id = world.emit(now, &command, group.as_ref(), body);
            return Ok(id.map_or_else(done, End::Waiting));
        }
        Act::Fault { on, times, kind } => {
            world.inject(now, Fault { on, times, kind: kind.into() });
        }
        Act::ClearFaults {} => world.clear_faults(),
        Act::SetOnline { account, online } => world.set_online(now, &account, online),
        Act::DeleteAccount { account } => world.delete_account(now, &account),
        Act::Clock { .. } => world.tick(now),
        act => run_in_group(world, now, act)?,
    }
    Ok(done())
}

fn run_in_group(world: &mut World, now: Timestamp, act: Act) -> Result<(), Refusal> {
    match act {
        Act::Dismiss { group, by } => world.dismiss(now, &group, &by),
        Act::Rename { group, by, name } => world.rename(now, &group, &by, &name),
        Act::Approve { group, by, account } => world.approve(now, &group, &by, &account),
        Act::Leave { group, account } => world.leave(now, &group, &account),
        Act::Kick { group, by, accounts } => world.kick(now, &group, &by, &accounts),
        Act::Recall { group, by, sequence } => world.recall(now, &group, &by, sequence),
        Act::ChangeOwner { group, by, to } => world.change_owner(now, &group, &by, &to),
        Act::SetRole { group, by, account, role } => {
            world.set_role(now, &group, &by, &account, role)
        }
        Act::SetNameCard { group, by, account, card } => {
            world.set_name_card(now, &group, &by, &account, &card)
        }
        Act::Mute { group, by, account, seconds } => {
            world.mute(now, &group, &by, &account, seconds)
        }
        Act::MuteAll { group, by, on } => world.mute_all(now, &group, &by, on),
        act => run_in_room(world, now, act),
    }
}

fn run_in_room(world: &mut World, now: Timestamp, act: Act) -> Result<(), Refusal> {
    match act {
        Act::CreateRoom { room, kind, name, owner } => {
            let kind = match kind {
                KindWord::Conference => RoomKind::Conference,
                KindWord::Live => RoomKind::Live,
            };
            let name = name.unwrap_or_else(|| room.as_str().to_owned());
            world.create_room(now, NewRoom { id: room, kind, name, owner, silent: false })
        }
        Act::EnterRoom { room, account } => world.enter_room(now, &room, &account),
        Act::LeaveRoom { room, account } => world.leave_room(now, &room, &account),
        Act::KickFromRoom { room, by, account } => world.kick_from_room(now, &room, &by, &account),
        Act::ChangeRoomOwner { room, by, to } => world.change_room_owner(now, &room, &by, &to),
        Act::DestroyRoom { room, by } => world.destroy_room(now, &room, &by),
        _ => Err(Refusal::parameter("this act is handled elsewhere")),
    }
}

impl From<GroupWords> for NewGroup {
    fn from(words: GroupWords) -> Self {
        let member = |word| match word {
            MemberWord::Plain(id) => (id, Role::Member, Timestamp(i64::MAX)),
            MemberWord::Full { id, role, joined_at } => {
                // Without a time of joining: from the moment the group is made.
                (id, role.unwrap_or(Role::Member), joined_at.unwrap_or(Timestamp(i64::MAX)))
            }
        };
        Self {
            name: words.name.unwrap_or_else(|| words.id.as_str().to_owned()),
            id: words.id,
            kind: words.kind,
            owner: words.owner,
            members: words.members.into_iter().map(member).collect(),
            silent: words.silent,
        }
    }
}

fn done() -> End {
    End::Done(json!("done"))
}

fn settled(answered: Option<Answered>) -> Result<End, Refusal> {
    match answered {
        Some(Answered::Said(saying)) => said(saying),
        Some(Answered::Joined(joining)) => joined(joining),
        Some(Answered::Created(creating)) => created(creating),
        Some(Answered::Emitted(Some(refusal))) => Err(refusal),
        Some(Answered::Emitted(None) | Answered::Rest(_)) | None => Ok(done()),
    }
}

fn said(saying: Saying) -> Result<End, Refusal> {
    match saying {
        Saying::Waiting(id) => Ok(End::Waiting(id)),
        Saying::Sent { sequence, .. } => Ok(End::Done(json!({ "sent": sequence }))),
        Saying::Swallowed => Ok(End::Done(json!("swallowed"))),
        Saying::Dropped => Ok(End::Done(json!("dropped"))),
        Saying::Refused(refusal) => Err(refusal),
    }
}

fn joined(joining: Joining) -> Result<End, Refusal> {
    match joining {
        Joining::Waiting(id) => Ok(End::Waiting(id)),
        Joining::Joined => Ok(End::Done(json!("joined"))),
        Joining::Applied => Ok(End::Done(json!("applied"))),
        Joining::Invited(results) => Ok(End::Done(json!({ "invited": results }))),
        Joining::Refused(refusal) => Err(refusal),
    }
}

fn created(creating: Creating) -> Result<End, Refusal> {
    match creating {
        Creating::Waiting(id) => Ok(End::Waiting(id)),
        Creating::Created(id) => Ok(End::Done(json!({ "created": id }))),
        Creating::Refused(refusal) => Err(refusal),
    }
}

/// One JSON answer.
pub(super) fn answer(status: StatusCode, body: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}
