//! Who looks on: every decision, every answer, every call; and says when an invariant does not hold.
//!
//! The letters are those of `docs/reliability.md`.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use groupkeeper::callback::{Query, decode};
use groupkeeper::chat::Account;
use groupkeeper::clock::{Clock, Timestamp};
use groupkeeper::decision::effect::{Act, Effect, Manner};
use groupkeeper::decision::event::{Cause, Timer};
use groupkeeper::decision::state::Sanction;
use groupkeeper::decision::{Decision, Event, EventId, StateKey, StateValue};
use groupkeeper::delivery::{Listener, Stopped};
use groupkeeper::ledger::{self, JournalEntry, Kind, Pending};
use groupkeeper::pipeline::Observer;
use groupkeeper::rule::RuleId;
use groupkeeper::rule::model::Limit;
use groupkeeper::simulator::Callback;

use crate::ADMIN;
use crate::clock::SimClock;
use crate::disk::Disk;
use crate::story::Story;

/// Calls of one command that Chat allows in a second (34381), and of the list of groups (34960).
const CALLS: usize = 200;
/// What Chat cannot take back and does not recognise when it comes again.
const ONCE: [&str; 2] = ["send_group_system_notification", "sendmsg"];

pub struct Witness {
    disk: Disk,
    clock: Arc<SimClock>,
    story: Story,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    /// Decided events and whether that had to last.
    decided: BTreeMap<EventId, bool>,
    /// Those that Chat was told are taken.
    answered: BTreeSet<EventId>,
    /// Decided effects that are not settled, in words.
    unsettled: BTreeMap<EventId, String>,
    effects: BTreeSet<EventId>,
    settled: BTreeSet<EventId>,
    /// Effects of rules in shadow.
    shadow: BTreeSet<EventId>,
    /// Before when an effect that ends a sanction must not be sent.
    ends: HashMap<EventId, Timestamp>,
    applied: HashMap<(String, u32), u32>,
    /// Times of the calls of the last second, by command, and the skew of the bot's clock then.
    calls: HashMap<String, VecDeque<Timestamp>>,
    skew: i64,
    /// `[safety] limit`, and what was decided within its time.
    limit: Option<Limit>,
    spent: VecDeque<(Timestamp, usize)>,
    /// The latest time that the bot's clock has shown.
    latest: Timestamp,
    alerts: Vec<String>,
    given_up: Vec<String>,
    decisions: u64,
    sent: u64,
}

/// What a run came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub decisions: u64,
    pub sent: u64,
    pub effects: u64,
    pub dead: u64,
}

impl Witness {
    pub fn new(disk: Disk, clock: Arc<SimClock>, story: Story) -> Arc<Self> {
        Arc::new(Self { disk, clock, story, seen: Mutex::default() })
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap()
    }

    /// What rules may do in a time.
    pub fn limit(&self, limit: Limit) {
        self.seen().limit = Some(limit);
    }

    pub fn alerts(&self) -> Vec<String> {
        self.seen().alerts.clone()
    }

    pub fn tally(&self) -> Tally {
        let seen = self.seen();
        let (decisions, sent) = (seen.decisions, seen.sent);
        Tally {
            decisions,
            sent,
            effects: seen.effects.len() as u64,
            dead: seen.given_up.len() as u64,
        }
    }

    /// S1: what Chat is told is taken, has been decided, and its decision is on the platters.
    pub fn answered(&self, callback: &Callback, came: Timestamp) {
        if callback.asks {
            return;
        }
        let query = Query {
            command: callback.command.clone().into(),
            platform: of_query(callback, "OptPlatform").into(),
            ..Query::default()
        };
        let admins = [Account::from(ADMIN)];
        let settings = decode::Settings { admins: &admins, wants_callback_event: false };
        let Ok(decoded) = decode(&query, &callback.body, settings, came) else { return };
        for event in decoded.events {
            let decided = self.seen().decided.contains_key(&event.id);
            let kept = self.disk.get(&ledger::quarantine_key(&event.id)).is_some();
            if !decided && !kept && !self.is_marked(&event.id) {
                self.story.broken(format!(
                    "S1: {} {} was answered and is not decided",
                    event.id,
                    event.name()
                ));
            }
            self.seen().answered.insert(event.id);
        }
    }

    fn is_marked(&self, id: &EventId) -> bool {
        let marks = self.disk.scan(Kind::Seen);
        let buckets: BTreeSet<u64> =
            marks.iter().filter_map(|(key, _)| ledger::bucket_of(key)).collect();
        let mut kept = buckets.into_iter().rev().take(ledger::marks::KEPT);
        kept.any(|bucket| self.disk.get(&ledger::seen_key(bucket, id)).is_some())
    }

    /// A call is about to leave: S2, S5, S6, S7, S9, S11.
    pub fn about_to_send(&self, command: &str, random: u32) {
        let now = self.clock.now();
        self.rate(command);
        let Some((pending, first)) = self.disk.effect(random) else {
            if command.starts_with("get_") || command == "account_check" {
                // Reconciliation reads for itself; nothing changes by it.
                return;
            }
            self.story.broken(format!(
                "S2: {command} {random:08x} is sent, and no effect of it is on disk"
            ));
            return;
        };
        let effect = &pending.effect;
        self.story.tell(format!("the bot sends {command} {random:08x}: {}", effect.act));
        let mut seen = self.seen();
        seen.sent += 1;
        seen.latest = seen.latest.max(now);
        let early = seen
            .ends
            .get(&effect.id)
            .copied()
            .filter(|end| seen.latest + Duration::from_secs(1) < *end);
        let shadow = seen.shadow.contains(&effect.id);
        drop(seen);
        if !first {
            self.story.broken(format!(
                "S7: {} overtakes another effect of {}",
                effect.act,
                effect.lane.as_str()
            ));
        }
        if shadow {
            self.story.broken(format!(
                "S11: {} was decided in shadow, and {command} is sent",
                effect.act
            ));
        }
        if let Some(end) = early {
            self.story.broken(format!("S9: {} is sent before {end}", effect.act));
        }
        if let Some(member) = restrained(&effect.act).filter(|member| is_protected(member)) {
            self.story
                .broken(format!("S5: {member} is protected, and the bot wants to {}", effect.act));
        }
    }

    /// S6: never over the limit in any second.
    fn rate(&self, command: &str) {
        let (truth, skew) = (self.clock.truth(), self.clock.skew());
        let mut seen = self.seen();
        if std::mem::replace(&mut seen.skew, skew) != skew {
            // A clock that jumps takes the measure of a second with it.
            seen.calls.clear();
        }
        let calls = seen.calls.entry(command.to_owned()).or_default();
        calls.push_back(truth);
        while calls.front().is_some_and(|first| truth.since(*first) >= Duration::from_secs(1)) {
            calls.pop_front();
        }
        let most = if command == "get_appid_group_list" { 1 } else { CALLS };
        let number = calls.len();
        drop(seen);
        if number > most {
            self.story.broken(format!("S6: {number} calls of {command} within a second"));
        }
    }

    /// Chat has carried a call out, or refused it.
    pub fn arrived(&self, command: &str, random: u32, code: i64) {
        if code != 0 || !ONCE.contains(&command) {
            return;
        }
        let mut seen = self.seen();
        let times = seen.applied.entry((command.to_owned(), random)).or_default();
        *times += 1;
        let times = *times;
        drop(seen);
        if times > 1 {
            self.story.broken(format!("S3: {command} {random:08x} was carried out {times} times"));
        }
    }

    /// A new process begins on what the disk kept: what it was promised to keep is there.
    pub fn after_crash(&self) {
        let seen = self.seen();
        let lost: Vec<_> =
            seen.decided.iter().filter(|(id, lasts)| **lasts && !self.is_marked(id)).collect();
        let lost: Vec<_> =
            lost.into_iter().map(|(id, _)| (id.clone(), seen.answered.contains(id))).collect();
        let mut unsettled: BTreeSet<EventId> = seen.unsettled.keys().cloned().collect();
        drop(seen);
        for (id, answered) in lost {
            let answered = if answered { "answered" } else { "not answered" };
            self.story
                .broken(format!("S1: the decision on {id} ({answered}) was committed and is lost"));
        }
        for (key, bytes) in self.disk.scan(Kind::Outbox) {
            let Pending { effect, .. } = ledger::decode(&key, &bytes).unwrap();
            unsettled.remove(&effect.id);
            // Of a decision that was committed as the power went, nobody has been told.
            self.seen().unsettled.entry(effect.id).or_insert_with(|| effect.act.to_string());
        }
        if unsettled.is_empty() {
            return;
        }
        // Settled by a commit that nobody lived to tell of: the journal does.
        for (key, bytes) in self.disk.scan(Kind::Journal) {
            let entry: JournalEntry = ledger::decode(&key, &bytes).unwrap();
            if let Some(Cause::Settled { effect, skipped, .. }) = entry.body.map(|body| body.cause)
            {
                for settled in std::iter::once(&*effect).chain(&skipped) {
                    if unsettled.remove(&settled.id) {
                        self.seen().unsettled.remove(&settled.id);
                    }
                }
            }
        }
        for id in unsettled {
            let words = self.seen().unsettled.remove(&id).unwrap_or_default();
            self.story.broken(format!("S3: the effect {id} is gone without a settlement: {words}"));
        }
    }

    /// Effects that were decided and of which nobody knows what became.
    pub fn unsettled(&self) -> Vec<String> {
        self.seen().unsettled.iter().map(|(id, words)| format!("{id} {words}")).collect()
    }

    /// S6: rules do no more than `[safety] limit` says, whichever process decides.
    fn spends(&self, seen: &mut Seen, event: &Event, decision: &Decision) {
        let Some(limit) = seen.limit else { return };
        // What an operator lets go is on their account, and a second candidate on the first one's.
        let by_rules = match &event.cause {
            Cause::Kind(_) | Cause::Schedule { .. } | Cause::Timer(Timer::WaitOver { .. }) => true,
            Cause::Settled { effect, .. } => effect.then.is_some() && effect.act.is_read(),
            _ => false,
        };
        let counts = |effect: &&Effect| {
            let harmless = effect.act.is_read() || matches!(effect.act, Act::Alert { .. });
            // A mute that goes on because its member has come back is none of a rule's actions.
            let acted = |rule: &RuleId| {
                decision.trace.rules.iter().any(|t| t.rule == *rule && t.why.acted())
            };
            effect.rule.as_ref().is_some_and(acted) && effect.manner == Manner::Send && !harmless
        };
        let number = decision.effects.iter().filter(counts).count();
        if !by_rules || number == 0 {
            return;
        }
        let now = self.clock.now();
        seen.spent.push_back((now, number));
        // It is decided a little before it is seen here.
        let window = limit.per.saturating_sub(Duration::from_secs(30));
        seen.spent.retain(|(at, _)| *at + window > now && *at <= now);
        let all: usize = seen.spent.iter().map(|(_, number)| number).sum();
        if all > limit.actions as usize {
            self.story.broken(format!("S6: {all} actions, and {} are allowed", limit.actions));
        }
    }

    fn wanted(&self, seen: &mut Seen, effect: &Effect) {
        if effect.manner == Manner::Shadow {
            seen.shadow.insert(effect.id.clone());
        }
        seen.effects.insert(effect.id.clone());
        seen.unsettled.insert(effect.id.clone(), effect.act.to_string());
        self.story.tell(format!("  wants {} {}", effect.id, effect.act));
    }
}

fn of_query(callback: &Callback, name: &str) -> String {
    let found = callback.query.iter().find(|(other, _)| other == name);
    found.map(|(_, value)| value.clone()).unwrap_or_default()
}

fn restrained(act: &Act) -> Option<&Account> {
    match act {
        Act::Mute { member, .. } | Act::RemoveMember { member, .. } | Act::Ban { member, .. } => {
            Some(member)
        }
        _ => None,
    }
}

fn is_protected(account: &Account) -> bool {
    account.as_str() == ADMIN || account.as_str() == "boss"
}

impl Observer for Witness {
    fn decided(&self, event: &Event, decision: &Decision) {
        let once = matches!(event.cause, Cause::Kind(_) | Cause::Schedule { .. });
        if !decision.is_nothing() {
            self.story.tell(format!("decided {} {}", event.id, event.name()));
        }
        let mut seen = self.seen();
        seen.decisions += 1;
        if once {
            // What nothing follows from is not marked: told again under other rules, it is looked at again.
            let lasts = seen.decided.entry(event.id.clone()).or_default();
            let again = *lasts && !decision.is_nothing();
            *lasts |= decision.lasting;
            if again {
                self.story.broken(format!(
                    "S3: {} {} is decided a second time",
                    event.id,
                    event.name()
                ));
            }
        }
        let echo = event.platform == "RESTAPI"
            && event.operator.as_ref().is_some_and(|o| o.as_str() == ADMIN);
        if echo && let Some(rule) = decision.trace.rules.iter().find(|told| told.why.acted()) {
            self.story.broken(format!("S12: our own {} starts `{}`", event.name(), rule.rule));
        }
        if let Cause::Settled { effect, outcome, skipped, .. } = &event.cause {
            let words = ledger::outcome_words(outcome);
            self.story.tell(format!("  {} {}: {words}", effect.id, effect.act));
            let known = seen.unsettled.remove(&effect.id).is_some();
            // What is put into quarantine is told to people without any decision.
            let first = seen.settled.insert(effect.id.clone());
            let tells = first && effect.rule.is_none() && matches!(effect.act, Act::Alert { .. });
            if !known && !tells {
                self.story
                    .broken(format!("S3: {} {} is settled a second time", effect.id, effect.act));
            }
            skipped.iter().for_each(|effect| {
                seen.unsettled.remove(&effect.id);
            });
        }
        self.spends(&mut seen, event, decision);
        for effect in &decision.effects {
            self.wanted(&mut seen, effect);
        }
        for (key, value) in &decision.changes {
            let (StateKey::Sanction(..), Some(StateValue::Sanction(sanction))) = (key, value)
            else {
                continue;
            };
            if let Sanction { id, until: Some(until), ending: false, .. } = sanction {
                seen.ends.insert(id.derive("end"), *until);
            }
        }
    }
}

impl Listener for Witness {
    fn tried(&self, _: &Pending, trouble: Option<&str>) {
        if let Some(trouble) = trouble {
            self.story.tell(format!("  tried in vain: {trouble}"));
        }
    }

    fn given_up(&self, pending: &Pending, why: &str) {
        self.story.tell(format!("  given up {}: {why}", pending.effect.act));
        self.seen().given_up.push(pending.effect.act.to_string());
    }

    fn alerted(&self, _: &Pending, text: &str) {
        self.seen().alerts.push(text.to_owned());
    }

    fn stopped(&self, stopped: &Stopped) {
        self.story.tell(format!("  {} stands still: {}", stopped.what.name(), stopped.trouble));
    }

    fn works_again(&self, stopped: &Stopped) {
        self.story.tell(format!("  {} works again", stopped.what.name()));
    }
}
