//! What reading makes of rule files: every key, both spellings of `do`, several files, any garbage.

use std::time::Duration;

use groupkeeper::chat::{Account, GroupId, GroupType, Role};
use groupkeeper::clock::Timestamp;
use groupkeeper::rule::diagnostic::{Level, render_all};
use groupkeeper::rule::model::{
    Action, Each, ImportedMember, MessageReceiving, Missed, Mode, MuteTime, Rule, Successor,
    Timing, Trigger,
};
use groupkeeper::rule::{self, EventKind, Reading};
use proptest::prelude::*;

use crate::{bad_rules, rule_files};

fn file(name: &str, text: &str) -> (String, String) {
    (name.to_owned(), text.to_owned())
}

fn read(text: &str) -> Reading {
    rule::read(vec![file("rules/a.toml", text)], None)
}

/// The only rule of a text without errors.
fn only(text: &str) -> std::sync::Arc<Rule> {
    let reading = read(text);
    assert!(!reading.has_errors(), "{}", render_all(&reading.diagnostics, false));
    let [rule] = reading.rules.rules() else { panic!("{:?}", reading.rules) };
    rule.clone()
}

fn codes(reading: &Reading) -> Vec<&'static str> {
    reading.diagnostics.iter().map(|told| told.code.0).collect()
}

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn every_key_of_a_rule_is_read() {
    let rule = only(
        r#"
        [rule.full]
        title = "all of it"
        notes = "for people"
        tags = ["a", "b"]
        on = ["message.sent", "message.failed"]
        in = { groups = ["@TGS#1*"], types = ["Public", "ChatRoom"], except = ["@TGS#13"] }
        when = 'member.role == "member" && count > 1'
        unless = "member.muted"
        count = { each = ["app"], within = "1m", at_least = 3 }
        once = { each = ["group"], per = "24h" }
        cooldown = { each = ["member"], for = "2m" }
        wait = "3m"
        stop = true
        mode = "shadow"
        do = [{ alert = { text = "{count} from {member.id}" } }]
        "#,
    );
    assert_eq!(rule.id.as_str(), "full");
    assert_eq!(rule.title.as_deref(), Some("all of it"));
    assert_eq!(rule.notes.as_deref(), Some("for people"));
    assert_eq!(rule.tags, ["a", "b"]);
    let Trigger::On(kinds) = &rule.trigger else { panic!("{:?}", rule.trigger) };
    assert_eq!(kinds, &[EventKind::MessageSent, EventKind::MessageFailed]);
    let selects = |id: &str, kind| rule.scope.selects(&GroupId::from(id), Some(kind));
    assert!(selects("@TGS#12", GroupType::Meeting) && !selects("@TGS#12", GroupType::Work));
    assert!(!selects("@TGS#13", GroupType::Public) && !selects("@TGS#2", GroupType::Public));
    assert_eq!(rule.when.as_ref().unwrap().clauses().len(), 2);
    assert_eq!(rule.unless.as_ref().unwrap().text(), "member.muted");
    let count = rule.count.as_ref().unwrap();
    assert_eq!(
        (count.each.as_slice(), count.within, count.threshold),
        (&[Each::App][..], MINUTE, 3)
    );
    let once = rule.once.as_ref().unwrap();
    assert_eq!((once.each.as_slice(), once.per), (&[Each::Group][..], Some(MINUTE * 1_440)));
    assert_eq!(rule.cooldown.as_ref().unwrap().time, MINUTE * 2);
    assert_eq!(rule.wait, Some(MINUTE * 3));
    assert!(rule.stop && !rule.allow_protected && !rule.on_own);
    assert_eq!(rule.mode, Mode::Shadow);
    assert_eq!((&*rule.place.file, rule.place.line), ("rules/a.toml", 2));
}

#[test]
fn what_is_left_out_has_the_documented_default() {
    let rule = only("[rule.a]\nschedule = { every = \"1h\" }\nstop = true\n");
    let Trigger::Schedule(schedule) = &rule.trigger else { panic!("{:?}", rule.trigger) };
    assert!(matches!(schedule.timing, Timing::Every(time) if time == MINUTE * 60));
    assert_eq!((schedule.missed, schedule.max_late), (Missed::Once, None));
    assert!(!schedule.for_each_group);
    assert_eq!(rule.mode, Mode::Enforce);
    assert!(rule.scope.selects(&GroupId::from("any"), Some(GroupType::Work)));
}

#[test]
fn both_spellings_of_do_are_the_same() {
    let head = "[rule.a]\non = \"message.sent\"\n";
    let inline = only(&format!(
        "{head}do = [{{ mute = {{ for = [\"5m\", \"forever\"] }}, continue = true }}, \"unmute\"]"
    ));
    let tables = only(&format!(
        "{head}[[rule.a.do]]\nmute = {{ for = [\"5m\", \"forever\"] }}\ncontinue = true\n[[rule.a.do]]\nunmute = {{}}\n"
    ));
    for rule in [inline, tables] {
        let [mute, unmute] = rule.steps.as_slice() else { panic!("{:?}", rule.steps) };
        let Action::Mute { who: None, ladder, reason: None } = &mute.action else {
            panic!("{mute:?}")
        };
        assert_eq!(ladder.steps, [MuteTime::For(MINUTE * 5), MuteTime::Forever]);
        assert!(mute.continue_on_refusal && !unmute.continue_on_refusal);
        assert!(matches!(unmute.action, Action::Unmute { who: None }));
    }
}

#[test]
fn every_action_is_read_with_its_fields() {
    let rule = only(
        r#"
        [rule.a]
        on = "member.joined"
        do = [
          { set_role = { who = "bob", role = "member", for = "1h" } },
          { set_name_card = { text = "new: {member.id}" } },
          { set_message_receiving = { mode = "Discard" } },
          { set_member_fields = { fields = { Level = "1", From = "{event.join_type}" } } },
          { transfer_owner = { to = ["account:olga", "most_recently_active"] } },
          { import_members = { members = [
            { id = "ann", role = "admin", joined_at = 2026-01-31T08:00:00Z, unread = 3 },
            { id = "bob", joined_at = 1769846400 },
          ] } },
          { send_message = { text = "welcome", from = "host" } },
        ]
        "#,
    );
    let actions: Vec<_> = rule.steps.iter().map(|step| &step.action).collect();
    let Action::SetRole { who: Some(who), role: Role::Member, time } = actions[0] else { panic!() };
    assert_eq!((who.text(), *time), ("bob", Some(MINUTE * 60)));
    let Action::SetNameCard { who: None, text } = actions[1] else { panic!() };
    assert_eq!(text.text(), "new: {member.id}");
    let Action::SetMessageReceiving { mode, .. } = actions[2] else { panic!() };
    assert_eq!(*mode, MessageReceiving::Discard);
    let Action::SetMemberFields { fields, .. } = actions[3] else { panic!() };
    let fields: Vec<_> = fields.iter().map(|(key, text)| (key.as_str(), text.text())).collect();
    assert_eq!(fields, [("Level", "1"), ("From", "{event.join_type}")]);
    let Action::TransferOwner { to, except: None, alert_if_none: false } = actions[4] else {
        panic!()
    };
    assert_eq!(to, &[Successor::Account(Account::from("olga")), Successor::MostRecentlyActive]);
    let Action::ImportMembers { members } = actions[5] else { panic!() };
    let member = |id: &str, admin, unread| ImportedMember {
        id: Account::from(id),
        admin,
        joined_at: Some(1_769_846_400),
        unread,
    };
    assert_eq!(members, &[member("ann", true, Some(3)), member("bob", false, None)]);
    let Action::SendMessage { from, .. } = actions[6] else { panic!() };
    assert_eq!(from, &Some(Account::from("host")));
}

#[test]
fn an_id_in_two_files_is_told_with_both_places() {
    let text = "[rule.same]\non = \"message.sent\"\nstop = true\n";
    let reading = rule::read(vec![file("a.toml", text), file("b.toml", text)], None);
    assert_eq!(
        render_all(&reading.diagnostics, false),
        "\
error[R007]: there are two rules `same`
 --> b.toml:1:7
  |
1 | [rule.same]
  |       ^^^^ again here
  |
 ::: a.toml:1:7
  |
1 | [rule.same]
  |       ---- first here
  |
  = help: an id is unique over all files: rename one of the two
"
    );
}

#[test]
fn a_file_that_is_not_toml_does_not_hide_the_mistakes_of_others() {
    let files = vec![
        file("a.toml", "[rule.a\n"),
        file("b.toml", "[rule.b]\non = \"message.sent\"\nstopp = true\n"),
        file("c.toml", "[rule.c]\non = \"message.sent\"\nstop = true\n"),
    ];
    let reading = rule::read(files, None);
    assert_eq!(codes(&reading), ["R005", "R050"]);
    let ids: Vec<_> = reading.rules.rules().iter().map(|rule| rule.id.as_str()).collect();
    assert_eq!(ids, ["c"]);
}

#[test]
fn warnings_leave_the_rule_as_it_is() {
    let reading = read(
        "[rule.a]\non = \"message.sent\"\nwhen = 'member.role == \"boss\"'\nallow_protected = true\nstop = true\n",
    );
    assert_eq!(codes(&reading), ["R028", "R101"]);
    assert!(reading.has_warnings() && !reading.has_errors());
    assert_eq!(reading.rules.rules().len(), 1);
}

#[test]
fn the_runs_of_an_interval_are_counted_from_1970() {
    let text = "[rule.a]\nschedule = { every = \"90s\" }\ndo = [{ alert = { text = \"tick\" } }]\n";
    let reading = rule::read(vec![file("a.toml", text)], Some(Timestamp(100_000)));
    assert_eq!(
        render_all(&reading.diagnostics, false),
        "note[R301]: a runs next at 1970-01-01 00:03, 1970-01-01 00:04:30, 1970-01-01 00:06 (UTC)\n"
    );
}

#[test]
fn an_empty_file_and_no_files_have_no_rules_and_no_mistakes() {
    assert!(read("").diagnostics.is_empty());
    assert!(rule::read(Vec::new(), None).rules.rules().is_empty());
}

#[test]
fn brackets_nested_without_end_are_refused() {
    let reading = read(&format!("a = {}\n", "[".repeat(100_000)));
    assert!(reading.has_errors());
}

/// Rule files to begin with: the shipped ones and the bad ones.
fn originals() -> Vec<(String, String)> {
    rule_files::shipped().into_iter().chain(bad_rules::all()).collect()
}

/// Pieces that matter to TOML, conditions, texts and crontab.
const PIECES: [&str; 24] = [
    "\"",
    "'",
    "'''",
    "\"\"\"",
    "[",
    "]",
    "{",
    "}",
    "=",
    ",",
    ".",
    "#",
    "\n",
    "\r\n",
    "\\",
    "\0",
    "群",
    "\u{feff}",
    "[rule.x]\n",
    "do",
    "1",
    "-",
    "true",
    "\u{1b}[2J",
];

fn broken(text: &str, edits: &[(prop::sample::Index, u8, prop::sample::Index)]) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for (place, kind, piece) in edits {
        let at = place.index(chars.len() + 1);
        let end = (at + usize::from(*kind)).min(chars.len());
        let insert: Vec<char> = match kind % 3 {
            0 => Vec::new(),
            1 => PIECES[piece.index(PIECES.len())].chars().collect(),
            _ => {
                let from = piece.index(chars.len() + 1);
                chars[from..(from + 12).min(chars.len())].to_vec()
            }
        };
        let removed = if kind % 2 == 0 { at..end } else { at..at };
        chars.splice(removed, insert);
    }
    chars.into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_edit_of_a_rule_file_makes_reading_panic_or_point_outside(
        which in any::<prop::sample::Index>(),
        edits in prop::collection::vec(any::<(prop::sample::Index, u8, prop::sample::Index)>(), 1..6),
    ) {
        let files = originals();
        let (name, text) = &files[which.index(files.len())];
        let text = broken(text, &edits);
        let reading = rule::read(vec![(name.clone(), text.clone())], Some(Timestamp(0)));
        for told in &reading.diagnostics {
            prop_assert!(text.get(told.spot.span()).is_some());
            prop_assert!(!told.message.is_empty());
            let shown = told.render(false);
            prop_assert!(!shown.contains('\u{1b}'), "{shown:?}");
            told.render(true);
            told.to_json();
        }
        let is_error = reading.diagnostics.iter().any(|told| told.level == Level::Error);
        prop_assert_eq!(is_error, reading.has_errors());
    }

    #[test]
    fn what_is_refused_as_toml_is_told_as_a_mistake(
        which in any::<prop::sample::Index>(),
        edits in prop::collection::vec(any::<(prop::sample::Index, u8, prop::sample::Index)>(), 1..4),
    ) {
        let files = originals();
        let text = broken(&files[which.index(files.len())].1, &edits);
        if text.parse::<toml::Table>().is_err() {
            prop_assert!(read(&text).has_errors(), "{text}");
        }
    }
}
