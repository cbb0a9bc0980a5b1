//! What people do, at random; Chat refuses what they may not.

use groupkeeper::chat::{Account, GroupId, GroupType, Role, RoomId};
use groupkeeper::clock::Timestamp;
use groupkeeper::simulator::{MemberChange, NewGroup, NewRoom, RoomKind, World};

use crate::ADMIN;
use crate::net::Net;
use crate::rng::Rng;
use std::sync::Arc;

pub const GROUPS: [(&str, GroupType); 5] = [
    ("@TGS#cats", GroupType::Public),
    ("@TGS#work", GroupType::Work),
    ("@TGS#meet", GroupType::Meeting),
    ("@TGS#live", GroupType::AVChatRoom),
    ("@TGS#dogs", GroupType::Public),
];
const MEMBERS: [&str; 6] = ["ann", "ben", "cyd", "lin", "bot_x", "boss"];
const OTHERS: [&str; 4] = ["staff_lin", "staff_mei", "dora", "bot_y"];
const WORDS: [&str; 13] = [
    "hi",
    "hush",
    "hush",
    "casino",
    "!silence",
    "!duty",
    "!duty",
    "!duty",
    "ping",
    "raise",
    "again",
    "http://x.com",
    "bye",
];

/// A group as a run begins with it; `None` makes one without an owner.
pub fn found(
    world: &mut World,
    now: Timestamp,
    (id, kind): (&str, GroupType),
    owner: Option<&str>,
) {
    let mut group = NewGroup::new(id, kind, owner.unwrap_or_default(), &MEMBERS);
    group.owner = owner.map(Account::from);
    world.create_group(now, group);
}

/// One thing that somebody does in one of the groups.
pub fn act(net: &Arc<Net>, rng: &mut Rng, groups: usize) {
    let (id, kind) = GROUPS[usize::try_from(rng.below(groups as u64)).unwrap()];
    let group = GroupId::from(id);
    let everybody: Vec<&str> = MEMBERS.iter().chain(&OTHERS).copied().collect();
    // A few do most of it, so that things meet.
    let who = if rng.chance(600) { *rng.pick(&MEMBERS[..2]) } else { *rng.pick(&everybody) };
    let (who, whom) = (Account::from(who), Account::from(*rng.pick(&everybody)));
    let owner = net.world().group(&group).and_then(|group| group.owner.clone());
    let owner = owner.unwrap_or_else(|| Account::from(ADMIN));
    let text = *rng.pick(&WORDS);
    let seconds = u32::try_from(rng.between(0, 1_800)).unwrap();
    let role = if rng.chance(500) { Role::Admin } else { Role::Member };
    let kind_of_act = rng.below(100);
    let told = match kind_of_act {
        0..40 => format!("{who} says {text:?} in {id}"),
        40..52 => format!("{who} joins {id}"),
        52..60 => format!("{who} leaves {id}"),
        60..65 => format!("{owner} removes {who} from {id}"),
        65..71 => format!("{owner} makes {who} {} of {id}", role.name()),
        71..77 => format!("{owner} mutes {who} in {id} for {seconds}"),
        77..82 => format!("{owner} unmutes {who} in {id}"),
        82..86 => format!("{owner} hands {id} to {whom}"),
        86..90 => format!("{owner} leaves {id}"),
        90..92 => format!("{owner} mutes all of {id}: {}", seconds > 900),
        92..94 => format!("{id} is dismissed"),
        94..97 => format!("{id} is made"),
        97..98 => format!("{whom}'s account is deleted"),
        _ => format!("{who} is removed by an app admin from {id}"),
    };
    net.story.tell(told);
    let admin = Account::from(ADMIN);
    net.happen(|world, now| match kind_of_act {
        0..40 => drop(world.say(now, &group, &who, text)),
        40..52 if kind == GroupType::Work => drop(world.invite(now, &group, &owner, &[who])),
        40..52 => drop(world.join(now, &group, &who)),
        52..60 => drop(world.leave(now, &group, &who)),
        60..65 => drop(world.kick(now, &group, &owner, &[who])),
        65..71 => drop(world.set_role(now, &group, &owner, &who, role)),
        71..77 => drop(world.mute(now, &group, &owner, &who, seconds)),
        77..82 => drop(world.mute(now, &group, &owner, &who, 0)),
        82..86 => drop(world.change_owner(now, &group, &owner, &whom)),
        86..90 if kind == GroupType::Work => drop(world.leave(now, &group, &owner)),
        86..90 => drop(world.kick(now, &group, &admin, &[owner])),
        90..92 => drop(world.mute_all(now, &group, &owner, seconds > 900)),
        92..94 => drop(world.dismiss(now, &group, &owner)),
        94..97 => {
            let mut new = NewGroup::new(id, kind, "olga", &["ann", "ben"]);
            new.silent = false;
            if kind == GroupType::Work && seconds > 900 {
                new.owner = None;
            }
            drop(world.create_group(now, new));
        }
        97..98 => world.delete_account(now, &whom),
        _ => drop(world.kick(now, &group, &admin, &[who])),
    });
}

/// Somebody's role changes, comes or goes without a word to the bot.
pub fn act_unseen(net: &Arc<Net>, rng: &mut Rng, groups: usize) {
    let (id, _) = GROUPS[usize::try_from(rng.below(groups as u64)).unwrap()];
    let everybody: Vec<&str> = MEMBERS.iter().chain(&OTHERS).copied().collect();
    let who = Account::from(*rng.pick(&everybody));
    let role = *rng.pick(&[Role::Outside, Role::Outside, Role::Member, Role::Admin, Role::Owner]);
    net.story.tell(format!("unseen: {who} is {} of {id}", role.name()));
    net.happen(|world, now| {
        let change = MemberChange { role: Some(role), ..MemberChange::default() };
        drop(world.change_unseen(now, &id.into(), &who, change));
    });
}

/// Many come at once: into Work groups they are invited, elsewhere they join.
pub fn crowd(net: &Arc<Net>, rng: &mut Rng, groups: usize) {
    let (id, kind) = GROUPS[usize::try_from(rng.below(groups as u64)).unwrap()];
    let number = rng.between(10, 40);
    net.story.tell(format!("{number} people come into {id} at once"));
    let guests: Vec<_> =
        (0..number).map(|n| Account::from(format!("guest_{n}").as_str())).collect();
    net.happen(|world, now| {
        let owner = world.group(&id.into()).and_then(|group| group.owner.clone());
        if kind == GroupType::Work {
            drop(world.invite(now, &id.into(), &owner.unwrap_or_else(|| ADMIN.into()), &guests));
        } else {
            guests.iter().for_each(|guest| drop(world.join(now, &id.into(), guest)));
        }
    });
}

/// Several messages at once, as only machines and the angry write.
pub fn flood(net: &Arc<Net>, rng: &mut Rng, groups: usize, messages: u64, text: &str) {
    let (id, _) = GROUPS[usize::try_from(rng.below(groups as u64)).unwrap()];
    let who = Account::from(*rng.pick(&MEMBERS));
    net.story.tell(format!("{who} floods {id} with {messages} of {text:?}"));
    for _ in 0..messages {
        net.happen(|world, now| drop(world.say(now, &id.into(), &who, text)));
    }
}

const ROOMS: [(&str, RoomKind); 2] = [("room-1", RoomKind::Conference), ("room-2", RoomKind::Live)];

fn new_room((id, kind): (&str, RoomKind), silent: bool) -> NewRoom {
    let (name, owner) = ("a room".to_owned(), Account::from("olga"));
    NewRoom { id: RoomId::from(id), kind, name, owner, silent }
}

/// Rooms as a run begins with them.
pub fn open_rooms(world: &mut World, now: Timestamp) {
    for (id, kind) in ROOMS {
        world.create_room(now, new_room((id, kind), true)).unwrap();
        for who in &MEMBERS[..3] {
            world.enter_room(now, &id.into(), &Account::from(*who)).unwrap();
        }
    }
}

/// One thing that somebody does in one of the rooms; mostly it is the owner.
pub fn act_in_room(net: &Arc<Net>, rng: &mut Rng) {
    let (name, kind) = *rng.pick(&ROOMS);
    let id = RoomId::from(name);
    let owner = net.world().room(&id).map(|room| room.owner.clone());
    let who = Account::from(*rng.pick(&MEMBERS));
    let owner = owner.unwrap_or_else(|| who.clone());
    let what = rng.below(10);
    net.story.tell(match what {
        0..4 => format!("{who} enters {id}"),
        4..6 => format!("{who} leaves {id}"),
        6..8 => format!("{owner} leaves {id}, which is theirs"),
        8 => format!("{owner} hands {id} to {who}"),
        _ => format!("{id} is opened"),
    });
    net.happen(|world, now| match what {
        0..4 => drop(world.enter_room(now, &id, &who)),
        4..6 => drop(world.leave_room(now, &id, &who)),
        6..8 => drop(world.leave_room(now, &id, &owner)),
        8 => drop(world.change_room_owner(now, &id, &owner, &who)),
        _ => drop(world.create_room(now, new_room((name, kind), false))),
    });
}
