//! A decision while it is being made: the state as changed so far, and what follows up to now.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::event::{Cause, Event, EventId, Timer};
use super::judge::Came;
use super::sight::Sight;
use super::state::{
    GroupRecord, MemberRecord, RoomRecord, Sanction, SanctionKind, State, StateKey, StateValue,
};
use super::trace::{RuleTrace, Trace, Why};
use super::{Decision, Settings, Verdict, judge, loops, mirror, reach, seen};
use crate::chat::{Account, GroupId, Role, RoomId};
use crate::clock::Timestamp;
use crate::decision::Effect;
use crate::decision::effect::{Act, Held, Manner};
use crate::rule::model::{Mode, Trigger};
use crate::rule::{EventKind, Rule, RuleId, RuleSet};

pub(super) struct Draft<'a> {
    pub(super) rules: &'a RuleSet,
    pub(super) settings: &'a Settings,
    pub(super) now: Timestamp,
    state: &'a State,
    /// Keys that were asked for and had not been loaded.
    missing: RefCell<BTreeSet<StateKey>>,
    /// Rises with every change that conditions can see.
    pub(super) generation: u64,
    changes: BTreeMap<StateKey, Option<StateValue>>,
    pub(super) effects: Vec<Effect>,
    timers: Vec<(Timestamp, Timer)>,
    trace: Trace,
    verdict: Verdict,
    /// The rule that answered.
    answered: Option<RuleId>,
    pub(super) held: Vec<Held>,
    waiting: VecDeque<Event>,
    derived: Vec<Event>,
    lasting: bool,
}

impl<'a> Draft<'a> {
    pub(super) fn new(
        rules: &'a RuleSet,
        settings: &'a Settings,
        state: &'a State,
        now: Timestamp,
    ) -> Self {
        Self {
            rules,
            settings,
            now,
            state,
            missing: RefCell::default(),
            generation: 0,
            changes: BTreeMap::new(),
            effects: Vec::new(),
            timers: Vec::new(),
            trace: Trace::default(),
            verdict: Verdict::Allow,
            answered: None,
            held: Vec::new(),
            waiting: VecDeque::new(),
            derived: Vec::new(),
            lasting: false,
        }
    }

    pub(super) fn finish(self) -> Decision {
        let lasting = self.lasting
            || !self.effects.is_empty()
            || !self.timers.is_empty()
            || !self.held.is_empty();
        Decision {
            verdict: self.verdict,
            effects: self.effects,
            held: self.held,
            changes: self.changes,
            timers: self.timers,
            trace: self.trace,
            derived: self.derived,
            missing: self.missing.into_inner(),
            lasting,
        }
    }

    /// Something that rules can name: the mirror first, then the rules, in order.
    pub(super) fn happened(&mut self, event: &Event) {
        let Some(kind) = event.kind() else { return };
        if let Some(why) = seen::told_already(self, event, kind) {
            return self.note(why);
        }
        loops::notice(self, event, kind);
        if event.found {
            seen::follow(self, event, kind);
        } else {
            mirror::apply(self, event, kind);
        }
        self.through_rules(event, kind, None);
    }

    /// Brings an event to the rules behind one (`None`: to all), as far as none of them stops it.
    pub(super) fn through_rules(
        &mut self,
        event: &Event,
        kind: EventKind,
        behind: Option<&RuleId>,
    ) {
        let reached = reach::reached(self, event, kind, behind);
        self.trace.passed_over |= reached.passed_over;
        if reached.rules.is_empty() {
            return;
        }
        let mut sight = Sight::new(event);
        let mut listening = reached.rules.iter();
        while let Some(rule) = listening.next() {
            let came = judge::judge(self, rule, &mut sight);
            let ends = match came {
                Came::Acted => rule.stop,
                // Whether it stops the event is known with Chat's answer; the others wait for that.
                Came::Asking => rule.stop,
                Came::Nowhere => false,
            };
            if !ends {
                continue;
            }
            if self.in_shadow(rule) {
                self.note(format!("`{}` is in shadow: it stops nothing", rule.id));
                continue;
            }
            for rule_behind in listening.by_ref() {
                let by = rule.id.clone();
                let why =
                    if came == Came::Asking { Why::Behind { by } } else { Why::Stopped { by } };
                self.note_rule(rule_behind, event, why);
            }
        }
    }

    /// A schedule's time: remembered, then judged, or handed to a sweep over the groups.
    pub(super) fn scheduled(&mut self, event: &Event, id: &RuleId, due: Timestamp) {
        let rules = self.rules;
        let Some(rule) = rules.get(id) else {
            self.note(format!("`{id}` is not among the rules any more"));
            return;
        };
        let Trigger::Schedule(schedule) = &rule.trigger else {
            self.note(format!("`{id}` has no schedule any more"));
            return;
        };
        if event.group.is_none() {
            self.set(StateKey::Fired(id.clone()), Some(StateValue::Fired { at: due }));
            if schedule.for_each_group {
                self.timer(self.now, Timer::Sweep { rule: id.clone(), due, after: None });
                return;
            }
        }
        judge::judge(self, rule, &mut Sight::new(event));
    }

    /// Something that the bot owes by itself: no rule's step, and what else follows does not hang on it.
    pub(super) fn owe(&mut self, event: &Event, id: EventId, rule: Option<RuleId>, act: Act) {
        self.effects.push(Effect {
            id,
            lane: event.lane(),
            act,
            rule,
            event: event.id.clone(),
            created: self.now,
            manner: Manner::Send,
            then: None,
            continue_on_refusal: true,
        });
    }

    /// Lets a further event follow from this one.
    pub(super) fn derive(&mut self, from: &Event, kind: EventKind) -> &mut Event {
        let mut event = from.clone();
        event.id = from.id.derive(kind.name());
        event.cause = Cause::Kind(kind);
        event.fields.clear();
        self.waiting.push_back(event);
        let last = self.waiting.len() - 1;
        &mut self.waiting[last]
    }

    pub(super) fn next_derived(&mut self) -> Option<Event> {
        let event = self.waiting.pop_front()?;
        self.derived.push(event.clone());
        Some(event)
    }

    /// Whether what is being judged follows from the event that is decided.
    pub(super) fn follows(&self) -> bool {
        !self.derived.is_empty()
    }

    /// What stands under a key, as changed so far.
    pub(super) fn get(&self, key: &StateKey) -> Option<&StateValue> {
        match self.changes.get(key) {
            Some(changed) => changed.as_ref(),
            None => self.state.get(key).unwrap_or_else(|| {
                self.missing.borrow_mut().insert(key.clone());
                None
            }),
        }
    }

    /// Changes a piece of state, if that makes a difference.
    pub(super) fn set(&mut self, key: StateKey, value: Option<StateValue>) {
        if self.get(&key) == value.as_ref() {
            return;
        }
        let of_mirror =
            matches!(key, StateKey::Group(_) | StateKey::Member(..) | StateKey::Room(_));
        let is_seen = of_mirror || matches!(key, StateKey::Sanction(..) | StateKey::Memory(..));
        self.generation += u64::from(is_seen);
        self.lasting |= !of_mirror;
        self.changes.insert(key, value);
    }

    pub(super) fn group(&self, group: &GroupId) -> GroupRecord {
        self.known_group(group).cloned().unwrap_or_default()
    }

    /// The record of a group, if there is one.
    pub(super) fn known_group(&self, group: &GroupId) -> Option<&GroupRecord> {
        match self.get(&StateKey::Group(group.clone())) {
            Some(StateValue::Group(record)) => Some(record),
            _ => None,
        }
    }

    /// Takes in what somebody has told of a group; from then on, older readings say nothing against it.
    pub(super) fn set_group(&mut self, group: &GroupId, mut record: GroupRecord) {
        let known = self.known_group(group);
        if known.is_none_or(|known| known.contradicts(&record)) {
            record.told_at = Some(self.now);
        }
        self.correct_group(group, record);
    }

    /// Takes in what a reading says of a group.
    pub(super) fn correct_group(&mut self, group: &GroupId, record: GroupRecord) {
        self.set(StateKey::Group(group.clone()), Some(StateValue::Group(record)));
    }

    pub(super) fn member(&self, group: &GroupId, account: &Account) -> MemberRecord {
        match self.get(&StateKey::Member(group.clone(), account.clone())) {
            Some(StateValue::Member(record)) => record.clone(),
            _ => MemberRecord::default(),
        }
    }

    /// Takes in what somebody has told of a member; from then on, older readings say nothing against it.
    pub(super) fn set_member(
        &mut self,
        group: &GroupId,
        account: &Account,
        mut record: MemberRecord,
    ) {
        let known = self.get(&StateKey::Member(group.clone(), account.clone()));
        if !matches!(known, Some(StateValue::Member(known)) if *known == record) {
            record.told_at = Some(self.now);
        }
        if record.role.is_some_and(|role| role != Role::Outside) {
            record.gone_at = None;
        }
        self.correct_member(group, account, record);
    }

    /// Takes in what a reading says of a member.
    pub(super) fn correct_member(
        &mut self,
        group: &GroupId,
        account: &Account,
        record: MemberRecord,
    ) {
        let key = StateKey::Member(group.clone(), account.clone());
        self.set(key, Some(StateValue::Member(record)));
    }

    /// The record of a room, if there is one.
    pub(super) fn room(&self, room: &RoomId) -> Option<&RoomRecord> {
        match self.get(&StateKey::Room(room.clone())) {
            Some(StateValue::Room(record)) => Some(record),
            _ => None,
        }
    }

    /// Notes that something was told of a room, where it has a record.
    pub(super) fn hear_of_room(&mut self, room: &RoomId) {
        if let Some(record) = self.room(room).cloned() {
            self.set_room(room, record);
        }
    }

    pub(super) fn set_room(&mut self, room: &RoomId, mut record: RoomRecord) {
        record.told_on = Some(self.now.day());
        self.set(StateKey::Room(room.clone()), Some(StateValue::Room(record)));
    }

    pub(super) fn sanction(
        &self,
        group: &GroupId,
        member: &Account,
        kind: SanctionKind,
    ) -> Option<&Sanction> {
        match self.get(&StateKey::Sanction(group.clone(), member.clone(), kind)) {
            Some(StateValue::Sanction(sanction)) => Some(sanction),
            _ => None,
        }
    }

    pub(super) fn set_sanction(
        &mut self,
        group: &GroupId,
        member: &Account,
        kind: SanctionKind,
        sanction: Option<Sanction>,
    ) {
        let key = StateKey::Sanction(group.clone(), member.clone(), kind);
        self.set(key, sanction.map(StateValue::Sanction));
    }

    /// Answers an event that asks, unless a rule before has said more: then that rule's name.
    pub(super) fn answer(&mut self, rule: &RuleId, verdict: Verdict) -> Option<RuleId> {
        use Verdict::{Allow, Drop, RefuseInvited, Reject, Replace};
        match (&mut self.verdict, &verdict) {
            (RefuseInvited { accounts }, RefuseInvited { accounts: more }) => {
                accounts.extend(
                    more.iter().filter(|one| !accounts.contains(one)).cloned().collect::<Vec<_>>(),
                );
                return None;
            }
            (Allow, _) | (Replace { .. } | RefuseInvited { .. }, Reject { .. } | Drop) => {}
            _ => return self.answered.clone(),
        }
        self.verdict = verdict;
        self.answered = Some(rule.clone());
        None
    }

    /// A time kept under a key, for cooldowns and `once`.
    pub(super) fn until(&self, key: &StateKey) -> Option<Option<Timestamp>> {
        match self.get(key) {
            Some(StateValue::Until(until)) => Some(*until),
            _ => None,
        }
    }

    pub(super) fn timer(&mut self, due: Timestamp, timer: Timer) {
        self.timers.push((due, timer));
    }

    pub(super) fn note(&mut self, text: String) {
        self.trace.notes.push(text);
    }

    pub(super) fn note_rule(&mut self, rule: &Rule, event: &Event, why: Why) {
        let event = event.name().into();
        self.trace.rules.push(RuleTrace { rule: rule.id.clone(), event, why });
    }

    /// Whether a rule's effects are only to be observed.
    pub(super) fn in_shadow(&self, rule: &Rule) -> bool {
        rule.mode == Mode::Shadow || self.settings.mode == Mode::Shadow
    }
}

/// The id of an effect: from event, rule and position, so that the same decision makes the same effect.
pub(super) fn effect_id(event: &Event, rule: &RuleId, position: &str) -> EventId {
    EventId::of(&[event.id.as_str().as_bytes(), rule.as_str().as_bytes(), position.as_bytes()])
}
