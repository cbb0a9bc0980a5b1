//! Lets happen what a step sends: by the simulated Chat itself where its state makes the callback.

use super::{ADMIN, documented};
use crate::authoring::testfile::Send;
use crate::chat::{Account, GroupId, GroupType, Role, RoomId};
use crate::clock::Timestamp;
use crate::rule::EventKind as E;
use crate::simulator::{
    Creating, Joining, NewGroup, NewRoom, Refusal, RoomKind, Saying, Words, World,
};

/// The group that `group.creating` asks about, unless the step names one.
const NEW_GROUP: &str = "@TGS#new";
/// The sender is muted; the callback of that is what the test may want to see.
const MUTED: i64 = 10017;
/// The group has had too many messages this second; this has a callback too.
const TOO_MANY: i64 = 10023;

/// Chat's refusal, as the step's failure.
pub(super) fn refused(refusal: Refusal) -> String {
    format!("Chat does not allow it: {refusal}")
}

/// One happening, for the n-th time.
pub(super) fn happen(
    world: &mut World,
    now: Timestamp,
    send: &Send,
    number: u32,
) -> Result<(), String> {
    world.tick(now);
    match send.event {
        E::MessageSent
        | E::MessageSending
        | E::PrivateSent
        | E::PrivateSending
        | E::MessageRecalled => message(world, now, send),
        E::JoinRequested | E::InviteRequested | E::MemberJoined => joins(world, now, send),
        E::GroupCreated | E::GroupCreating => creates(world, now, send),
        E::RoomCreated
        | E::RoomClosed
        | E::RoomMemberEntered
        | E::RoomMemberLeft
        | E::RoomOwnerLeft
        | E::RoomOwnerChanged => in_room(world, now, send),
        E::MemberLeft
        | E::MemberRemoved
        | E::OwnerLeft
        | E::OwnerChanged
        | E::MemberRoleChanged
        | E::MemberCardChanged
        | E::GroupDismissed
        | E::GroupInfoChanged => in_group(world, now, send),
        _ => documented::emit(world, now, send, number),
    }
}

/// Who the step says, or Chat's error in its place.
pub(super) fn need(send: &Send, key: &str) -> Result<Account, String> {
    send.account(key).ok_or_else(|| format!("`{}` needs `{key}`", send.event.name()))
}

pub(super) fn group_of(send: &Send) -> Result<GroupId, String> {
    send.group.clone().ok_or_else(|| "the test has no group".to_owned())
}

/// Does something with the switch of a before callback on.
fn asking<T>(world: &mut World, command: &str, asks: bool, act: impl FnOnce(&mut World) -> T) -> T {
    if !asks {
        return act(world);
    }
    world.settings_mut().callbacks.insert(command.to_owned());
    let done = act(world);
    world.settings_mut().callbacks.remove(command);
    done
}

fn message(world: &mut World, now: Timestamp, send: &Send) -> Result<(), String> {
    let asks = send.event.asks();
    let text = send.text("text");
    let saying = match send.event {
        E::MessageRecalled => return recall(world, now, send),
        E::PrivateSent | E::PrivateSending => {
            let (from, to) = (need(send, "from")?, need(send, "to")?);
            asking(world, "C2C.CallbackBeforeSendMsg", asks, |world| {
                world.say_privately(now, &from, &to, text.unwrap_or("hi"))
            })
        }
        _ => {
            let (group, from) = (group_of(send)?, need(send, "from")?);
            let elements = send.list("elements").to_vec();
            let usual = if elements.is_empty() { "hi" } else { "" };
            let words = Words {
                text: text.unwrap_or(usual).to_owned(),
                elements,
                mentions: send.list("mentions").to_vec(),
                custom_data: send.text("custom_data").unwrap_or_default().to_owned(),
                topic: send.text("topic").map(str::to_owned),
            };
            asking(world, "Group.CallbackBeforeSendMsg", asks, |world| {
                world.say_words(now, &group, &from, words)
            })
        }
    };
    match saying {
        Saying::Refused(refusal) if ![MUTED, TOO_MANY].contains(&refusal.code) => {
            Err(refused(refusal))
        }
        _ => Ok(()),
    }
}

/// The last message (of `from`) is taken back.
fn recall(world: &mut World, now: Timestamp, send: &Send) -> Result<(), String> {
    let (group, from) = (group_of(send)?, send.account("from"));
    let messages = world.messages(&group).iter().rev();
    let mut messages = messages.filter(|message| !message.recalled);
    let found = messages.find(|message| from.as_ref().is_none_or(|from| message.from == *from));
    let Some(message) = found else { return Err("there is no message to recall".to_owned()) };
    let by = send.account("by").unwrap_or_else(|| message.from.clone());
    let sequence = message.sequence;
    world.recall(now, &group, &by, sequence).map_err(refused)
}

fn joins(world: &mut World, now: Timestamp, send: &Send) -> Result<(), String> {
    let (group, from) = (group_of(send)?, need(send, "from")?);
    let joining = match send.event {
        E::JoinRequested => asking(world, "Group.CallbackBeforeApplyJoinGroup", true, |world| {
            world.join(now, &group, &from)
        }),
        E::InviteRequested => {
            let invited: Vec<_> =
                send.list("invited").iter().map(|id| Account::from(id.as_str())).collect();
            asking(world, "Group.CallbackBeforeInviteJoinGroup", true, |world| {
                world.invite(now, &group, &from, &invited)
            })
        }
        _ => {
            let work = world.group(&group).is_some_and(|group| group.kind == GroupType::Work);
            // Nobody joins a Work group by themselves (33529).
            match send.account("by").or(work.then(|| Account::from(ADMIN))) {
                Some(by) => world.invite(now, &group, &by, &[from]),
                None => world.join(now, &group, &from),
            }
        }
    };
    match joining {
        Joining::Refused(refusal) => Err(refused(refusal)),
        _ => Ok(()),
    }
}

fn creates(world: &mut World, now: Timestamp, send: &Send) -> Result<(), String> {
    let id = send.group.clone().unwrap_or_else(|| GroupId::from(NEW_GROUP));
    let kind = send.group_type.unwrap_or(GroupType::Public);
    let invited: Vec<_> = send.list("invited").iter().map(String::as_str).collect();
    let mut new = NewGroup::new(id.as_str(), kind, "", &invited);
    new.owner = send.account("from");
    new.name = send.text("name").unwrap_or_default().to_owned();
    new.silent = false;
    let creating = asking(world, "Group.CallbackBeforeCreateGroup", send.event.asks(), |world| {
        world.create_group(now, new)
    });
    match creating {
        Creating::Refused(refusal) => Err(refused(refusal)),
        _ => Ok(()),
    }
}

fn in_group(world: &mut World, now: Timestamp, send: &Send) -> Result<(), String> {
    let group = group_of(send)?;
    let owner = world.group(&group).and_then(|group| group.owner.clone());
    let admin = || Account::from(ADMIN);
    let by = send.account("by");
    let by_owner = || by.clone().or_else(|| owner.clone()).unwrap_or_else(admin);
    let done = match send.event {
        E::MemberLeft => world.leave(now, &group, &need(send, "from")?),
        E::MemberRemoved => {
            let gone = need(send, "from")?;
            if world.group(&group).is_none_or(|group| !group.members.contains_key(&gone)) {
                return Err(format!("Chat does not allow it: {gone} is not a member"));
            }
            world.kick(now, &group, &by.unwrap_or_else(admin), &[gone])
        }
        E::OwnerLeft => {
            let owner = owner.clone().ok_or("the group has no owner who could leave")?;
            let may_quit = world.group(&group).is_some_and(|group| group.kind == GroupType::Work);
            match by {
                None if may_quit => world.leave(now, &group, &owner),
                // Elsewhere an owner can only be removed (33529).
                by => world.kick(now, &group, &by.unwrap_or_else(admin), &[owner]),
            }
        }
        E::OwnerChanged => world.change_owner(now, &group, &by_owner(), &need(send, "to")?),
        E::MemberRoleChanged => {
            let (from, role) = (need(send, "from")?, send.role.unwrap_or(Role::Admin));
            world.set_role(now, &group, &by_owner(), &from, role)
        }
        E::MemberCardChanged => {
            let from = need(send, "from")?;
            let by = by.unwrap_or_else(|| from.clone());
            world.set_name_card(now, &group, &by, &from, send.text("name_card").unwrap_or_default())
        }
        E::GroupDismissed => world.dismiss(now, &group, &by.unwrap_or_else(admin)),
        _ => {
            let texts = documented::INFO.iter();
            let texts = texts.filter_map(|(key, wire)| Some((*wire, send.text(key)?.to_owned())));
            world.set_info(now, &group, &by_owner(), texts.collect())
        }
    };
    done.map_err(refused)
}

fn in_room(world: &mut World, now: Timestamp, send: &Send) -> Result<(), String> {
    let id = room_of(send)?;
    let owner = world.room(&id).map(|room| room.owner.clone());
    let owner = || owner.clone().ok_or_else(|| format!("there is no room {id}"));
    let by = send.account("by");
    let done = match send.event {
        E::RoomCreated => {
            let owner = need(send, "from")?;
            let name = send.text("name").unwrap_or(id.as_str()).to_owned();
            let kind = send.room_kind.unwrap_or(RoomKind::Conference);
            world.create_room(now, NewRoom { id, kind, name, owner, silent: false })
        }
        E::RoomClosed => world.destroy_room(now, &id, &by.map_or_else(owner, Ok)?),
        E::RoomMemberEntered => world.enter_room(now, &id, &need(send, "from")?),
        E::RoomMemberLeft => match by {
            Some(by) => world.kick_from_room(now, &id, &by, &need(send, "from")?),
            None => world.leave_room(now, &id, &need(send, "from")?),
        },
        E::RoomOwnerLeft => world.leave_room(now, &id, &owner()?),
        _ => world.change_room_owner(now, &id, &by.map_or_else(owner, Ok)?, &need(send, "to")?),
    };
    done.map_err(refused)
}

pub(super) fn room_of(send: &Send) -> Result<RoomId, String> {
    send.room.clone().ok_or_else(|| "the test has no room".to_owned())
}
