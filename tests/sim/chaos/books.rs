//! The rules of the runs: the shipped ones, presets, and some made to meet each other.

use std::sync::{Arc, OnceLock};

use groupkeeper::authoring::presets::PRESETS;
use groupkeeper::rule::{RuleSet, read};

const SHIPPED: [(&str, &str); 3] = [
    ("promote_staff.toml", include_str!("../../../rules/promote_staff.toml")),
    ("quiet_flooders.toml", include_str!("../../../rules/quiet_flooders.toml")),
    ("keep_groups_owned.toml", include_str!("../../../rules/keep_groups_owned.toml")),
];

/// Sanctions that begin anew while they run, by one rule and by two.
const SANCTIONS: &str = r#"
[rule.hush]
on = "message.sent"
when = 'message.text == "hush"'
do = [{ mute = { for = ["10m", "3m", "30m"], forget_after = "1h", reason = "hush" } }, { send_message = { text = "{member.id} {mute.for}" } }]

[rule.hush-longer]
on = "message.sent"
when = 'message.text == "casino"'
do = [{ mute = { for = "20m", reason = "casino" } }]

[rule.silence]
on = "message.sent"
when = 'message.text == "!silence"'
do = [{ mute_all = { for = "10m" } }]

[rule.duty]
on = "message.sent"
when = 'message.text == "!duty"'
unless = 'member.role == "owner"'
do = [{ set_role = { role = "admin", for = "15m" } }]

[rule.over]
on = "mute.ended"
do = [{ notify_group = { text = "{member.id} may speak again: {event.reason}" } }]
"#;

/// Waits, memory, limits, rules in shadow, and rules that our own calls could start.
const MEMORY: &str = r#"
[rule.greet]
on = "member.joined"
once = { each = ["group", "member"], per = "30m" }
do = [{ send_private = { to = "{member.id}", text = "welcome to {group.id}" } }, { notify_group = { text = "{member.id} is here" } }]

[rule.later]
on = "member.joined"
wait = "5m"
do = [{ send_message = { text = "{member.id} has been here for five minutes" } }]

[rule.ping]
on = "message.sent"
when = 'message.text == "ping"'
limit = { actions = 4, per = "10m", then = "hold" }
do = [{ notify_group = { text = "pong {event.time}" } }]

[rule.new-admin]
on = "member.role_changed"
do = [{ send_message = { text = "{member.id} is {event.role} now" } }]

[rule.raise]
on = "message.sent"
when = 'message.text == "raise"'
do = [{ set_role = { role = "admin" } }]

[rule.would-remove]
on = "message.sent"
when = 'message.text.contains("casino")'
mode = "shadow"
do = [{ mute = { for = "5m" } }, { remove_member = { reason = "casino" } }, { send_message = { text = "out" } }]

[rule.strike]
on = "message.sent"
when = 'message.text == "hush" && memory.strike == ""'
do = [{ remember = { each = ["group", "member"], key = "strike", for = "20m" } }, { send_message = { text = "first strike of {member.id}" } }]

[rule.strike-out]
on = "message.sent"
when = 'message.text == "hush" && memory.strike != ""'
cooldown = { each = ["group", "member"], for = "1m" }
do = [{ remove_member = { reason = "second strike" } }, { send_message = { text = "{member.id} is out" } }]
"#;

/// What Chat asks, what the clock starts, and what a busy group gets for it.
const ASKED: &str = r#"
[rule.words]
on = "message.sending"
when = 'message.text.contains("casino")'
do = [{ reject = { text = "no {member.id}", code = 10101 } }, { remember = { each = ["group", "member"], key = "rude", for = "10m" } }, { notify_group = { text = "{member.id} was rude" } }]

[rule.stars]
on = "message.sending"
when = 'memory.rude != ""'
do = [{ replace_text = { text = "***" } }]

[rule.ask-in]
on = "join.requested"
when = 'member.id.startsWith("bot_")'
do = [{ reject = { text = "no bots" } }]

[rule.hourly]
schedule = { every = "20m", missed = "once", max_late = "2h" }
for_each = "group"
when = 'group.owner == ""'
do = [{ transfer_owner = { to = ["longest_serving_admin", "longest_serving_member"], if_none = "alert" } }]

[rule.bell]
schedule = { every = "15m", missed = "skip" }
for_each = "group"
do = [{ notify_group = { text = "a quarter of an hour in {group.id}" } }]

[rule.echo]
on = "message.sent"
when = 'message.text == "again"'
do = [{ send_message = { text = "{member.id} says it again" } }]

[rule.owner-leaves]
on = ["owner.left", "group.ownerless"]
wait = "1m"
do = [{ transfer_owner = { to = ["account:ann", "most_recently_active", "longest_serving_member"], if_none = "alert" } }, { send_message = { text = "a new owner" } }]
"#;

/// Files as the reader of a directory gives them: by name.
fn parsed(mut files: Vec<(String, String)>) -> Arc<RuleSet> {
    files.sort();
    let reading = read(files, None);
    assert!(!reading.has_errors(), "{:#?}", reading.diagnostics);
    Arc::new(reading.rules)
}

fn file(name: &str, text: &str) -> (String, String) {
    (name.to_owned(), text.to_owned())
}

/// All books, read once.
pub fn books() -> &'static [Arc<RuleSet>] {
    static BOOKS: OnceLock<Vec<Arc<RuleSet>>> = OnceLock::new();
    BOOKS.get_or_init(|| {
        let shipped = SHIPPED.map(|(name, text)| file(name, text)).to_vec();
        let presets = PRESETS
            .iter()
            .map(|preset| file(&format!("{}.toml", preset.name), preset.rules))
            .collect();
        let made = [file("a.toml", SANCTIONS), file("b.toml", MEMORY), file("c.toml", ASKED)];
        let mut books = vec![parsed(shipped), parsed(presets)];
        books.extend(made.iter().map(|one| parsed(vec![one.clone()])));
        books.push(parsed(made.to_vec()));
        books
    })
}

fn holds(book: usize, rule: &str) -> bool {
    books()[book].rules().iter().any(|known| known.id.as_str() == rule)
}

/// Whether a book holds the shipped rule that finds owners for groups without one.
pub fn keeps_groups_owned(book: usize) -> bool {
    holds(book, "keep-groups-owned")
}

/// The same for rooms.
pub fn keeps_rooms_owned(book: usize) -> bool {
    holds(book, "room-succession")
}
