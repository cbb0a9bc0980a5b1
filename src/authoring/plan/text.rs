//! A plan as a person reads it.

use crate::authoring::one_line;

use super::{Difference, Fate, History, KeyChange, Plan, Side, StateFate};

impl Plan {
    /// For a terminal; of each group of differences, at most `limit` are shown.
    pub fn render(&self, limit: usize) -> String {
        let mut text = String::new();
        if self.is_nothing() {
            text.push_str(&format!(
                "nothing changes: {} rules say the same in the same order\n",
                self.unchanged
            ));
        }
        for rule in &self.changed {
            text.push_str(&format!("changed  {}  ({})\n", rule.rule, rule.place));
            rule.keys.iter().for_each(|key| text.push_str(&key_line(key)));
            text.push_str(&fates(&rule.state));
        }
        for rule in &self.added {
            text.push_str(&format!("added    {}  ({}), {}\n", rule.rule, rule.place, rule.starts));
        }
        for rule in &self.removed {
            text.push_str(&format!("removed  {}  ({})\n", rule.rule, rule.place));
            if let Some(renamed) = &rule.renamed_to {
                text.push_str(&format!(
                    "  `{renamed}` says the same, but state stands under a rule's id: it begins without any\n"
                ));
            }
            text.push_str(&fates(&rule.state));
        }
        for rule in &self.moved {
            let order = if rule.order { "; it runs in another order" } else { "" };
            text.push_str(&format!(
                "moved    {}  ({} -> {}){order}\n",
                rule.rule, rule.from, rule.to
            ));
        }
        if !self.is_nothing() && self.unchanged > 0 {
            let more =
                if self.unchanged == 1 { "rule is as it was" } else { "rules are as they were" };
            text.push_str(&format!("{} other {more}\n", self.unchanged));
        }
        if let Some(history) = &self.history {
            text.push('\n');
            text.push_str(&history.render(limit));
        }
        text
    }
}

fn key_line(change: &KeyChange) -> String {
    let KeyChange { key, old, new } = change;
    match (old, new) {
        (Some(old), Some(new)) => format!("  {key}: {old} -> {new}\n"),
        (None, Some(new)) => format!("  {key}: {new} (new)\n"),
        (Some(old), None) => format!("  {key}: {old} (gone)\n"),
        (None, None) => String::new(),
    }
}

fn fates(fates: &[StateFate]) -> String {
    let line = |fate: &StateFate| {
        let entries = fate.entries.map(|number| format!(" ({number})")).unwrap_or_default();
        let what = match fate.fate {
            Fate::Kept => "kept",
            Fate::Dropped => "dropped",
        };
        format!("  {}{entries} {what}: {}\n", fate.state, fate.why)
    };
    fates.iter().map(line).collect()
}

impl History {
    fn render(&self, limit: usize) -> String {
        let Self { since, until, events, same, .. } = self;
        if *events == 0 {
            return "the journal holds no event of this time\n".to_owned();
        }
        let mut text = format!("from {since} to {until}, {events} events:\n");
        if self.differences.is_empty() {
            text.push_str(&format!(
                "  nothing would have been decided differently ({same} the same)\n"
            ));
        }
        for group in self.differences.chunk_by(|one, other| kind(one) == kind(other)) {
            let Some(first) = group.first() else { continue };
            let side = match first.side {
                Side::OnlyNew => "only with the new rules",
                Side::OnlyOld => "not any more",
                Side::Changed => "differently",
            };
            text.push_str(&format!("  {}: {} × {} {side}\n", first.rule, group.len(), first.act));
            for one in group.iter().take(limit) {
                text.push_str(&format!("    {}\n", one_line(&difference_line(one))));
            }
            if group.len() > limit {
                let more = group.len() - limit;
                text.push_str(&format!("    and {more} more (--limit shows them)\n"));
            }
        }
        if !self.differences.is_empty() {
            text.push_str(&format!("  {same} × the same\n"));
        }
        text.push_str("\nhow far to trust this:\n");
        self.notes.iter().for_each(|note| text.push_str(&format!("  {note}\n")));
        text
    }
}

fn kind(difference: &Difference) -> (&str, &str, Side) {
    (&difference.rule, &difference.act, difference.side)
}

fn difference_line(difference: &Difference) -> String {
    let Difference { at, old, new, event, side, .. } = difference;
    if let (Side::Changed, Some(old), Some(new)) = (side, old, new)
        && old.ends_with('Z')
    {
        // Both tell their times.
        return format!("{old}  ->  {new}  (event {event})");
    }
    let what = match (old, new) {
        (Some(old), Some(new)) => format!("{old}  ->  {new}"),
        (Some(one), None) | (None, Some(one)) => one.clone(),
        (None, None) => String::new(),
    };
    format!("{at}  {what}  (event {event})")
}
