//! What was expected beside what came: which effect differs, and in which field.

use std::fmt;

use super::{Expected, same, written};

/// One line of the comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    pub kind: Kind,
    /// The effect's name.
    pub action: String,
    /// The effect as expected, as a test file writes it; absent when nobody expected it.
    pub expected: Option<String>,
    /// The effect as it came; absent when it did not.
    pub got: Option<String>,
    /// The fields that differ.
    pub fields: Vec<FieldDifference>,
}

/// How an effect stands to what was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Met,
    Differs,
    Missing,
    Unexpected,
}

/// One field of an effect that is not as expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldDifference {
    pub name: String,
    pub expected: String,
    /// Absent when the effect has no such field.
    pub got: Option<String>,
}

impl Kind {
    /// As scripts read it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Differs => "differs",
            Self::Missing => "missing",
            Self::Unexpected => "unexpected",
        }
    }
}

impl Difference {
    /// One sentence, for lists; nothing when the effect is as expected.
    pub fn sentence(&self) -> Option<String> {
        let action = &self.action;
        Some(match (self.kind, self.fields.first()) {
            (Kind::Met, _) | (Kind::Differs, None) => return None,
            (Kind::Missing, _) => format!("`{action}` was expected and did not come"),
            (Kind::Unexpected, _) => format!("`{action}` came and was not expected"),
            (Kind::Differs, Some(FieldDifference { name, expected, got })) => match got {
                Some(got) => {
                    format!("`{name}` of `{action}` is {got:?}, expected was {expected:?}")
                }
                None => format!("`{action}` has no `{name}`, expected was {expected:?}"),
            },
        })
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (expected, got) = (self.expected.as_deref(), self.got.as_deref());
        let effect = match self.kind {
            Kind::Missing => expected,
            _ => got,
        };
        write!(f, "{:<10}  {}", self.kind.name(), effect.unwrap_or_default())?;
        for field in &self.fields {
            let name = &field.name;
            write!(f, "\n            `{name}` expected  {:?}", field.expected)?;
            let blank = " ".repeat(name.chars().count() + 2);
            match &field.got {
                Some(got) => write!(f, "\n            {blank} got       {got:?}")?,
                None => write!(f, "\n            {blank} got       nothing of that name")?,
            }
        }
        Ok(())
    }
}

/// The fields of an effect of the same action that are not as expected; one left out is not compared.
fn fields(expected: &Expected, seen: &Expected) -> Vec<FieldDifference> {
    let differs = |(name, value): (&String, &String)| {
        let got = seen.fields.get(name);
        let met = got.is_some_and(|got| same(name, value, got));
        (!met).then(|| FieldDifference {
            name: name.clone(),
            expected: value.clone(),
            got: got.cloned(),
        })
    };
    expected.fields.iter().filter_map(differs).collect()
}

/// Whether everything came that was expected, in order, and nothing else.
pub(in crate::authoring) fn is_met(expected: &[Expected], seen: &[Expected]) -> bool {
    let met = |(expected, seen): (&Expected, &Expected)| {
        expected.action == seen.action && fields(expected, seen).is_empty()
    };
    expected.len() == seen.len() && expected.iter().zip(seen).all(met)
}

/// How well a pair fits: the fewer fields differ, the better; other actions never make a pair.
fn cost(expected: &Expected, seen: &Expected) -> Option<usize> {
    if expected.action != seen.action {
        return None;
    }
    // Always cheaper than leaving both alone.
    Some(fields(expected, seen).len().min(ALONE * 2 - 1))
}

const ALONE: usize = 100;

/// Puts both lists side by side, so that as much as possible stands beside what it was meant to be.
pub(in crate::authoring) fn align(expected: &[Expected], seen: &[Expected]) -> Vec<Difference> {
    // costs[i][j]: of aligning what is behind the i-th expected and the j-th seen.
    let mut costs = vec![vec![0; seen.len() + 1]; expected.len() + 1];
    for i in (0..=expected.len()).rev() {
        for j in (0..=seen.len()).rev() {
            let missing = (i < expected.len()).then(|| costs[i + 1][j] + ALONE);
            let extra = (j < seen.len()).then(|| costs[i][j + 1] + ALONE);
            let pair = expected.get(i).zip(seen.get(j));
            let pair = pair.and_then(|(one, other)| Some(cost(one, other)? + costs[i + 1][j + 1]));
            costs[i][j] = [pair, missing, extra].into_iter().flatten().min().unwrap_or(0);
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut lines = Vec::new();
    while i < expected.len() || j < seen.len() {
        let pair = expected.get(i).zip(seen.get(j));
        let pair = pair.and_then(|(one, other)| Some((one, other, cost(one, other)?)));
        if let Some((one, other, cost)) = pair
            && costs[i][j] == cost + costs[i + 1][j + 1]
        {
            let fields = fields(one, other);
            let kind = if fields.is_empty() { Kind::Met } else { Kind::Differs };
            let (expected, got) = (Some(written(one)), Some(written(other)));
            let action = one.action.clone();
            lines.push(Difference { kind, action, expected, got, fields });
            (i, j) = (i + 1, j + 1);
        } else if i < expected.len() && costs[i][j] == costs[i + 1][j] + ALONE {
            lines.push(alone(Kind::Missing, &expected[i]));
            i += 1;
        } else {
            lines.push(alone(Kind::Unexpected, &seen[j]));
            j += 1;
        }
    }
    lines
}

fn alone(kind: Kind, effect: &Expected) -> Difference {
    let text = Some(written(effect));
    let (expected, got) = if kind == Kind::Missing { (text, None) } else { (None, text) };
    Difference { kind, action: effect.action.clone(), expected, got, fields: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn effect(action: &str, fields: &[(&str, &str)]) -> Expected {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Expected { action: action.to_owned(), fields: fields.iter().map(own).collect() }
    }

    fn kinds(expected: &[Expected], seen: &[Expected]) -> Vec<Kind> {
        align(expected, seen).iter().map(|difference| difference.kind).collect()
    }

    #[test]
    fn a_field_left_out_is_not_compared() {
        let seen = [effect("mute", &[("who", "ann"), ("for", "1h30m")])];
        assert!(is_met(&[effect("mute", &[("for", "90m")])], &seen));
        assert!(!is_met(&[effect("mute", &[("who", "ben")])], &seen));
        assert!(!is_met(&[effect("mute", &[("reason", "x")])], &seen));
        assert!(!is_met(&[], &seen));
    }

    #[test]
    fn an_effect_that_is_missing_does_not_shift_those_behind_it() {
        let (mute, message) = (effect("mute", &[]), effect("send_message", &[]));
        let alert = effect("alert", &[]);
        let expected = [mute.clone(), alert, message.clone()];
        let seen = [mute.clone(), message.clone()];
        assert_eq!(kinds(&expected, &seen), [Kind::Met, Kind::Missing, Kind::Met]);
        assert_eq!(kinds(&seen, &expected), [Kind::Met, Kind::Unexpected, Kind::Met]);
        assert_eq!(kinds(&[mute], &[message]), [Kind::Missing, Kind::Unexpected]);
    }

    #[test]
    fn the_field_that_differs_is_told_with_both_values() {
        let told = align(
            &[effect("mute", &[("for", "5m"), ("who", "ann")])],
            &[effect("mute", &[("for", "30m"), ("who", "ann")])],
        );
        assert_eq!(
            told[0].to_string(),
            "differs     { mute = { for = \"30m\", who = \"ann\" } }\n            \
             `for` expected  \"5m\"\n                  got       \"30m\""
        );
    }
}
