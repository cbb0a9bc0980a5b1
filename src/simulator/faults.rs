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
}

impl FaultKind {
    fn is_rest(&self) -> bool {
        !matches!(
            self,
            Self::Duplicate | Self::Lose | Self::Delay { .. } | Self::Reorder | Self::Garble
        )
    }
}

/// The faults in force, oldest first.
#[derive(Debug, Default)]
pub(super) struct Faults {
    active: Vec<(Timestamp, Fault)>,
}

impl Faults {
    pub(super) fn inject(&mut self, now: Timestamp, fault: Fault) {
        self.active.push((now, fault));
    }

    pub(super) fn clear(&mut self) {
        self.active.clear();
    }

    /// What goes wrong with this REST call, read or write; uses the fault up.
    pub(super) fn rest(&mut self, service: &str, command: &str) -> Option<FaultKind> {
        let full = format!("{service}/{command}");
        self.take(|fault| {
            fault.kind.is_rest()
                && !matches!(fault.kind, FaultKind::StaleReads { .. })
                && (matches(&fault.on, command) || matches(&fault.on, &full))
        })
    }

    /// Whether this read sees old state.
    pub(super) fn is_stale(&self, now: Timestamp, command: &str) -> bool {
        self.active.iter().any(|(since, fault)| match fault.kind {
            FaultKind::StaleReads { during } => {
                matches(&fault.on, command) && now < *since + during
            }
            _ => false,
        })
    }

    /// What goes wrong with this callback; uses the fault up.
    pub(super) fn callback(&mut self, command: &str, asks: bool) -> Option<FaultKind> {
        self.take(|fault| {
            let fits = match fault.kind {
                FaultKind::Lose | FaultKind::Garble => true,
                FaultKind::Duplicate | FaultKind::Delay { .. } | FaultKind::Reorder => !asks,
                _ => false,
            };
            fits && matches(&fault.on, command)
        })
    }

    fn take(&mut self, fits: impl Fn(&Fault) -> bool) -> Option<FaultKind> {
        let index = self.active.iter().position(|(_, fault)| fits(fault))?;
        let fault = &mut self.active[index].1;
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

    #[test]
    fn a_fault_with_a_number_is_used_up() {
        let mut faults = Faults::default();
        let fault = Fault { on: "*".into(), times: Some(2), kind: FaultKind::Status(502) };
        faults.inject(Timestamp(0), fault);
        let seen: Vec<_> = (0..3).map(|_| faults.rest("s", "c")).collect();
        assert_eq!(seen, [Some(FaultKind::Status(502)), Some(FaultKind::Status(502)), None]);
    }

    #[test]
    fn a_question_is_never_duplicated() {
        let mut faults = Faults::default();
        let fault = Fault { on: "*".into(), times: None, kind: FaultKind::Duplicate };
        faults.inject(Timestamp(0), fault);
        assert_eq!(faults.callback("Group.CallbackBeforeSendMsg", true), None);
        assert_eq!(
            faults.callback("Group.CallbackAfterSendMsg", false),
            Some(FaultKind::Duplicate)
        );
    }
}
