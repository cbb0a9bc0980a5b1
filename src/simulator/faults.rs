//! What can be made to go wrong, on the REST side and with callbacks.

use std::time::Duration;

use crate::clock::Timestamp;

/// One thing that goes wrong, how often, and for which commands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// A glob with `*` over `command` or `service/command` (REST), or over the `CallbackCommand`.
    pub on: String,
    /// How often; `None`: until cleared.
    pub times: Option<u32>,
    pub kind: FaultKind,
}

/// Narrows a fault further. The default narrows nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// A glob over the `GroupId` or `RoomId` that the call or callback is about.
    pub about: Option<String>,
    /// For so long from the injection on.
    pub lasting: Option<Duration>,
    /// The first so many that fit are spared.
    pub sparing: u32,
    /// Of those that fit, each n-th only; 0 and 1: each.
    pub every: u32,
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// REST: this HTTP status and no answer; nothing is applied.
    Status(u16),
    /// REST: this `ErrorCode` with these words; nothing is applied.
    Code(i64, String),
    /// REST: no answer, for ever; nothing is applied.
    Hang,
    /// REST: applied, and then the connection is cut.
    ApplyThenDropReply,
    /// REST: applied, and then no answer, for ever.
    ApplyThenHang,
    /// REST: the connection is cut at once; nothing is applied or recorded.
    RefuseConnection,
    /// REST reads: for so long after the injection they see the groups and rooms of that moment.
    StaleReads { during: Duration },
    /// REST: applied, and answered that much later.
    Slow { by: Duration },
    /// REST: applied; only half of the answer comes.
    GarbleAnswer,
    /// REST commands with a list: each n-th entry fails, the others are applied. A command without
    /// results per entry answers 10002 although it was applied to the others.
    Partial { every: usize },
    /// `send_group_msg`: answered 0 with `MsgDropReason`, and not delivered.
    DropMessage,
    /// Callbacks: sent twice (after callbacks only; Chat never repeats a question).
    Duplicate,
    /// Callbacks: never sent; a question that is lost counts as timed out.
    Lose,
    /// After callbacks: sent that much later.
    Delay { by: Duration },
    /// After callbacks: sent behind all others that wait.
    Reorder,
    /// Callbacks: only half of the body is sent.
    Garble,
    /// Callbacks: signed with another token.
    WrongSign,
    /// Callbacks: with another `SdkAppid`.
    WrongApp,
    /// Callbacks: signed that long ago (`RequestTime`).
    OldSign { by: Duration },
    /// Callbacks: `EventTime` is off by so many milliseconds.
    Skew { by: i64 },
}

impl FaultKind {
    fn is_rest(&self) -> bool {
        !matches!(
            self,
            Self::Duplicate
                | Self::Lose
                | Self::Delay { .. }
                | Self::Reorder
                | Self::Garble
                | Self::WrongSign
                | Self::WrongApp
                | Self::OldSign { .. }
                | Self::Skew { .. }
        )
    }
}

/// A fault in force.
#[derive(Debug)]
struct Active {
    since: Timestamp,
    fault: Fault,
    scope: Scope,
    /// How many fitted so far.
    seen: u32,
}

impl Active {
    fn is_over(&self, now: Timestamp) -> bool {
        self.scope.lasting.is_some_and(|lasting| now >= self.since + lasting)
    }

    fn is_about(&self, about: Option<&str>) -> bool {
        match &self.scope.about {
            Some(glob) => about.is_some_and(|about| matches(glob, about)),
            None => true,
        }
    }

    /// Counts one more that fits; whether it is hit.
    fn hits(&mut self) -> bool {
        self.seen = self.seen.saturating_add(1);
        let counted = self.seen.saturating_sub(self.scope.sparing);
        counted > 0 && counted.is_multiple_of(self.scope.every.max(1))
    }
}

/// The faults in force, oldest first.
#[derive(Debug, Default)]
pub(super) struct Faults {
    active: Vec<Active>,
}

impl Faults {
    pub(super) fn inject(&mut self, now: Timestamp, fault: Fault, scope: Scope) {
        self.active.push(Active { since: now, fault, scope, seen: 0 });
    }

    pub(super) fn clear(&mut self) {
        self.active.clear();
    }

    /// What goes wrong with this REST call, read or write; uses the fault up.
    pub(super) fn rest(
        &mut self,
        now: Timestamp,
        service: &str,
        command: &str,
        about: Option<&str>,
    ) -> Option<FaultKind> {
        let full = format!("{service}/{command}");
        self.take(now, about, |fault| {
            fault.kind.is_rest()
                && !matches!(fault.kind, FaultKind::StaleReads { .. })
                && (matches(&fault.on, command) || matches(&fault.on, &full))
        })
    }

    /// Whether this read sees old state.
    pub(super) fn is_stale(&self, now: Timestamp, command: &str) -> bool {
        self.active.iter().any(|active| match active.fault.kind {
            FaultKind::StaleReads { during } => {
                matches(&active.fault.on, command) && now < active.since + during
            }
            _ => false,
        })
    }

    /// What goes wrong with this callback; uses the fault up.
    pub(super) fn callback(
        &mut self,
        now: Timestamp,
        command: &str,
        asks: bool,
        about: Option<&str>,
    ) -> Option<FaultKind> {
        self.take(now, about, |fault| {
            let after_only = matches!(
                fault.kind,
                FaultKind::Duplicate | FaultKind::Delay { .. } | FaultKind::Reorder
            );
            let concerns = !(fault.kind.is_rest() || asks && after_only);
            concerns && matches(&fault.on, command)
        })
    }

    fn take(
        &mut self,
        now: Timestamp,
        about: Option<&str>,
        fits: impl Fn(&Fault) -> bool,
    ) -> Option<FaultKind> {
        let keeps = |active: &Active| {
            matches!(active.fault.kind, FaultKind::StaleReads { .. }) || !active.is_over(now)
        };
        self.active.retain(keeps);
        let hit =
            |active: &mut Active| fits(&active.fault) && active.is_about(about) && active.hits();
        let index = self.active.iter_mut().position(hit)?;
        let fault = &mut self.active[index].fault;
        let kind = fault.kind.clone();
        if let Some(times) = &mut fault.times {
            *times = times.saturating_sub(1);
            if *times == 0 {
                self.active.remove(index);
            }
        }
        Some(kind)
    }
}

/// Whether `text` fits the glob: `*` stands for any text, everything else for itself.
pub(super) fn matches(glob: &str, text: &str) -> bool {
    let mut parts = glob.split('*');
    let Some(rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    let mut rest = rest;
    for part in parts {
        let Some(place) = rest.find(part) else { return false };
        rest = &rest[place + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        for (glob, text, fits) in [
            ("*", "get_group_info", true),
            ("get_*", "get_group_info", true),
            ("*info", "get_group_info", true),
            ("get*group*info", "get_group_info", true),
            ("get_group_info", "get_group_info", true),
            ("get_group", "get_group_info", false),
            ("*member", "get_group_info", false),
            ("ab*ba", "aba", false),
        ] {
            assert_eq!(matches(glob, text), fits, "{glob} on {text}");
        }
    }

    fn faults(kind: FaultKind, times: Option<u32>, scope: Scope) -> Faults {
        let mut faults = Faults::default();
        faults.inject(Timestamp(0), Fault { on: "*".into(), times, kind }, scope);
        faults
    }

    /// Which of these calls were hit: the moment and what it is about.
    fn hit(faults: &mut Faults, calls: &[(i64, &str)]) -> Vec<bool> {
        let one = |(at, about): &(i64, &str)| {
            faults.rest(Timestamp(*at), "s", "c", Some(about)).is_some()
        };
        calls.iter().map(one).collect()
    }

    #[test]
    fn a_fault_with_a_number_is_used_up() {
        let mut faults = faults(FaultKind::Status(502), Some(2), Scope::default());
        assert_eq!(hit(&mut faults, &[(0, "g"); 3]), [true, true, false]);
    }

    #[test]
    fn a_scope_narrows_to_a_group_a_time_and_each_nth() {
        let fault = |scope| faults(FaultKind::Hang, None, scope);
        let about = Scope { about: Some("@TGS#*".into()), ..Scope::default() };
        assert_eq!(hit(&mut fault(about), &[(0, "@TGS#1"), (0, "room")]), [true, false]);
        let lasting = Scope { lasting: Some(Duration::from_millis(5)), ..Scope::default() };
        assert_eq!(hit(&mut fault(lasting), &[(0, "g"), (4, "g"), (5, "g")]), [true, true, false]);
        let later = Scope { sparing: 1, every: 2, ..Scope::default() };
        assert_eq!(
            hit(&mut fault(later), &[(0, "g"); 6]),
            [false, false, true, false, true, false]
        );
    }

    #[test]
    fn a_question_is_never_duplicated() {
        let mut faults = faults(FaultKind::Duplicate, None, Scope::default());
        let mut seen = |command, asks| faults.callback(Timestamp(0), command, asks, None);
        assert_eq!(seen("Group.CallbackBeforeSendMsg", true), None);
        assert_eq!(seen("Group.CallbackAfterSendMsg", false), Some(FaultKind::Duplicate));
    }
}
