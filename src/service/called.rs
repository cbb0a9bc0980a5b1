//! Who watches the callbacks: every answer becomes a count, a refusal a log line, and Chat's warning
//! of too many calls a lower rate.

use std::sync::Arc;
use std::time::Duration;

use super::metrics::Metrics;
use crate::callback::{Answered, Incomplete, Lost, OverLimit, Seen, Watch};
use crate::clock::{Clock, Seldom};
use crate::reconcile::Watcher;
use crate::rest::{Rates, catalog};

/// How often the same kind of refused callback is told of.
const REFUSED_EVERY: Duration = Duration::from_secs(60);
/// How often the same command's limit is told of; Chat warns every second while it lasts.
const OVER_LIMIT_EVERY: Duration = Duration::from_secs(3_600);

/// How often the same command is told of whose bodies do not fit it: all of them will not.
const INCOMPLETE_EVERY: Duration = Duration::from_secs(3_600);

/// Counts callbacks, and logs what an operator should know of them.
pub(super) struct Called {
    metrics: Arc<Metrics>,
    clock: Arc<dyn Clock>,
    rates: Rates,
    refused: Seldom<Answered>,
    over_limit: Seldom<&'static str>,
    incomplete: Seldom<&'static str>,
}

impl Called {
    /// `rates` are those of the calls that Chat may warn of.
    pub(super) fn new(metrics: Arc<Metrics>, clock: Arc<dyn Clock>, rates: Rates) -> Self {
        let (refused, over_limit) = (Seldom::new(REFUSED_EVERY), Seldom::new(OVER_LIMIT_EVERY));
        let incomplete = Seldom::new(INCOMPLETE_EVERY);
        Self { metrics, clock, rates, refused, over_limit, incomplete }
    }

    fn warn_of_refused(&self, seen: Seen, others: u64) {
        let why = match seen.answered {
            Answered::WrongApp => "it names another SdkAppid than `[app] sdk_app_id`",
            Answered::Unsigned if seen.entrance == "room" => {
                "it is not signed: switch on authentication for the room engine too, or write \
                 `[callback] room_tokens = []` if it cannot sign"
            }
            Answered::Unsigned => "it is not signed: switch on authentication in the console",
            Answered::Forged if seen.entrance == "room" => {
                "its signature fits no `[callback] room_tokens` (nor `tokens`, where there are none): \
                 is the room engine's token there?"
            }
            Answered::Forged => {
                "its signature fits no `[callback] tokens`: is the console's token there?"
            }
            Answered::WrongSource => {
                "it is signed, but its address is not in `[callback] allow`; behind a proxy, set \
                 `trusted_proxies`"
            }
            Answered::WrongPath => {
                "only callbacks of rooms are taken without a signature at `[callback] room_path`"
            }
            _ => {
                "it was signed at a time that is further from ours, before or after, than `[callback] window`: \
                 are both clocks right?"
            }
        };
        let from = seen.origin.map_or_else(|| "nobody knows where".into(), |from| from.to_string());
        tracing::warn!(
            command = seen.command,
            from,
            others,
            "a callback was refused, {why} (told once a minute)"
        );
    }
}

impl Watch for Called {
    fn callback(&self, seen: Seen) {
        self.metrics.callback(seen.command, seen.entrance, seen.answered.name(), seen.took);
        let is_time = || self.refused.is_time(seen.answered, self.clock.now());
        if seen.answered.is_refusal()
            && let Some(others) = is_time()
        {
            self.warn_of_refused(seen, others);
        }
        let broken = [Answered::TooSlow, Answered::TooLarge, Answered::Garbled];
        if broken.contains(&seen.answered)
            && let Some(others) = is_time()
        {
            tracing::warn!(
                command = seen.command,
                answered = seen.answered.name(),
                others,
                "a callback could not be read: its body is no JSON, too large, or did not arrive \
                 whole; does a proxy change or limit it? (told once a minute)"
            );
        }
        if seen.answered == Answered::TooMany
            && let Some(others) = is_time()
        {
            tracing::warn!(
                command = seen.command,
                others,
                "a callback was refused: it tells of more events than are taken at once; its group is \
                 compared with Chat instead (told once a minute)"
            );
        }
        if seen.answered == Answered::Shed
            && let Some(others) = is_time()
        {
            tracing::warn!(
                command = seen.command,
                others,
                "a callback was shed: more come than can be decided while Chat waits; its group is \
                 compared with Chat later (told once a minute)"
            );
        }
        if seen.answered == Answered::Panicked {
            tracing::error!(command = seen.command, "a bug: deciding a callback panicked");
        }
    }

    fn lost(&self, lost: &Lost) {
        self.metrics.callback_lost(lost.why.name());
    }

    fn incomplete(&self, incomplete: &Incomplete) {
        let Incomplete { command, document, what } = incomplete;
        self.metrics.callback_incomplete(command);
        if let Some(others) = self.incomplete.is_time(command, self.clock.now()) {
            let document = document.link().unwrap_or_else(|| document.to_string());
            tracing::warn!(
                command,
                others,
                "a callback does not fit its command: {what}. It is kept as a plain `callback` event, which \
                 only rules `on = \"callback\"` hear of. What it should hold: {document} (told once an hour)"
            );
        }
    }

    fn over_limit(&self, over: &OverLimit) {
        let now = self.clock.now();
        // A command that we never call is other people's: there is nothing to slow down here.
        let ours = catalog::named(&over.command);
        let label = ours.map_or("other", |command| command.name());
        self.metrics.over_limit(label);
        if ours.is_some() {
            let limit = over.limit.and_then(|limit| u32::try_from(limit).ok());
            match limit.filter(|limit| *limit > 0) {
                Some(limit) => self.rates.lower_to(label, limit, now),
                None => self.rates.slow_down(label, now),
            }
        }
        if self.over_limit.is_time(label, now).is_some() {
            let told = |number: Option<i64>| number.map_or("?".to_owned(), |n| n.to_string());
            let (requests, limit) = (told(over.requests), told(over.limit));
            let then = match ours {
                Some(_) => "it is called half as often now, and slowly more often again",
                None => "it is not called by Groupkeeper: another back-end of the app calls it",
            };
            let command: String = over.command.chars().take(60).collect();
            tracing::warn!(
                command,
                requests,
                limit,
                "Chat warns that a command is called too often: {then} (told once an hour)"
            );
        }
    }
}

/// Whether a callback could not be taken: what it would have told is read from Chat.
pub(super) struct Refusals(pub(super) Arc<Called>, pub(super) Arc<Watcher>);

impl Watch for Refusals {
    fn callback(&self, seen: Seen) {
        self.0.callback(seen);
    }

    fn lost(&self, lost: &Lost) {
        self.1.lost(lost.group.as_ref());
        self.0.lost(lost);
    }

    fn incomplete(&self, incomplete: &Incomplete) {
        self.0.incomplete(incomplete);
    }

    fn over_limit(&self, over: &OverLimit) {
        self.0.over_limit(over);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{ManualClock, Timestamp};

    fn over(command: &str) -> OverLimit {
        OverLimit {
            service: "group_open_http_svc".into(),
            command: command.into(),
            requests: Some(180),
            limit: Some(200),
        }
    }

    /// How many calls of a command pass at once.
    fn pass(rates: &Rates, command: &'static str, now: Timestamp) -> usize {
        (0..1_000).take_while(|_| rates.take(command, now).is_ok()).count()
    }

    #[test]
    fn a_warning_lowers_the_rate_of_its_command_and_of_no_other() {
        let (metrics, now) = (Arc::new(Metrics::default()), Timestamp::from_secs(1_700_000_000));
        let rates = Rates::default();
        let clock = Arc::new(ManualClock::new(now));
        let called = Called::new(metrics.clone(), clock, rates.clone());
        called.over_limit(&over("send_group_msg"));
        called.over_limit(&over("command_of_tomorrow"));
        assert_eq!(pass(&rates, "send_group_msg", now), 100);
        assert_eq!(pass(&rates, "change_group_owner", now), 200);
        let text = metrics.render();
        for command in ["send_group_msg", "other"] {
            let line = format!("groupkeeper_over_limit_total{{command=\"{command}\"}} 1");
            assert!(text.contains(&line), "{text}");
        }
        assert!(!text.contains("command_of_tomorrow"));
    }

    /// Where log lines of one test go.
    #[derive(Clone, Default)]
    struct Lines(Arc<std::sync::Mutex<Vec<u8>>>);

    impl std::io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// What is logged at noon, and what is counted.
    fn logged(tell: impl FnOnce(&Called)) -> (String, String) {
        let lines = Lines::default();
        let writer = lines.clone();
        let log = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone());
        let metrics = Arc::new(Metrics::default());
        let clock = Arc::new(ManualClock::new(Timestamp::from_secs(1_700_000_000)));
        let called = Called::new(metrics.clone(), clock, Rates::default());
        tracing::subscriber::with_default(log.finish(), || tell(&called));
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        (text, metrics.render())
    }

    fn answered(answered: Answered) -> Seen {
        Seen {
            command: "Group.CallbackAfterNewMemberJoin",
            entrance: "chat",
            answered,
            took: Duration::ZERO,
            disagreed: false,
            incomplete: false,
            origin: None,
        }
    }

    #[test]
    fn a_body_that_does_not_fit_its_command_is_counted_and_told_seldom_with_what_is_missing() {
        let command = "Group.CallbackAfterNewMemberJoin";
        let query = crate::callback::Query { command: command.into(), ..Default::default() };
        let settings =
            crate::callback::decode::Settings { admins: &[], wants_callback_event: false };
        let body = br#"{"NewMemberList":[{"Member_Account":"hush"}]}"#;
        let decoded = crate::callback::decode(&query, body, settings, Timestamp(0)).unwrap();
        let incomplete = decoded.incomplete.unwrap();
        let (log, counted) = logged(|called| {
            called.incomplete(&incomplete);
            called.incomplete(&incomplete);
        });
        assert_eq!(log.matches("does not fit its command: GroupId is missing").count(), 1, "{log}");
        assert!(log.contains("https://www.tencentcloud.com/document/product/1047/34372"), "{log}");
        assert!(log.contains(command) && log.contains("WARN") && !log.contains("hush"), "{log}");
        let line = format!("groupkeeper_callbacks_incomplete_total{{command=\"{command}\"}} 2");
        assert!(counted.contains(&line), "{counted}");
    }

    #[test]
    fn a_time_that_lies_ahead_is_not_called_long_ago_and_many_events_are_not_called_a_large_body() {
        let (log, _) = logged(|called| called.callback(answered(Answered::Stale)));
        assert!(log.contains("before or after") && !log.contains("too long ago"), "{log}");
        let (log, _) = logged(|called| called.callback(answered(Answered::TooMany)));
        assert!(log.contains("more events than are taken at once"), "{log}");
        assert!(!log.contains("proxy"), "{log}");
    }
}
