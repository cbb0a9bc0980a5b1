//! Each act, done in the world.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::super::asks::{Answered, Creating, Joining, Saying};
use super::super::attributes::AttributeChange;
use super::super::callbacks::CallbackId;
use super::super::relations::Befriending;
use super::super::rooms::{NewRoom, RoomKind};
use super::super::settings::Refusal;
use super::super::topics::{Opening, TopicChange};
use super::super::world::World;
use super::words::{Act, CallbackWords, KindWord};
use crate::clock::Timestamp;

/// How an act ended.
pub(super) enum End {
    Done(Value),
    Waiting(CallbackId),
}

/// Acts that a question may precede, and those on the Chat itself.
pub(super) fn run(world: &mut World, now: Timestamp, act: Act) -> Result<End, Refusal> {
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
        Act::CreateTopic { group, by, name } => {
            return opened(world.create_topic(now, &group, &by, &name));
        }
        Act::Befriend { from, to } => return befriended(world.befriend(now, &from, &to)),
        Act::Emit { command, group, body } => {
            let id = world.emit(now, &command, group.as_ref(), body);
            return Ok(id.map_or_else(done, End::Waiting));
        }
        Act::Fault(words) => {
            let (fault, scope) = words.fault();
            world.inject_within(now, fault, scope);
        }
        Act::ClearFaults {} => world.clear_faults(),
        Act::Quirks(quirks) => world.settings.quirks = quirks,
        Act::Callbacks(words) => switch(world, words),
        Act::Clock { .. } => world.tick(now),
        act => run_on_account(world, now, act)?,
    }
    Ok(done())
}

fn switch(world: &mut World, words: CallbackWords) {
    let settings = &mut world.settings;
    settings.callbacks.extend(words.on);
    settings.callbacks.retain(|command| !words.off.contains(command));
    settings.refuse_unanswered = words.refuse_unanswered.unwrap_or(settings.refuse_unanswered);
    if let Some(retries) = words.retries {
        settings.retries = retries.into_iter().map(Duration::from_secs).collect();
    }
}

fn run_on_account(world: &mut World, now: Timestamp, act: Act) -> Result<(), Refusal> {
    match act {
        Act::SetOnline { account, online } => world.set_online(now, &account, online),
        Act::DeleteAccount { account } => world.delete_account(now, &account),
        Act::SetProfile { account, items } => world.set_profile_items(now, &account, items),
        Act::Unfriend { from, to } => world.unfriend(now, &from, &to),
        Act::Block { from, to } => world.block(now, &from, &to, true),
        Act::Unblock { from, to } => world.block(now, &from, &to, false),
        Act::ReadPrivate { account, peer } => world.read_private(now, &account, &peer),
        Act::Withdraw { from, to, sequence } => world.withdraw(now, &from, &to, sequence)?,
        act => run_in_group(world, now, act)?,
    }
    Ok(())
}

fn run_in_group(world: &mut World, now: Timestamp, act: Act) -> Result<(), Refusal> {
    match act {
        Act::Dismiss { group, by } => world.dismiss(now, &group, &by),
        Act::Rename { group, by, name } => world.rename(now, &group, &by, &name),
        Act::SetInfo(words) => {
            let (group, by) = (words.group.clone(), words.by.clone());
            world.set_info(now, &group, &by, words.texts())
        }
        Act::SetAttributes { group, by, set } => {
            let change =
                if set.is_empty() { AttributeChange::Clear } else { AttributeChange::Modify(set) };
            world.change_attributes(now, &group, &by, change)
        }
        Act::RenameTopic { group, by, topic, name } => {
            let change = TopicChange { name: Some(name), ..TopicChange::default() };
            world.change_topic(now, &group, &by, &topic, change)
        }
        Act::DismissTopic { group, by, topic } => world.dismiss_topics(now, &group, &by, &[topic]),
        Act::Recall { group, by, sequence } => world.recall(now, &group, &by, sequence),
        Act::Read { group, account, sequences } => world.read(now, &group, &account, &sequences),
        act => run_on_member(world, now, act),
    }
}

fn run_on_member(world: &mut World, now: Timestamp, act: Act) -> Result<(), Refusal> {
    match act {
        Act::Approve { group, by, account } => world.approve(now, &group, &by, &account),
        Act::Leave { group, account } => world.leave(now, &group, &account),
        Act::Kick { group, by, accounts } => world.kick(now, &group, &by, &accounts),
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
        Act::Unmute { group, by, account } => world.unmute(now, &group, &by, &account),
        Act::MuteAll { group, by, on } => world.mute_all(now, &group, &by, on),
        Act::Ban { group, by, accounts, seconds } => {
            world.ban_by_hand(now, &group, &by, &accounts, seconds)
        }
        Act::Unban { group, by, accounts } => world.unban_by_hand(now, &group, &by, &accounts),
        Act::Unseen(words) => {
            let change = words.change().map_err(Refusal::parameter)?;
            world.change_unseen(now, &words.group, &words.account, change)
        }
        Act::Crowd { group, prefix, count } => world.crowd(now, &group, &prefix, count),
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
        Act::RenameRoom { room, by, name } => {
            let fields = Map::from_iter([("RoomName".to_owned(), json!(name))]);
            world.change_room_info(now, &room, &by, fields)
        }
        Act::DestroyRoom { room, by } => world.destroy_room(now, &room, &by),
        Act::LoseConnection { room, account } => world.room_heartbeat(now, &room, &account, true),
        Act::RegainConnection { room, account } => {
            world.room_heartbeat(now, &room, &account, false)
        }
        Act::TakeSeat { room, account, seat } => {
            world.seat(now, &room, &account, seat, Some(&account))
        }
        Act::LeaveSeat { room, account, seat } => world.seat(now, &room, &account, seat, None),
        Act::SetMetadata { room, by, set } => world.room_metadata(now, &room, &by, set),
        _ => Err(Refusal::parameter("this act is handled elsewhere")),
    }
}

fn done() -> End {
    End::Done(json!("done"))
}

/// What came of an act that had waited.
pub(super) fn settled(answered: Option<Answered>) -> Result<End, Refusal> {
    match answered {
        Some(Answered::Said(saying)) => said(saying),
        Some(Answered::Joined(joining)) => joined(joining),
        Some(Answered::Created(creating)) => created(creating),
        Some(Answered::Opened(opening)) => opened(opening),
        Some(Answered::Befriended(befriending)) => befriended(befriending),
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
        Joining::Invited(results) => {
            let results: BTreeMap<_, _> = results.into_iter().collect();
            Ok(End::Done(json!({ "invited": results })))
        }
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

fn opened(opening: Opening) -> Result<End, Refusal> {
    match opening {
        Opening::Waiting(id) => Ok(End::Waiting(id)),
        Opening::Opened(id) => Ok(End::Done(json!({ "topic": id }))),
        Opening::Refused(refusal) => Err(refusal),
    }
}

fn befriended(befriending: Befriending) -> Result<End, Refusal> {
    match befriending {
        Befriending::Waiting(id) => Ok(End::Waiting(id)),
        Befriending::Befriended => Ok(End::Done(json!("befriended"))),
        Befriending::Refused(refusal) => Err(refusal),
    }
}
