//! The shipped rules, read as the service reads them.

use std::path::PathBuf;
use std::time::Duration;

use groupkeeper::chat::{GroupType, Role};
use groupkeeper::clock::Timestamp;
use groupkeeper::rule::diagnostic::{Level, render_all};
use groupkeeper::rule::model::{Action, Each, Missed, MuteTime, Rule, Successor, Timing, Trigger};
use groupkeeper::rule::{self, EventKind, Reading, RuleId};

/// 2026-11-20 12:00 in Shanghai.
const NOON: Timestamp = Timestamp(1_795_147_200_000);

/// The rule files of `rules/`, sorted by name, without the tests beside them.
pub fn shipped() -> Vec<(String, String)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("rules");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), path))
        .filter(|(name, _)| name.ends_with(".toml") && !name.ends_with(".test.toml"))
        .map(|(name, path)| (format!("rules/{name}"), std::fs::read_to_string(path).unwrap()))
        .collect();
    files.sort();
    files
}

fn read() -> Reading {
    rule::read(shipped(), Some(NOON))
}

fn rule<'a>(reading: &'a Reading, id: &str) -> &'a Rule {
    reading.rules.get(&RuleId::from(id)).unwrap()
}

#[test]
fn the_shipped_rules_have_neither_mistakes_nor_warnings() {
    let reading = read();
    let found: Vec<_> =
        reading.diagnostics.iter().filter(|told| told.level != Level::Note).cloned().collect();
    assert!(found.is_empty(), "{}", render_all(&found, false));
}

#[test]
fn rules_run_in_the_order_of_files_and_of_places_in_them() {
    let reading = read();
    let ids: Vec<_> = reading.rules.rules().iter().map(|rule| rule.id.as_str()).collect();
    let expected = ["keep-groups-owned", "nightly-sweep", "promote-staff", "quiet-flooders"];
    assert_eq!(ids, expected);
}

#[test]
fn a_schedule_tells_its_next_three_runs_in_its_own_time_zone() {
    let notes: Vec<_> = read().diagnostics.iter().map(|note| note.render(false)).collect();
    assert_eq!(
        notes,
        ["note[R301]: nightly-sweep runs next at 2026-11-21 04:00, 2026-11-22 04:00, \
          2026-11-23 04:00 (Asia/Shanghai)"]
    );
}

#[test]
fn promote_staff_is_read_as_written() {
    let reading = read();
    let rule = rule(&reading, "promote-staff");
    assert!(matches!(&rule.trigger, Trigger::On(kinds) if kinds == &[EventKind::MemberJoined]));
    let types =
        [GroupType::Public, GroupType::Meeting, GroupType::Community, GroupType::AVChatRoom];
    assert_eq!(rule.scope.types, types);
    assert_eq!(rule.when.as_ref().unwrap().text(), "member.id.startsWith(\"staff_\")");
    let [step] = rule.steps.as_slice() else { panic!("{:?}", rule.steps) };
    assert!(matches!(step.action, Action::SetRole { who: None, role: Role::Admin, time: None }));
    assert_eq!((&*step.place.file, step.place.line), ("rules/promote_staff.toml", 8));
}

#[test]
fn quiet_flooders_is_read_as_written() {
    let reading = read();
    let rule = rule(&reading, "quiet-flooders");
    let count = rule.count.as_ref().unwrap();
    assert_eq!(count.each, [Each::Group, Each::Member]);
    assert_eq!((count.within, count.threshold), (Duration::from_secs(10), 6));
    assert_eq!(rule.cooldown.as_ref().unwrap().time, Duration::from_secs(60));
    let [mute, message] = rule.steps.as_slice() else { panic!("{:?}", rule.steps) };
    let Action::Mute { who: None, ladder, reason } = &mute.action else { panic!("{mute:?}") };
    let minutes = |minutes: u64| MuteTime::For(Duration::from_secs(minutes * 60));
    assert_eq!(ladder.steps, [minutes(5), minutes(30), minutes(360)]);
    assert_eq!(ladder.forget_after, Some(Duration::from_secs(7 * 86_400)));
    assert_eq!(reason.as_ref().unwrap().text(), "flooding");
    let Action::SendMessage { text, from: None } = &message.action else { panic!("{message:?}") };
    assert_eq!(text.text(), "{member.id} is muted for {mute.for}: {mute.reason}");
}

#[test]
fn keep_groups_owned_is_read_as_written() {
    let reading = read();
    let owned = rule(&reading, "keep-groups-owned");
    assert_eq!(owned.wait, Some(Duration::from_secs(120)));
    let Action::TransferOwner { to, except, alert_if_none } = &owned.steps[0].action else {
        panic!("{:?}", owned.steps)
    };
    assert_eq!(to, &[Successor::LongestServingAdmin, Successor::LongestServingMember]);
    assert_eq!(except.as_ref().unwrap().text(), "candidate.id.startsWith(\"bot_\")");
    assert!(alert_if_none);

    let sweep = rule(&reading, "nightly-sweep");
    let Trigger::Schedule(schedule) = &sweep.trigger else { panic!("{:?}", sweep.trigger) };
    assert!(matches!(&schedule.timing, Timing::Cron(crontab) if crontab.text() == "0 4 * * *"));
    assert_eq!((schedule.missed, schedule.for_each_group), (Missed::Once, true));
    assert_eq!(schedule.max_late, Some(Duration::from_secs(6 * 3_600)));
}
