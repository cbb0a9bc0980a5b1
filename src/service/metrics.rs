//! Counts and measures for Prometheus. Labels have few values: what a stranger sends never becomes one.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use crate::clock::Timestamp;
use crate::reconcile;

type Triple = [(&'static str, &'static str); 3];
type Pair = [(&'static str, String); 2];
type Single = [(&'static str, &'static str); 1];

/// All metrics of the service.
pub struct Metrics {
    registry: Registry,
    callbacks: Family<Triple, Counter<u64, AtomicU64>>,
    callbacks_lost: Family<Single, Counter<u64, AtomicU64>>,
    callbacks_incomplete: Family<Single, Counter<u64, AtomicU64>>,
    inside: Gauge,
    connections: Family<Single, Gauge>,
    connections_closed: Family<Pair, Counter<u64, AtomicU64>>,
    over_limit: Family<Single, Counter<u64, AtomicU64>>,
    events: Family<Single, Counter<u64, AtomicU64>>,
    decisions: Family<Pair, Counter<u64, AtomicU64>>,
    effects: Family<Pair, Counter<u64, AtomicU64>>,
    outbox_pending: Gauge,
    sanctions_late: Gauge,
    store_size: Gauge,
    store_live: Gauge,
    quarantined: Gauge,
    dead_letters: Counter,
    alerts: Counter,
    commands_stopped: Family<Single, Gauge>,
    rules_loaded: Gauge,
    rules_by_mode: Family<Single, Gauge>,
    reconcile: Reconciling,
    rules_trouble: Gauge,
    rules_reloads: Family<Single, Counter<u64, AtomicU64>>,
    rules_last_attempt: Gauge,
    rules_last_success: Gauge,
    lateness: Histogram,
    answering: Histogram,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("groupkeeper");
        let metrics = Self {
            callbacks: Family::default(),
            callbacks_lost: Family::default(),
            callbacks_incomplete: Family::default(),
            inside: Gauge::default(),
            connections: Family::default(),
            connections_closed: Family::default(),
            over_limit: Family::default(),
            events: Family::default(),
            decisions: Family::default(),
            effects: Family::default(),
            outbox_pending: Gauge::default(),
            sanctions_late: Gauge::default(),
            store_size: Gauge::default(),
            store_live: Gauge::default(),
            quarantined: Gauge::default(),
            dead_letters: Counter::default(),
            alerts: Counter::default(),
            commands_stopped: Family::default(),
            rules_loaded: Gauge::default(),
            rules_by_mode: Family::default(),
            reconcile: Reconciling::default(),
            rules_trouble: Gauge::default(),
            rules_reloads: Family::default(),
            rules_last_attempt: Gauge::default(),
            rules_last_success: Gauge::default(),
            // From a tenth of a second to more than a day.
            lateness: Histogram::new(exponential_buckets(0.1, 4.0, 11)),
            // From a millisecond to the two seconds that Chat waits.
            answering: Histogram::new(exponential_buckets(0.001, 2.0, 12)),
            registry: Registry::default(),
        };
        let mut counted =
            |name: &str, help: &str, family: &Family<Pair, Counter<u64, AtomicU64>>| {
                registry.register(name, help, family.clone());
            };
        counted(
            "decisions",
            "Rules that looked at an event, by what came of it",
            &metrics.decisions,
        );
        counted("effects", "Tries to carry out effects, by action and outcome", &metrics.effects);
        let help = "Callbacks by command, entrance (chat, room) and answer";
        registry.register("callbacks", help, metrics.callbacks.clone());
        metrics.register_edge(&mut registry);
        let help = "Warnings of Chat that a command is called too often, by command";
        registry.register("over_limit", help, metrics.over_limit.clone());
        registry.register("events", "Events decided, by name", metrics.events.clone());
        registry.register("outbox_pending", "Effects not settled", metrics.outbox_pending.clone());
        let help = "Sanctions that should have ended more than two minutes ago";
        registry.register("sanctions_late", help, metrics.sanctions_late.clone());
        let help =
            "Events and records that a bug keeps from being worked on, until a person settles them";
        registry.register("quarantined", help, metrics.quarantined.clone());
        registry.register("dead_letters", "Effects given up", metrics.dead_letters.clone());
        let help = "Alerts: those that rules raised, and commands that stopped";
        registry.register("alerts", help, metrics.alerts.clone());
        let help = "1 while a command (or `all`) does not work until a person mends it";
        registry.register("command_stopped", help, metrics.commands_stopped.clone());
        metrics.register_rules(&mut registry);
        metrics.register_store(&mut registry);
        metrics.reconcile.register(&mut registry);
        metrics.register_times(&mut registry);
        Self { registry, ..metrics }
    }
}

/// What is told of reconciliation.
#[derive(Default)]
struct Reconciling {
    last_success: Gauge,
    groups: Gauge,
    running: Gauge,
    trouble: Gauge,
    found: Family<Single, Counter<u64, AtomicU64>>,
}

impl Reconciling {
    fn register(&self, registry: &mut Registry) {
        registry.register_with_unit(
            "reconcile_last_success_timestamp",
            "When all groups had last been compared with Chat, since 1970",
            Unit::Seconds,
            self.last_success.clone(),
        );
        let help = "Groups that were compared with Chat since the start";
        registry.register("reconcile_groups", help, self.groups.clone());
        let help = "1 while groups are being compared with Chat";
        registry.register("reconcile_running", help, self.running.clone());
        let help = "1 while comparing groups with Chat pauses because of trouble";
        registry.register("reconcile_trouble", help, self.trouble.clone());
        let help = "Events that no callback told of and reconciliation found, by name";
        registry.register("reconcile_found", help, self.found.clone());
    }
}

/// What came of reading the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reload {
    /// Other files are in force now.
    Changed,
    /// The files are those in force.
    Unchanged,
    /// They are broken; those in force stay.
    Failed,
}

impl Metrics {
    fn register_edge(&self, registry: &mut Registry) {
        let help =
            "Callbacks that were let in and not taken, by why; their groups are compared with Chat";
        registry.register("callbacks_lost", help, self.callbacks_lost.clone());
        let help =
            "Callbacks that do not fit their command and are kept as plain `callback` events";
        registry.register("callbacks_incomplete", help, self.callbacks_incomplete.clone());
        let help = "Callbacks that wait or are being decided";
        registry.register("callbacks_inside", help, self.inside.clone());
        let help = "Open connections, by listener (callback, admin)";
        registry.register("connections", help, self.connections.clone());
        let help = "Connections that were closed on the caller, by listener and why (full, slow)";
        registry.register("connections_closed", help, self.connections_closed.clone());
    }

    fn register_rules(&self, registry: &mut Registry) {
        registry.register("rules_loaded", "Rules in force", self.rules_loaded.clone());
        registry.register("rules", "Rules in force, by mode", self.rules_by_mode.clone());
        let help = "1 while the rules on disk are broken and not in force";
        registry.register("rules_trouble", help, self.rules_trouble.clone());
        let help = "Readings of the rules on disk, by what came of them";
        registry.register("rules_reloads", help, self.rules_reloads.clone());
        let help = "1 when the last reading of the rules on disk found no error";
        registry.register("rules_last_attempt_success", help, self.rules_last_attempt.clone());
        registry.register_with_unit(
            "rules_last_success_timestamp",
            "When the rules on disk were last read without an error, since 1970",
            Unit::Seconds,
            self.rules_last_success.clone(),
        );
    }

    fn register_times(&self, registry: &mut Registry) {
        let help = "How long after its time the end of a sanction was taken up";
        let lateness = self.lateness.clone();
        registry.register_with_unit("sanction_end_lateness", help, Unit::Seconds, lateness);
        let help = "How long Chat waited for the answer to a callback";
        let answering = self.answering.clone();
        registry.register_with_unit("callback_answer", help, Unit::Seconds, answering);
    }

    fn register_store(&self, registry: &mut Registry) {
        let help = "The store on disk";
        registry.register_with_unit("store_size", help, Unit::Bytes, self.store_size.clone());
        let help = "What lives in the store, measured every hour; a file that is much larger is worth compacting";
        registry.register_with_unit("store_live", help, Unit::Bytes, self.store_live.clone());
    }

    /// The store on disk, in bytes.
    pub fn set_store_size(&self, bytes: u64) {
        self.store_size.set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    /// What lives in the store, in bytes.
    pub fn set_store_live(&self, bytes: u64) {
        self.store_live.set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    /// Reconciliation has found an event that no callback had told of.
    pub fn found(&self, name: &'static str) {
        self.reconcile.found.get_or_create(&[("event", name)]).inc();
    }

    /// How far reconciliation is.
    pub fn set_reconciled(&self, status: &reconcile::Status) {
        let of = &self.reconcile;
        let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        if let Some(ended) = status.last_of_all.as_ref().and_then(|last| last.ended) {
            of.last_success.set(ended.secs());
        }
        of.groups.set(number(status.groups));
        of.running.set(i64::from(!status.running.is_empty()));
        of.trouble.set(i64::from(status.trouble.is_some()));
    }

    /// The rules on disk were read.
    pub fn reload(&self, result: Reload, now: Timestamp) {
        let name = match result {
            Reload::Changed => "changed",
            Reload::Unchanged => "unchanged",
            Reload::Failed => "failed",
        };
        self.rules_reloads.get_or_create(&[("result", name)]).inc();
        let good = result != Reload::Failed;
        self.rules_last_attempt.set(i64::from(good));
        if good {
            self.rules_last_success.set(now.secs());
        }
    }

    /// A callback was answered. `command` must be one that Chat documents, or `other`.
    pub fn callback(
        &self,
        command: &'static str,
        entrance: &'static str,
        answer: &'static str,
        took: Duration,
    ) {
        self.answering.observe(took.as_secs_f64());
        let labels = [("command", command), ("entrance", entrance), ("answer", answer)];
        self.callbacks.get_or_create(&labels).inc();
    }

    /// A callback was let in and not taken.
    pub fn callback_lost(&self, why: &'static str) {
        self.callbacks_lost.get_or_create(&[("why", why)]).inc();
    }

    /// A callback does not fit its command, which must be one that Chat documents.
    pub fn callback_incomplete(&self, command: &'static str) {
        self.callbacks_incomplete.get_or_create(&[("command", command)]).inc();
    }

    /// Callbacks that wait or are being decided.
    pub fn set_inside(&self, inside: usize) {
        self.inside.set(i64::try_from(inside).unwrap_or(i64::MAX));
    }

    /// Connections that a listener has open.
    pub fn set_connections(&self, listener: &'static str, open: usize) {
        let open = i64::try_from(open).unwrap_or(i64::MAX);
        self.connections.get_or_create(&[("listener", listener)]).set(open);
    }

    /// A listener has closed a connection that would have stayed, or did not take one.
    pub fn connection_closed(&self, listener: &str, why: &str) {
        let labels = [("listener", listener.to_owned()), ("why", why.to_owned())];
        self.connections_closed.get_or_create(&labels).inc();
    }

    /// Chat warned of too many calls of a command. `command` must be one of ours, or `other`.
    pub fn over_limit(&self, command: &'static str) {
        self.over_limit.get_or_create(&[("command", command)]).inc();
    }

    /// An event was decided.
    pub fn event(&self, name: &'static str) {
        self.events.get_or_create(&[("event", name)]).inc();
    }

    /// A rule looked at an event.
    pub fn decision(&self, rule: &str, outcome: &str) {
        let labels = [("rule", rule.to_owned()), ("outcome", outcome.to_owned())];
        self.decisions.get_or_create(&labels).inc();
    }

    /// A try is over.
    pub fn effect(&self, action: &str, outcome: &str) {
        let labels = [("action", action.to_owned()), ("outcome", outcome.to_owned())];
        self.effects.get_or_create(&labels).inc();
    }

    /// An effect was given up.
    pub fn dead_letter(&self) {
        self.dead_letters.inc();
    }

    /// A rule called for a person.
    pub fn alert(&self) {
        self.alerts.inc();
    }

    /// A command, or `all`, has stopped or works again.
    pub fn set_command_stopped(&self, command: &'static str, stopped: bool) {
        let labels = [("command", command)];
        self.commands_stopped.get_or_create(&labels).set(i64::from(stopped));
    }

    /// The end of a sanction was taken up this long after its time.
    pub fn sanction_end_lateness(&self, late: Duration) {
        self.lateness.observe(late.as_secs_f64());
    }

    /// Effects not settled.
    pub fn set_outbox_pending(&self, pending: usize) {
        self.outbox_pending.set(i64::try_from(pending).unwrap_or(i64::MAX));
    }

    /// Sanctions whose end is late.
    pub fn set_sanctions_late(&self, late: usize) {
        self.sanctions_late.set(i64::try_from(late).unwrap_or(i64::MAX));
    }

    /// What is in quarantine.
    pub fn set_quarantined(&self, kept: usize) {
        self.quarantined.set(i64::try_from(kept).unwrap_or(i64::MAX));
    }

    /// The modes of the rules in force, and whether those on disk are broken.
    pub fn set_rules<'m>(&self, modes: impl Iterator<Item = &'m str>, trouble: bool) {
        let mut counts = BTreeMap::from([("enforce", 0), ("shadow", 0), ("off", 0)]);
        for mode in modes {
            counts.get_mut(mode).into_iter().for_each(|count| *count += 1);
        }
        self.rules_loaded.set(counts.values().sum());
        for (mode, count) in counts {
            self.rules_by_mode.get_or_create(&[("mode", mode)]).set(count);
        }
        self.rules_trouble.set(i64::from(trouble));
    }

    /// All of them in OpenMetrics text.
    pub fn render(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_rendered() {
        let metrics = Metrics::default();
        metrics.callback("Group.CallbackAfterSendMsg", "chat", "taken", Duration::ZERO);
        metrics.callback("Group.CallbackAfterSendMsg", "chat", "taken", Duration::ZERO);
        metrics.set_outbox_pending(3);
        let text = metrics.render();
        let line = "groupkeeper_callbacks_total{command=\"Group.CallbackAfterSendMsg\",entrance=\"chat\",answer=\"taken\"} 2";
        assert!(text.contains(line), "{text}");
        assert!(text.contains("groupkeeper_outbox_pending 3"), "{text}");
    }
}
