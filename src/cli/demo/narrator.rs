//! Writes down what the bot hears and decides, in lines for people.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::cli::print::coloured;
use crate::decision::effect::Outcome;
use crate::decision::event::{Cause, Timer};
use crate::decision::{Decision, Event, Why};
use crate::delivery::{Listener, Stopped};
use crate::ledger::{Pending, outcome_words};
use crate::pipeline::Observer;
use crate::simulator::CallRecord;

/// A line: who speaks, and what is said.
pub(super) struct Line(pub(super) &'static str, pub(super) String);

/// Collects lines until they are printed.
pub(super) struct Narrator {
    lines: Mutex<Vec<Line>>,
    calls: Box<Calls>,
}

/// Takes the REST calls that Chat has answered since the last time.
type Calls = dyn Fn() -> Vec<CallRecord> + Send + Sync;

impl Narrator {
    pub(super) fn new(calls: impl Fn() -> Vec<CallRecord> + Send + Sync + 'static) -> Self {
        Self { lines: Mutex::default(), calls: Box::new(calls) }
    }

    /// What has been told since the last time. Calls from which nothing followed only looked at groups,
    /// many of them, all the time: of these, only the failed ones are told.
    pub(super) fn take(&self) -> Vec<Line> {
        let calls = (self.calls)();
        let mut lines = self.lines();
        let failed = |call: &&CallRecord| (call.status, call.error_code) != (200, 0);
        lines.extend(calls.iter().filter(failed).map(line_of));
        std::mem::take(&mut *lines)
    }

    fn say(&self, who: &'static str, what: String) {
        self.catch_up();
        self.lines().push(Line(who, what));
    }

    /// Tells the calls that led to what is told next.
    fn catch_up(&self) {
        let calls = (self.calls)();
        self.lines().extend(calls.iter().map(line_of));
    }

    fn lines(&self) -> MutexGuard<'_, Vec<Line>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn line_of(call: &CallRecord) -> Line {
    let answer = match (call.status, call.error_code) {
        (200, 0) => "OK".to_owned(),
        (200, code) => format!("error {code}"),
        (status, _) => format!("HTTP {status}"),
    };
    Line("call", format!("{} {}→ {answer}", call.command, gist(&call.body)))
}

/// What a person wants to know of a request: its plain values.
fn gist(body: &serde_json::Value) -> String {
    let Some(fields) = body.as_object() else { return String::new() };
    let plain = |value: &serde_json::Value| match value {
        serde_json::Value::String(text) => Some(text.clone()),
        serde_json::Value::Number(number) => Some(number.to_string()),
        serde_json::Value::Array(items) => {
            let texts: Option<Vec<&str>> = items.iter().map(|item| item.as_str()).collect();
            texts.map(|texts| texts.join(","))
        }
        _ => None,
    };
    let told = fields.iter().filter_map(|(name, value)| {
        let known = !name.ends_with("Filter") && name != "ForbidCallbackControl";
        known.then(|| plain(value).map(|value| format!("{name}={value} ")))?
    });
    told.collect()
}

impl Observer for Narrator {
    fn decided(&self, event: &Event, decision: &Decision) {
        if is_no_news(event, decision) {
            return;
        }
        let heard = heard(event);
        // The same thing time after time (a flood) is told once, when something comes of it.
        let worth_telling = |why: &Why| {
            use Why::{AlreadyWaiting, CountBelow, Echo, OutOfScope};
            !matches!(why, CountBelow { .. } | Echo | OutOfScope | AlreadyWaiting { .. })
        };
        if !heard.is_empty()
            && (event.message.is_none()
                || decision.trace.rules.iter().any(|t| worth_telling(&t.why)))
        {
            self.say("heard", heard);
        }
        // What the bot noticed is what the rules then looked at.
        for note in &decision.trace.notes {
            self.say("bot", note.clone());
        }
        for trace in decision.trace.rules.iter().filter(|trace| worth_telling(&trace.why)) {
            self.say("rule", format!("{}: {}", trace.rule, trace.why));
        }
        for derived in decision.derived.iter().filter(|event| event.name() == "mute.ended") {
            let who = derived.member.as_ref().map_or("", |member| member.as_str());
            self.say("bot", format!("the mute of {who} has ended, verified with Chat"));
        }
    }
}

impl Listener for Narrator {
    fn tried(&self, pending: &Pending, trouble: Option<&str>) {
        self.catch_up();
        if let Some(trouble) = trouble {
            self.say("again", format!("{}: {trouble}", pending.effect.act));
        }
    }

    fn given_up(&self, pending: &Pending, why: &str) {
        self.say("alert", format!("given up: {}: {why}", pending.effect.act));
    }

    fn alerted(&self, _: &Pending, text: &str) {
        self.say("alert", text.to_owned());
    }

    fn stopped(&self, stopped: &Stopped) {
        self.say("alert", stopped.trouble.clone());
    }

    fn works_again(&self, stopped: &Stopped) {
        self.say("bot", format!("{} works again", stopped.what.name()));
    }
}

/// Whether everything was as the bot knew it: what it looks at all the time, and finds unchanged.
fn is_no_news(event: &Event, decision: &Decision) -> bool {
    let acts = !decision.effects.is_empty() || !decision.held.is_empty();
    match event.cause {
        Cause::Seen(_) => !acts && decision.derived.is_empty() && decision.trace.notes.is_empty(),
        // The callback that it confirms has been told.
        Cause::Timer(Timer::Unconfirmed { .. } | Timer::RoomUnconfirmed { .. }) => !acts,
        _ => false,
    }
}

/// What was heard, in words; empty for what the demo shows otherwise.
fn heard(event: &Event) -> String {
    let group = event.group.as_ref().map(|group| format!(" in {group}")).unwrap_or_default();
    let member = event.member.as_ref().map(|member| format!(" {member}")).unwrap_or_default();
    match &event.cause {
        Cause::Kind(kind) => {
            let colon = if member.is_empty() { "" } else { ":" };
            format!("{}{colon}{member}{group} ({})", kind.name(), event.command)
        }
        Cause::Schedule { rule, due } if event.group.is_none() => {
            format!("the time of `{rule}` has come, {due}")
        }
        Cause::Schedule { .. } => format!("looking at{}", group.replacen(" in", "", 1)),
        Cause::Timer(Timer::SanctionEnd { member, .. }) => {
            format!("the time of {member}'s mute is over")
        }
        Cause::Timer(Timer::WaitOver { rule, .. }) => format!("the wait of `{rule}` is over"),
        Cause::Timer(
            Timer::Sweep { .. }
            | Timer::Unconfirmed { .. }
            | Timer::RoomUnconfirmed { .. }
            | Timer::SanctionRenewal { .. }
            | Timer::SanctionLate { .. },
        ) => String::new(),
        Cause::Seen(_) => format!("looked at{} in Chat", group.replacen(" in", "", 1)),
        Cause::Released(held) => format!("released by an operator: what `{}` wanted", held.rule),
        Cause::Discarded(held) => format!("discarded by an operator: what `{}` wanted", held.rule),
        Cause::Lifted { member, kind, .. } => {
            format!("lifted by an operator: the {} of {member}", kind.name())
        }
        Cause::Extended { member, kind, until, .. } => {
            format!("an operator lets the {} of {member} end at {until}", kind.name())
        }
        Cause::Retried { effect, .. } => format!("tried again by an operator: {}", effect.act),
        Cause::TakenForDone { effect, .. } => {
            format!("taken for done by an operator: {}", effect.act)
        }
        Cause::Dropped(effect) => format!("dropped by an operator: {}", effect.act),
        Cause::Settled { effect, outcome, .. } => match outcome {
            Outcome::Answer(_) => {
                format!("to \"{}\", Chat answers: {}", effect.act, outcome_words(outcome))
            }
            Outcome::Done => String::new(),
            other => format!("{}: {}", effect.act, outcome_words(other)),
        },
    }
}

/// Prints a line; colours help the eye and carry no meaning of their own.
pub(super) fn print(Line(who, what): &Line) {
    let color = match *who {
        "Chat" => "36",
        "rule" => "33",
        "call" => "35",
        "again" | "alert" => "31",
        "✓" => "32",
        "✗" => "1;31",
        _ => "2",
    };
    if coloured(&std::io::stdout()) {
        println!("  \u{1b}[{color}m{who:<6}\u{1b}[0m {what}");
    } else {
        println!("  {who:<6} {what}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::decision::seen::Seen;
    use crate::decision::{EventId, RuleTrace};
    use crate::rule::EventKind;

    fn event(cause: Cause) -> Event {
        let id = EventId::of(&[b"an event"]);
        let group = Some("@TGS#cats".into());
        Event { group, ..Event::new(id, cause, Timestamp::from_secs(0), "") }
    }

    fn looked() -> Event {
        event(Cause::Seen(Box::new(Seen::Complete { difference: 0 })))
    }

    fn told(event: &Event, decision: &Decision) -> Vec<String> {
        told_after(Vec::new(), event, decision)
    }

    /// What is told when Chat was called before.
    fn told_after(calls: Vec<CallRecord>, event: &Event, decision: &Decision) -> Vec<String> {
        let calls = Mutex::new(calls);
        let narrator = Narrator::new(move || std::mem::take(&mut *calls.lock().unwrap()));
        narrator.decided(event, decision);
        let lines = narrator.take();
        lines.into_iter().map(|Line(who, what)| format!("{who}: {what}")).collect()
    }

    /// A call that reads a group.
    fn reading(status: u16) -> CallRecord {
        CallRecord {
            at: Timestamp::from_secs(0),
            service: "group_open_http_svc".to_owned(),
            command: "get_group_info".to_owned(),
            identifier: "administrator".into(),
            body: serde_json::json!({ "GroupIdList": ["@TGS#cats"] }),
            error_code: 0,
            status,
            fault: None,
        }
    }

    #[test]
    fn a_look_at_a_group_that_finds_it_as_it_was_is_not_told() {
        let nothing: [&str; 0] = [];
        assert_eq!(told_after(vec![reading(200)], &looked(), &Decision::default()), nothing);
        assert_eq!(
            told_after(vec![reading(200), reading(502)], &looked(), &Decision::default()),
            ["call: get_group_info GroupIdList=@TGS#cats → HTTP 502"]
        );
    }

    #[test]
    fn what_a_look_at_a_group_finds_is_told_with_what_the_rules_make_of_it() {
        let mut found = Decision::default();
        found.derived.push(event(Cause::Kind(EventKind::OwnerLeft)));
        found.trace.notes.push("@TGS#cats has no owner".to_owned());
        found.trace.rules.push(RuleTrace {
            rule: "keep".into(),
            event: "owner.left".into(),
            why: Why::Waiting { until: Timestamp::from_secs(120) },
        });
        assert_eq!(
            told_after(vec![reading(200)], &looked(), &found),
            [
                "call: get_group_info GroupIdList=@TGS#cats → OK",
                "heard: looked at @TGS#cats in Chat",
                "bot: @TGS#cats has no owner",
                "rule: keep: waits until 1970-01-01T00:02:00Z",
            ]
        );
    }

    #[test]
    fn an_event_of_chat_is_told_even_where_nothing_follows() {
        let left = event(Cause::Kind(EventKind::OwnerLeft));
        assert_eq!(told(&left, &Decision::default()), ["heard: owner.left in @TGS#cats ()"]);
    }

    #[test]
    fn an_owner_whom_chat_has_confirmed_is_not_told_again_when_the_minute_is_over() {
        let (group, to) = ("@TGS#cats".into(), "ann".into());
        let transfer = EventId::of(&[b"a transfer"]);
        let over = event(Cause::Timer(Timer::Unconfirmed { group, to, transfer }));
        let mut decision = Decision::default();
        decision.trace.notes.push("ann owns @TGS#cats: confirmed by Chat's callback".to_owned());
        let nothing: [&str; 0] = [];
        assert_eq!(told(&over, &decision), nothing);
    }
}
