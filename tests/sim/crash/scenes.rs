//! The stories that are stopped everywhere: each promise of the bot once, as a list of what happens when.
//! What operators do is in `by_hand`, what the bot finds out by itself and the rarer actions in `found`.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use groupkeeper::chat::{Account, GroupId, GroupType, Role};
use groupkeeper::clock::Timestamp;
use groupkeeper::pipeline::{Fate, Which};
use groupkeeper::simulator::{NewGroup, World};

use super::{by_hand, found};
use crate::bot::Bot;
use crate::disk::Disk;
use crate::weather::{Trouble, Weather};

pub const CATS: &str = "@TGS#cats";

/// Something that is done to a part of the simulation, at a time.
type Done<T> = Arc<dyn Fn(&mut T, Timestamp) + Send + Sync>;

/// An order that is under way; it panics when it is not taken.
pub type Ordering<'b> = Pin<Box<dyn Future<Output = ()> + Send + 'b>>;

/// Something that happens in Chat, to the way there, or where the bot runs.
#[derive(Clone)]
pub enum Happens {
    InChat(Done<World>),
    OnTheWay(Done<Weather>),
    ToTheDisk(Done<Disk>),
    /// Somebody saves this as the file of rules.
    Saved(&'static str),
    /// An operator gives an order, and gives it again where no answer comes.
    ByHand(Arc<dyn for<'b> Fn(&'b Bot) -> Ordering<'b> + Send + Sync>),
}

/// One story.
pub struct Scene {
    pub name: &'static str,
    pub rules: String,
    pub kind: GroupType,
    /// Before callbacks are switched on.
    pub asks: bool,
    /// The rules are read from a directory.
    pub saves: bool,
    /// Groups are compared with Chat when the bot starts, and every so many seconds.
    pub compared: Option<u64>,
    /// The longest mute that Chat takes.
    pub longest_mute: Option<Duration>,
    /// Seconds from the beginning, and what happens then.
    pub script: Vec<(u64, Happens)>,
    /// Seconds that the story takes until everything has come to its end.
    pub lasts: u64,
}

pub fn chat(act: impl Fn(&mut World, Timestamp) + Send + Sync + 'static) -> Happens {
    Happens::InChat(Arc::new(act))
}

pub fn says(who: &'static str, text: &'static str) -> Happens {
    chat(move |world, now| drop(world.say(now, &cats(), &who.into(), text)))
}

pub fn joins(who: &'static str) -> Happens {
    chat(move |world, now| drop(world.join(now, &cats(), &who.into())))
}

pub fn leaves(who: &'static str) -> Happens {
    chat(move |world, now| drop(world.leave(now, &cats(), &who.into())))
}

pub fn meets(trouble: Trouble, seconds: u64) -> Happens {
    Happens::OnTheWay(Arc::new(move |weather, now| {
        weather.bursts.push((trouble, now + Duration::from_secs(seconds), 1_000));
    }))
}

fn disk_full(seconds: u64) -> Happens {
    Happens::ToTheDisk(Arc::new(move |disk, now| {
        disk.refuse_until(now + Duration::from_secs(seconds));
    }))
}

/// An operator's order, as a closure that gives it.
pub fn order(give: impl for<'b> Fn(&'b Bot) -> Ordering<'b> + Send + Sync + 'static) -> Happens {
    Happens::ByHand(Arc::new(give))
}

fn released(rule: &'static str) -> Happens {
    order(move |bot| {
        Box::pin(async move {
            let which = Which::Rule(rule.into());
            bot.engine.pipeline.settle_held(&which, Fate::Release).await.unwrap();
        })
    })
}

pub fn cats() -> GroupId {
    GroupId::from(CATS)
}

/// The group of every story: olga owns it, ada is an admin, ann came before ben.
pub fn found(world: &mut World, now: Timestamp, kind: GroupType) {
    let mut group = NewGroup::new(CATS, kind, "olga", &[]);
    let role = if kind == GroupType::Work { Role::Member } else { Role::Admin };
    for (days, (account, role)) in
        [("ben", Role::Member), ("ann", Role::Member), ("ada", role)].into_iter().enumerate()
    {
        let joined = now - Duration::from_secs(86_400 * (days as u64 + 1));
        group.members.push((Account::from(account), role, joined));
    }
    world.create_group(now, group);
}

pub fn scene(name: &'static str, rules: &str, script: Vec<(u64, Happens)>, lasts: u64) -> Scene {
    Scene {
        name,
        rules: rules.to_owned(),
        kind: GroupType::Public,
        asks: false,
        saves: false,
        compared: None,
        longest_mute: None,
        script,
        lasts,
    }
}

pub fn on_go(actions: &str) -> String {
    on_word("go", actions)
}

/// A rule that does this when somebody says the word; it is called so.
pub fn on_word(word: &str, actions: &str) -> String {
    format!(
        "[rule.{word}]\non = \"message.sent\"\nwhen = 'message.text == \"{word}\"'\ndo = [{actions}]\n"
    )
}

/// All stories.
pub fn scenes() -> Vec<Scene> {
    let mut all = people();
    all.extend(sanctions());
    all.extend(time());
    all.extend(troubles());
    all.extend(by_hand::scenes());
    all.extend(found::scenes());
    all
}

fn people() -> Vec<Scene> {
    let shipped = include_str!("../../../rules/promote_staff.toml");
    let owned = include_str!("../../../rules/keep_groups_owned.toml");
    let greet = r#"
[rule.greet]
on = "member.joined"
once = { each = ["group", "member"] }
do = [{ notify_group = { text = "{member.id} is here" } }, { send_private = { to = "{member.id}", text = "welcome" } }, { set_name_card = { text = "new" } }]
"#;
    let comes_and_goes = vec![(0, joins("dora")), (2, leaves("dora")), (5, joins("dora"))];
    let owner_leaves = vec![(0, leaves("olga"))];
    vec![
        scene(
            "staff become admins",
            shipped,
            vec![(0, joins("staff_lin")), (1, joins("guest")), (1, joins("staff_mei"))],
            60,
        ),
        scene("who comes back is greeted once", greet, comes_and_goes, 60),
        Scene {
            kind: GroupType::Work,
            ..scene("the group gets a new owner", owned, owner_leaves, 300)
        },
        Scene {
            kind: GroupType::Work,
            ..scene(
                "a candidate leaves while Chat is asked",
                owned,
                vec![(0, leaves("olga")), (119, leaves("ada")), (121, leaves("ann"))],
                600,
            )
        },
        scene(
            "a chain of steps",
            &on_go(
                r#"{ set_role = { role = "admin" } }, { send_message = { text = "{member.id} is admin" } }, { set_group = { notification = "by {member.id}" } }, { notify_group = { text = "done" } }"#,
            ),
            vec![(0, says("ben", "go"))],
            60,
        ),
        scene(
            "who is removed twice is removed once",
            &on_go(
                r#"{ remove_member = { reason = "go" } }, { add_members = { members = ["dora"] } }, { recall_message = {} }"#,
            ),
            vec![(0, says("ben", "go"))],
            60,
        ),
    ]
}

fn sanctions() -> Vec<Scene> {
    let shipped = include_str!("../../../rules/quiet_flooders.toml");
    let flood = |from: u64| (0..6).map(move |number| (from + number, says("ben", "again")));
    let ladder = flood(0).chain(flood(90)).chain(flood(400)).collect();
    let climbs = shipped.replace(r#"["5m", "30m", "6h"]"#, r#"["1m", "3m", "4m"]"#);
    let duty = on_go(r#"{ set_role = { role = "admin", for = "10m" } }"#);
    let hush = on_go(r#"{ mute = { for = ["10m", "2m"], reason = "go" } }"#);
    let ended = "[rule.over]\non = \"mute.ended\"\ndo = [{ send_message = { text = \"{member.id} may speak\" } }]\n";
    let again = vec![(0, says("ben", "go")), (700, says("ben", "go")), (705, says("ann", "go"))];
    vec![
        scene("a flood is muted and the mute ends", shipped, flood(0).collect(), 600),
        scene("the ladder is climbed", &climbs, ladder, 900),
        scene(
            "a temporary role is taken back",
            &duty,
            vec![(0, says("ben", "go")), (300, says("ben", "go"))],
            1_500,
        ),
        scene("a mute ends and a rule hears of it", &format!("{hush}{ended}"), again, 2_000),
        scene(
            "everybody is muted for a while",
            &on_go(r#"{ mute_all = { for = "5m" } }, { send_message = { text = "quiet" } }"#),
            vec![(0, says("ben", "go")), (100, says("ann", "go")), (101, says("ada", "go"))],
            900,
        ),
        scene(
            "who is muted leaves and comes back",
            &hush,
            vec![(0, says("ben", "go")), (60, leaves("ben")), (120, joins("ben"))],
            900,
        ),
        Scene {
            kind: GroupType::AVChatRoom,
            ..scene(
                "a ban",
                &on_go(r#"{ ban = { for = "5m" } }"#),
                vec![(0, joins("mel")), (1, says("mel", "go"))],
                600,
            )
        },
    ]
}

fn time() -> Vec<Scene> {
    let wait = r#"
[rule.later]
on = "member.joined"
wait = "2m"
do = [{ send_message = { text = "{member.id} has stayed" } }, { set_role = { role = "admin" } }]
"#;
    let sweep = r#"
[rule.bell]
schedule = { every = "10m", missed = "once" }
for_each = "group"
do = [{ notify_group = { text = "ding at {now}" } }, { set_group = { notification = "rung" } }]
"#;
    let asked = r#"
[rule.words]
on = "message.sending"
when = 'message.text.contains("casino")'
do = [{ reject = { text = "no", code = 10101 } }, { remember = { each = ["group", "member"], key = "rude", for = "10m" } }, { notify_group = { text = "{member.id} was rude" } }]

[rule.stars]
on = "message.sending"
when = 'memory.rude != ""'
do = [{ replace_text = { text = "***" } }]
"#;
    let held = r#"
[rule.ping]
on = "message.sent"
when = 'message.text == "ping"'
limit = { actions = 2, per = "10m", then = "hold" }
do = [{ mute = { for = "5m" } }, { notify_group = { text = "pong for {member.id}" } }]
"#;
    let pings = vec![(0, says("ann", "ping")), (1, says("ben", "ping")), (60, released("ping"))];
    vec![
        scene(
            "a wait",
            wait,
            vec![(0, joins("dora")), (10, joins("eve")), (60, leaves("eve"))],
            300,
        ),
        scene("a sweep of a schedule", sweep, vec![(0, says("ann", "hi"))], 2_000),
        Scene {
            asks: true,
            ..scene(
                "a question, with a memory",
                asked,
                vec![(0, says("ben", "casino")), (5, says("ben", "hi")), (6, says("ann", "hi"))],
                60,
            )
        },
        scene("held, and released by hand", held, pings, 900),
    ]
}

fn troubles() -> Vec<Scene> {
    let notify =
        on_go(r#"{ notify_group = { text = "once" } }, { send_message = { text = "after it" } }"#);
    let mute = on_go(r#"{ mute = { for = "10m" } }, { send_message = { text = "muted" } }"#);
    let bell = r#"
[rule.bell]
schedule = { every = "5m", missed = "once" }
for_each = "group"
do = [{ notify_group = { text = "five minutes" } }]
"#;
    let speaks_when_full = vec![(0, says("ben", "hi")), (290, disk_full(30))];
    vec![
        scene("a firing while the disk is full", bell, speaks_when_full, 700),
        scene(
            "an answer that is lost",
            &mute,
            vec![(0, meets(Trouble::LostReply, 20)), (1, says("ben", "go"))],
            1_500,
        ),
        scene(
            "a notification whose answer is lost",
            &notify,
            vec![(0, meets(Trouble::LostReply, 20)), (1, says("ben", "go"))],
            600,
        ),
        scene(
            "a 502 that had worked",
            &mute,
            vec![(0, meets(Trouble::BadGatewayApplied, 20)), (1, says("ben", "go"))],
            1_500,
        ),
        scene(
            "Chat is away for ten minutes",
            &mute,
            vec![
                (0, meets(Trouble::Unreachable, 600)),
                (1, says("ben", "go")),
                (2, says("ann", "go")),
            ],
            3_000,
        ),
        scene(
            "Chat refuses",
            &mute,
            vec![(0, meets(Trouble::Code(10_007), 20)), (1, says("ben", "go"))],
            900,
        ),
        scene(
            "a code that nobody documented, until it is given up",
            &mute,
            vec![(0, meets(Trouble::Code(99_999), 3_000)), (1, says("ben", "go"))],
            6_000,
        ),
    ]
}
