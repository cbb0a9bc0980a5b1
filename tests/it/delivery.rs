//! Delivery against a Chat that answers as it is told: what is joined, split, repeated, refused and stopped.
#![expect(clippy::unwrap_used, reason = "a helper of a test fails by panicking, as the test does")]

use std::collections::{BTreeMap, VecDeque};
use std::future::ready;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arc_swap::ArcSwap;
use groupkeeper::chat::{Account, GroupId, GroupType, Role};
use groupkeeper::clock::{Clock, ManualClock, Timestamp};
use groupkeeper::decision::effect::{GroupFacts, MemberFacts, Outcome};
use groupkeeper::decision::event::Cause;
use groupkeeper::decision::{Decision, Event, EventId, Settings};
use groupkeeper::delivery::{Listener, Scope, Stopped};
use groupkeeper::engine::{Engine, Parts};
use groupkeeper::ledger::Pending;
use groupkeeper::pipeline::{Extra, Observer};
use groupkeeper::rest::client::Calling;
use groupkeeper::rest::reply::{AddResult, GroupItem};
use groupkeeper::rest::{Call, CallError, Chat, Class, Failure, MemberChange, Reply, classify};
use groupkeeper::rule::{EventKind, read};
use groupkeeper::store::MemoryStore;

const NOW: Timestamp = Timestamp(1_767_268_800_000);
const MINUTE: Duration = Duration::from_secs(60);
const MUTE: &str = "modify_group_member_info";
const MUTES: &str = "forbid_send_msg";

/// A Chat that answers as it was told, and otherwise that everything is done.
#[derive(Default)]
struct Script {
    answers: Mutex<BTreeMap<&'static str, VecDeque<Failure>>>,
    refused: Mutex<Vec<Account>>,
    /// What every call is answered with.
    all: Mutex<Option<i64>>,
    asked: Mutex<Vec<Call>>,
    members: Mutex<Vec<MemberFacts>>,
    /// The type of every group.
    kind: Mutex<Option<GroupType>>,
}

impl Script {
    fn then(&self, command: &'static str, failures: impl IntoIterator<Item = Failure>) {
        self.answers.lock().unwrap().entry(command).or_default().extend(failures);
    }

    /// The calls of a command so far.
    fn calls(&self, command: &str) -> Vec<Call> {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|call| call.command() == command).cloned().collect()
    }

    fn count(&self, command: &str) -> usize {
        self.calls(command).len()
    }

    fn answer(&self, call: &Call) -> Result<Reply, CallError> {
        let command = call.command();
        let failed = |failure| Err(CallError { command, failure });
        if let Some(all) = *self.all.lock().unwrap() {
            return failed(code(command, all));
        }
        if let Some(failure) =
            self.answers.lock().unwrap().get_mut(command).and_then(VecDeque::pop_front)
        {
            return match failure {
                // As the client has it: what is so already is done.
                Failure::Chat { class: Class::Done, .. } => Ok(Reply::Done),
                failure => failed(failure),
            };
        }
        let refused = self.refused.lock().unwrap();
        let names = |account: &Account| refused.contains(account);
        match call {
            Call::ForbidSendMsg { members, .. } if members.iter().any(names) => {
                failed(code(command, 10019))
            }
            Call::ModifyGroupMemberInfo { member, .. } if names(member) => {
                failed(code(command, 10019))
            }
            Call::GetGroupInfo { groups } => {
                let kind = *self.kind.lock().unwrap();
                Ok(Reply::Groups(groups.iter().map(|group| item(group, kind)).collect()))
            }
            Call::GetRoleInGroup { accounts, .. } => Ok(Reply::Roles(
                accounts.iter().map(|account| (account.clone(), Role::Member)).collect(),
            )),
            Call::GetSpecifiedGroupMemberInfo { .. } => {
                let members = self.members.lock().unwrap().clone();
                Ok(Reply::Members { total: None, members, next: None })
            }
            Call::GetGroupMutedAccount { .. } => Ok(Reply::Muted(Vec::new())),
            Call::GetAdminList { .. } => Ok(Reply::Admins(Vec::new())),
            Call::GroupMsgRecall { sequences, .. } => {
                Ok(Reply::Recalled(sequences.iter().map(|sequence| (*sequence, 0)).collect()))
            }
            Call::AddGroupMember { members, .. } => Ok(Reply::Added(
                members.iter().map(|account| (account.clone(), AddResult::Added)).collect(),
            )),
            Call::SendGroupMsg { .. } => Ok(Reply::Sent { sequence: Some(1), dropped: None }),
            _ => Ok(Reply::Done),
        }
    }
}

impl Chat for Script {
    fn call<'a>(&'a self, call: &'a Call, _: u32) -> Calling<'a> {
        call.check().unwrap();
        self.asked.lock().unwrap().push(call.clone());
        Box::pin(ready(self.answer(call)))
    }
}

fn item(group: &GroupId, group_type: Option<GroupType>) -> GroupItem {
    let facts = GroupFacts {
        group: group.clone(),
        exists: true,
        group_type,
        name: "cats".to_owned(),
        owner: Some("olga".into()),
        member_count: Some(9),
        created_at: Some(NOW),
        mute_all: None,
        last_message_at: None,
        message_sequence: None,
    };
    GroupItem { group: group.clone(), error: None, facts }
}

fn code(command: &str, code: i64) -> Failure {
    Failure::Chat { code, words: "told".to_owned(), class: classify(command, code) }
}

/// What delivery tells, and what became of effects.
#[derive(Default)]
struct Notes {
    told: Mutex<Vec<String>>,
    outcomes: Mutex<Vec<(String, Outcome)>>,
}

impl Listener for Notes {
    fn tried(&self, _: &Pending, _: Option<&str>) {}
    fn given_up(&self, _: &Pending, why: &str) {
        self.told.lock().unwrap().push(format!("given up: {why}"));
    }
    fn alerted(&self, _: &Pending, _: &str) {}
    fn stopped(&self, stopped: &Stopped) {
        self.told.lock().unwrap().push(format!("stopped: {}", stopped.what.name()));
    }
    fn works_again(&self, stopped: &Stopped) {
        self.told.lock().unwrap().push(format!("works again: {}", stopped.what.name()));
    }
}

impl Observer for Notes {
    fn decided(&self, event: &Event, _: &Decision) {
        if let Cause::Settled { effect, outcome, .. } = &event.cause {
            let outcome = (effect.act.to_string(), outcome.clone());
            self.outcomes.lock().unwrap().push(outcome);
        }
    }
}

/// A bot on a scripted Chat.
struct Bot {
    engine: Engine,
    chat: Arc<Script>,
    clock: Arc<ManualClock>,
    notes: Arc<Notes>,
}

impl Bot {
    fn new(rules: &str) -> Self {
        let reading = read(vec![("rules.toml".to_owned(), rules.to_owned())], None);
        assert!(!reading.has_errors(), "{:#?}", reading.diagnostics);
        let clock = Arc::new(ManualClock::new(NOW));
        let (chat, notes) = (Arc::new(Script::default()), Arc::new(Notes::default()));
        *chat.kind.lock().unwrap() = Some(GroupType::Public);
        let engine = Engine::new(Parts {
            store: Arc::new(MemoryStore::default()),
            rules: Arc::new(ArcSwap::from_pointee(reading.rules)),
            settings: Settings::default(),
            chat: chat.clone(),
            clock: clock.clone(),
            observer: notes.clone(),
            listener: notes.clone(),
        });
        Self { engine: engine.unwrap(), chat, clock, notes }
    }

    async fn takes(&self, event: Event) {
        self.engine.pipeline.process(event, Extra::default()).await.unwrap();
    }

    /// These members join; the effects wait in the outbox.
    async fn join(&self, members: impl IntoIterator<Item = impl AsRef<str>>) {
        for member in members {
            self.takes(joined("@TGS#cats", GroupType::Public, member.as_ref())).await;
        }
    }

    async fn step(&self) {
        self.engine.step().await.unwrap();
    }

    /// Moves the time on, from one thing that is due to the next.
    async fn wait(&self, time: Duration) {
        let end = self.clock.now() + time;
        self.step().await;
        while let Some(due) = self.engine.next_due(end.since(self.clock.now())).unwrap() {
            self.clock.advance(due.since(self.clock.now()).max(Duration::from_millis(1)));
            self.step().await;
        }
        self.clock.advance(end.since(self.clock.now()));
    }

    fn told(&self) -> Vec<String> {
        self.notes.told.lock().unwrap().clone()
    }

    /// What became of the effects whose words begin so.
    fn outcomes(&self, begin: &str) -> Vec<Outcome> {
        let outcomes = self.notes.outcomes.lock().unwrap();
        let ours = outcomes.iter().filter(|(act, _)| act.starts_with(begin));
        ours.map(|(_, outcome)| outcome.clone()).collect()
    }
}

fn joined(group: &str, kind: GroupType, member: &str) -> Event {
    let id = EventId::of(&[group.as_bytes(), member.as_bytes()]);
    let mut event = Event::new(id, Cause::Kind(EventKind::MemberJoined), NOW, "a callback");
    event.group = Some(group.into());
    event.group_type = Some(kind);
    event.member = Some(member.into());
    event
}

fn on_join(actions: &str) -> Bot {
    Bot::new(&format!("[rule.go]\non = \"member.joined\"\ndo = [{actions}]\n"))
}

fn mutes() -> Bot {
    on_join(r#"{ mute = { for = "10m" } }"#)
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|i| format!("user{i}")).collect()
}

fn muted_by(call: &Call) -> usize {
    match call {
        Call::ForbidSendMsg { members, seconds: 600, .. } => members.len(),
        Call::ModifyGroupMemberInfo { change: MemberChange::MuteSeconds(600), .. } => 1,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn mutes_that_wait_behind_each_other_become_one_call_and_each_is_settled() {
    let bot = mutes();
    bot.join(names(7)).await;
    bot.step().await;
    assert_eq!(bot.chat.calls(MUTES).iter().map(muted_by).collect::<Vec<_>>(), [7]);
    assert_eq!(bot.chat.count(MUTE), 0);
    assert_eq!(bot.outcomes("mute "), vec![Outcome::Done; 7]);
}

#[tokio::test]
async fn a_raid_of_600_is_muted_by_two_calls() {
    let bot = mutes();
    bot.join(names(600)).await;
    bot.step().await;
    assert_eq!(bot.chat.calls(MUTES).iter().map(muted_by).collect::<Vec<_>>(), [500, 100]);
    assert_eq!(bot.chat.count(MUTE), 0);
    assert_eq!(bot.outcomes("mute "), vec![Outcome::Done; 600]);
}

#[tokio::test]
async fn one_who_does_not_exist_does_not_keep_the_others_from_being_muted() {
    let bot = mutes();
    bot.chat.refused.lock().unwrap().push("user1".into());
    bot.join(names(3)).await;
    bot.step().await;
    assert_eq!((bot.chat.count(MUTES), bot.chat.count(MUTE)), (1, 3));
    let refused = Outcome::Refused { code: 10019, words: "told".to_owned() };
    assert_eq!(bot.outcomes("mute "), [Outcome::Done, refused, Outcome::Done]);
}

#[tokio::test]
async fn joined_mutes_whose_answer_was_lost_are_verified_one_by_one_and_repeated() {
    let bot = mutes();
    bot.chat.then(MUTES, [Failure::Status(502)]);
    bot.join(names(3)).await;
    bot.wait(MINUTE).await;
    assert_eq!(bot.chat.count("get_group_muted_account"), 3);
    assert_eq!((bot.chat.count(MUTES), bot.chat.count(MUTE)), (1, 3));
    assert_eq!(bot.outcomes("mute "), vec![Outcome::Done; 3]);
}

#[tokio::test]
async fn what_stands_between_two_mutes_is_not_overtaken() {
    let bot = on_join(r#"{ mute = { for = "10m" } }, { send_message = { text = "hush" } }"#);
    bot.join(names(3)).await;
    bot.step().await;
    let asked = bot.chat.asked.lock().unwrap().clone();
    let commands = asked.iter().map(Call::command).filter(|command| !command.starts_with("get_"));
    let expected = [MUTE, "send_group_msg"].repeat(3);
    assert_eq!(commands.collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn removals_of_one_group_become_one_call() {
    let bot = on_join(r#"{ remove_member = { reason = "raid" } }"#);
    bot.join(names(150)).await;
    bot.step().await;
    let removed = bot.chat.calls("delete_group_member").into_iter().map(|call| match call {
        Call::DeleteGroupMember { members, reason, .. } if reason == "raid" => members.len(),
        other => panic!("{other:?}"),
    });
    assert_eq!(removed.collect::<Vec<_>>(), [100, 50]);
    assert_eq!(bot.outcomes("remove "), vec![Outcome::Done; 150]);
}

#[tokio::test]
async fn a_removal_whose_answer_was_lost_is_looked_at_before_it_is_repeated() {
    let removed = on_join(r#"{ remove_member = {} }"#);
    removed.chat.then("delete_group_member", [Failure::Status(502)]);
    removed.join(["ann"]).await;
    removed.wait(MINUTE).await;
    // Chat knows nobody of that name in the group.
    assert_eq!(removed.chat.count("get_specified_group_member_info"), 1);
    assert_eq!(removed.chat.count("delete_group_member"), 1);
    assert_eq!(removed.outcomes("remove "), [Outcome::Done]);
    for (joined_at, calls) in [(NOW, 2), (NOW + 2 * MINUTE, 1)] {
        let there = on_join(r#"{ remove_member = {} }"#);
        there.chat.then("delete_group_member", [Failure::Status(502)]);
        there.chat.members.lock().unwrap().push(MemberFacts {
            account: "ann".into(),
            role: Role::Member,
            joined_at: Some(joined_at),
            name_card: String::new(),
            muted_until: None,
            last_message_at: None,
        });
        there.join(["ann"]).await;
        there.wait(MINUTE).await;
        assert_eq!(there.chat.count("delete_group_member"), calls);
        assert_eq!(there.outcomes("remove "), [Outcome::Done]);
    }
}

#[tokio::test]
async fn a_list_that_chat_finds_too_long_is_halved() {
    let bot = on_join(r#"{ add_members = { members = ["a", "b", "c"] } }"#);
    bot.chat.then("add_group_member", [code("add_group_member", 10005)]);
    bot.join(["ann"]).await;
    bot.step().await;
    let lists = bot.chat.calls("add_group_member").into_iter().map(|call| match call {
        Call::AddGroupMember { members, .. } => members.len(),
        other => panic!("{other:?}"),
    });
    assert_eq!(lists.collect::<Vec<_>>(), [3, 2, 1]);
    assert_eq!(bot.outcomes("add "), [Outcome::Done]);
}

#[tokio::test]
async fn what_a_type_of_group_cannot_do_is_refused_without_a_call() {
    let bot = mutes();
    // Decided while the type was not known, which is in the mirror by the time of sending.
    let mut event = joined("@TGS#crew", GroupType::Work, "ann");
    event.group_type = None;
    bot.takes(event).await;
    bot.takes(joined("@TGS#crew", GroupType::Work, "bob")).await;
    bot.step().await;
    assert_eq!((bot.chat.count(MUTES), bot.chat.count(MUTE)), (0, 0));
    let words = "nobody can be muted in Work groups".to_owned();
    assert_eq!(bot.outcomes("mute "), [Outcome::Refused { code: 0, words }]);
}

#[tokio::test]
async fn a_mute_in_an_avchatroom_goes_by_the_command_that_needs_no_profile() {
    let bot = mutes();
    *bot.chat.kind.lock().unwrap() = Some(GroupType::AVChatRoom);
    bot.takes(joined("@TGS#hall", GroupType::AVChatRoom, "ann")).await;
    bot.step().await;
    assert_eq!((bot.chat.count(MUTES), bot.chat.count(MUTE)), (1, 0));
    assert_eq!(bot.outcomes("mute "), [Outcome::Done]);
}

#[tokio::test]
async fn a_mute_in_a_group_of_unknown_type_is_tried_by_both_commands() {
    let bot = mutes();
    *bot.chat.kind.lock().unwrap() = None;
    bot.chat.then(MUTE, [code(MUTE, 10007)]);
    let event = joined("@TGS#hall", GroupType::AVChatRoom, "ann");
    bot.takes(Event { group_type: None, ..event }).await;
    bot.step().await;
    assert_eq!((bot.chat.count(MUTE), bot.chat.count(MUTES)), (1, 1));
    assert_eq!(bot.outcomes("mute "), [Outcome::Done]);
}

/// One row of the table of codes, seen from outside.
async fn assert_repeated(command_code: i64, within: Duration) {
    let bot = mutes();
    bot.chat.then(MUTE, [code(MUTE, command_code)]);
    bot.join(["ann"]).await;
    bot.wait(within).await;
    assert_eq!(bot.chat.count(MUTE), 2, "{command_code}");
    assert_eq!(bot.outcomes("mute "), [Outcome::Done], "{command_code}");
}

#[tokio::test]
async fn codes_of_overload_and_of_trouble_inside_of_chat_are_tried_again() {
    for repeated in [
        60007, 60008, 60011, 60014, 60018, 60019, 70169, 70202, 70500, 10002, 10006, 10023, 10049,
        10056, 20004, 20005, 20028, 40006, 80003, 90992, 90994, 90995, 91000, 10025, 100_001, 4711,
    ] {
        assert_repeated(repeated, Duration::from_secs(5)).await;
    }
    assert_repeated(70050, 2 * MINUTE).await;
}

#[tokio::test]
async fn codes_that_refuse_are_final_and_told_with_their_words() {
    for refused in [
        60002, 60003, 60009, 60012, 60013, 60015, 70206, 70402, 70107, 10003, 10004, 10005, 10007,
        10009, 10010, 10011, 10012, 10014, 10015, 10016, 10017, 10018, 10019, 10021, 10030, 10031,
        10032, 10033, 10036, 10037, 10038, 10041, 10058, 10060, 10100, 10200, 20001, 20003, 20006,
        20007, 20009, 20012, 38000, 39000, 40003, 80001, 80002, 80004, 90001, 90012, 90048, 90055,
        93000, 100_002, 100_004, 100_005, 100_006, 120_001, 130_000,
    ] {
        let bot = mutes();
        bot.chat.then(MUTE, [code(MUTE, refused)]);
        bot.join(["ann"]).await;
        bot.wait(2 * MINUTE).await;
        assert_eq!(bot.chat.count(MUTE), 1, "{refused}");
        let outcome = Outcome::Refused { code: refused, words: "told".to_owned() };
        assert_eq!(bot.outcomes("mute "), [outcome], "{refused}");
        assert_eq!(bot.told(), Vec::<String>::new(), "{refused}");
    }
}

#[tokio::test]
async fn codes_that_say_it_is_so_already_are_as_good_as_success() {
    for done in [10013, 10024] {
        let bot = mutes();
        bot.chat.then(MUTE, [code(MUTE, done)]);
        bot.join(["ann"]).await;
        bot.step().await;
        assert_eq!(bot.outcomes("mute "), [Outcome::Done], "{done}");
    }
}

#[tokio::test]
async fn codes_of_configuration_stop_the_command_or_the_app_tell_it_once_and_lose_nothing() {
    for (stops, whole_app) in [
        (60006, true),
        (60010, true),
        (60016, true),
        (60017, true),
        (60020, true),
        (60021, true),
        (70009, true),
        (70013, true),
        (70014, true),
        (70016, true),
        (70020, true),
        (70051, true),
        (70114, true),
        (70403, false),
        (90009, false),
        (10026, false),
        (10059, false),
        (11000, false),
        (70398, false),
        (72000, false),
    ] {
        let bot = on_join(r#"{ set_name_card = { text = "new" } }"#);
        bot.chat.then(MUTE, vec![code(MUTE, stops); 2]);
        bot.join(["ann"]).await;
        bot.step().await;
        let what = if whole_app { "all" } else { MUTE };
        assert_eq!(bot.told(), [format!("stopped: {what}")], "{stops}");
        let scope = if whole_app { Scope::App } else { Scope::Command(MUTE) };
        let stopped = bot.engine.delivery.stopped();
        assert_eq!(stopped.iter().map(|stopped| stopped.what).collect::<Vec<_>>(), [scope]);
        bot.wait(10 * MINUTE).await;
        assert_eq!(bot.chat.count(MUTE), 3, "{stops}");
        assert_eq!(bot.told(), [format!("stopped: {what}"), format!("works again: {what}")]);
        assert_eq!(bot.engine.delivery.stopped(), []);
        assert_eq!(bot.outcomes("set the name card"), [Outcome::Done], "{stops}");
    }
}

#[tokio::test]
async fn a_stopped_command_is_tried_by_one_effect_in_growing_pauses_and_not_by_all() {
    let bot = on_join(r#"{ set_name_card = { text = "new" } }"#);
    bot.chat.then(MUTE, vec![code(MUTE, 10026); 1_000]);
    for group in 0..100 {
        bot.takes(joined(&format!("@TGS#{group}"), GroupType::Public, "ann")).await;
    }
    bot.step().await;
    // Those that were under way when the first answer came.
    let first = bot.chat.count(MUTE);
    assert!(first <= 64, "{first}");
    bot.wait(60 * MINUTE).await;
    // After 1, 3, 7, 15, 30, 45 and 60 minutes.
    let tries = bot.chat.count(MUTE) - first;
    assert!((5..=7).contains(&tries), "{tries}");
    assert_eq!(bot.told(), ["stopped: modify_group_member_info"]);
    assert_eq!(bot.engine.delivery.pending(), 100);
    bot.chat.answers.lock().unwrap().clear();
    bot.wait(16 * MINUTE).await;
    assert_eq!(bot.engine.delivery.pending(), 0);
    assert_eq!(bot.told().len(), 2);
}

#[tokio::test]
async fn while_the_app_is_stopped_nothing_else_is_sent_and_one_alarm_is_raised() {
    let bot =
        on_join(r#"{ set_name_card = { text = "new" } }, { send_message = { text = "hi" } }"#);
    *bot.chat.all.lock().unwrap() = Some(60010);
    for group in 0..20 {
        bot.takes(joined(&format!("@TGS#{group}"), GroupType::Public, "ann")).await;
        bot.step().await;
    }
    assert_eq!(bot.chat.asked.lock().unwrap().len(), 1);
    bot.wait(10 * MINUTE).await;
    // Tries after 1, 3 and 7 minutes.
    assert_eq!(bot.chat.asked.lock().unwrap().len(), 4);
    assert_eq!(bot.told(), ["stopped: all"]);
    *bot.chat.all.lock().unwrap() = None;
    bot.wait(20 * MINUTE).await;
    assert_eq!(bot.engine.delivery.pending(), 0);
    assert_eq!((bot.chat.count("send_group_msg"), bot.told().len()), (20, 2));
}

#[tokio::test]
async fn a_rate_answer_for_the_whole_app_slows_down_every_command_in_use() {
    let bot = mutes();
    bot.chat.then(MUTE, [code(MUTE, 60011)]);
    assert_eq!(bot.engine.rates.take("sendmsg", bot.clock.now()), Ok(()));
    bot.join(["ann"]).await;
    bot.step().await;
    let now = bot.clock.now();
    for command in ["sendmsg", MUTE] {
        let free = (0..200).filter(|_| bot.engine.rates.take(command, now).is_ok()).count();
        // Half of 200, and one was made before.
        assert_eq!(free, 99, "{command}");
    }
}

#[tokio::test]
async fn the_same_effect_carries_the_same_random_however_often_it_is_sent() {
    let bot = on_join(r#"{ send_message = { text = "welcome" } }"#);
    bot.chat.then("send_group_msg", [Failure::Status(502), code("send_group_msg", 60007)]);
    bot.join(["ann", "bob"]).await;
    bot.wait(MINUTE).await;
    let randoms = bot.chat.calls("send_group_msg").into_iter().map(|call| match call {
        Call::SendGroupMsg { random, .. } => random,
        other => panic!("{other:?}"),
    });
    let randoms = randoms.collect::<Vec<_>>();
    assert_eq!(randoms.len(), 4);
    assert_eq!((randoms[0], randoms[1]), (randoms[1], randoms[2]));
    assert_ne!(randoms[2], randoms[3]);
}

#[tokio::test]
async fn two_loops_never_send_the_same_effect() {
    let bot = on_join(r#"{ send_message = { text = "hello {member.id}" } }"#);
    bot.join(names(20)).await;
    let engine = &bot.engine;
    let steps = (0..4).map(|_| engine.delivery.step());
    for tries in futures_util::future::join_all(steps).await {
        tries.unwrap();
    }
    bot.step().await;
    let texts = bot.chat.calls("send_group_msg").into_iter().map(|call| match call {
        Call::SendGroupMsg { text, .. } => text,
        other => panic!("{other:?}"),
    });
    let expected: Vec<_> = names(20).iter().map(|name| format!("hello {name}")).collect();
    assert_eq!(texts.collect::<Vec<_>>(), expected);
}
