//! Stories of what the bot finds out by itself, of rooms, of renewals, and of actions that are rarer.

use std::time::Duration;

use groupkeeper::chat::{GroupType, Role, RoomId};
use groupkeeper::simulator::{Fault, FaultKind, MemberChange, NewRoom, RoomKind};

use super::scenes::{Happens, Scene, cats, chat, joins, leaves, on_go, on_word, says, scene};

pub fn scenes() -> Vec<Scene> {
    let mut all = compared();
    all.extend(rooms());
    all.extend(actions());
    all.push(renewed());
    all
}

/// Somebody's role changes in Chat, and no callback tells of it.
fn unseen(who: &'static str, role: Role) -> Happens {
    chat(move |world, now| {
        let change = MemberChange { role: Some(role), ..MemberChange::default() };
        drop(world.change_unseen(now, &cats(), &who.into(), change));
    })
}

fn compared() -> Vec<Scene> {
    let owned = include_str!("../../../rules/keep_groups_owned.toml");
    let found = r#"
[rule.greet]
on = "member.joined"
once = { each = ["group", "member"] }
do = [{ set_name_card = { text = "new" } }, { notify_group = { text = "{member.id} is here" } }]

[rule.promoted]
on = "member.role_changed"
do = [{ send_message = { text = "{member.id} is {event.role} now" } }]
"#;
    let comes = vec![
        (0, says("ann", "hi")),
        (100, unseen("dora", Role::Member)),
        (101, unseen("ann", Role::Admin)),
        (102, leaves("ben")),
    ];
    vec![
        Scene {
            kind: GroupType::Work,
            compared: Some(300),
            ..scene(
                "an owner who left unseen",
                owned,
                vec![(10, unseen("olga", Role::Outside))],
                900,
            )
        },
        Scene { compared: Some(300), ..scene("who came unseen is found", found, comes, 900) },
    ]
}

fn rooms() -> Vec<Scene> {
    let rules = include_str!("../../../rules/presets/room_succession.toml");
    let room = || RoomId::from("room-1");
    let opens = |kind| {
        chat(move |world, now| {
            let (name, owner) = ("a room".to_owned(), "olga".into());
            drop(world.create_room(now, NewRoom { id: room(), kind, name, owner, silent: false }));
        })
    };
    let enters = |who: &'static str| {
        chat(move |world, now| drop(world.enter_room(now, &room(), &who.into())))
    };
    let goes = |who: &'static str| {
        chat(move |world, now| drop(world.leave_room(now, &room(), &who.into())))
    };
    let script = |kind| {
        vec![
            (0, opens(kind)),
            (1, enters("zoe")),
            (2, enters("ann")),
            (5, goes("olga")),
            (100, goes("zoe")),
        ]
    };
    vec![
        scene("a conference gets another owner", rules, script(RoomKind::Conference), 400),
        scene("a live room gets another owner", rules, script(RoomKind::Live), 400),
    ]
}

fn actions() -> Vec<Scene> {
    let members = on_go(
        r#"{ import_members = { members = [{ id = "dora", role = "member" }, { id = "eve", role = "member" }] } }, { set_message_receiving = { who = "dora", mode = "AcceptNotNotify" } }, { set_member_fields = { who = "dora", fields = { Level = "3" } } }, { alert = { text = "imported" } }"#,
    );
    let dismissed = on_go(r#"{ send_message = { text = "it was nice" } }, "dismiss_group""#);
    let go = || vec![(0, says("ben", "go")), (1, joins("dora"))];
    let duty = on_go(
        r#"{ set_role = { role = "admin", for = "5m" } }, { mute = { who = "mel", for = "3m" } }"#,
    );
    let on_duty = vec![(0, joins("mel")), (0, joins("ben")), (1, says("ben", "go"))];
    let live = |scene| Scene { kind: GroupType::AVChatRoom, ..scene };
    vec![
        scene("members are imported and described", &members, go(), 120),
        scene("a group is dismissed", &dismissed, go(), 120),
        live(scene("an admin of a live group for a while", &duty, on_duty, 900)),
        live(unheard_bans()),
        added_unheard(),
    ]
}

/// The next call of a command is carried out, and its answer is lost.
fn unheard(command: &'static str) -> Happens {
    chat(move |world, now| {
        let (on, kind) = (command.to_owned(), FaultKind::ApplyThenDropReply);
        world.inject(now, Fault { on, times: Some(1), kind });
    })
}

fn unheard_bans() -> Scene {
    let rules = [
        on_word("go", r#"{ ban = { for = "10m" } }, { send_message = { text = "banned" } }"#),
        on_word("quiet", r#""mute_all""#),
        on_word("free", r#"{ unban = { who = "mel" } }, "unmute_all""#),
    ];
    let script = vec![
        (0, joins("mel")),
        (0, unheard("ban_group_member")),
        (0, unheard("modify_group_base_info")),
        (1, says("mel", "go")),
        (60, says("olga", "quiet")),
        (299, unheard("unban_group_member")),
        (299, unheard("modify_group_base_info")),
        (300, says("olga", "free")),
    ];
    scene("bans whose answers are lost", &rules.concat(), script, 900)
}

fn added_unheard() -> Scene {
    let rules = on_go(
        r#"{ add_members = { members = ["dora", "eve"] } }, { set_name_card = { text = "host" } }"#,
    );
    let script = vec![
        (0, unheard("add_group_member")),
        (0, unheard("modify_group_member_info")),
        (1, says("ben", "go")),
    ];
    scene("an addition whose answer is lost", &rules, script, 600)
}

fn renewed() -> Scene {
    let mute = on_go(r#"{ mute = { for = "25m" } }"#);
    let longest_mute = Some(Duration::from_secs(600));
    let script = vec![(0, says("ben", "go"))];
    Scene { longest_mute, ..scene("a mute that Chat takes only in parts", &mute, script, 2_400) }
}
