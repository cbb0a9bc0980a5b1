//! One line for what stands in the outbox, is held, or was given up.

use serde_json::Value;

use crate::authoring::one_line;

/// `0123456789abcdef  mute-shouters  about ann: mute ann in @TGS#cats for 5m  (2026-01-01T12:00:00Z;
/// why)`, and below it why it was given up, what hung on it, and what is to be said, as the rule has it.
pub(super) fn of(entry: &Value) -> String {
    let text = |key: &str| one_line(entry[key].as_str().unwrap_or_default());
    let wants = match &entry["wants"] {
        Value::Array(wants) => {
            wants.iter().filter_map(Value::as_str).map(one_line).collect::<Vec<_>>().join(", then ")
        }
        _ => text("what"),
    };
    let since = if entry["since"].is_string() { text("since") } else { text("created") };
    let why = match waits_for(entry) {
        why if why.is_empty() => why,
        why => format!("; {}", one_line(&why)),
    };
    // Of what is sent to a group, nothing else says who gave rise to it.
    let member = entry["member"].as_str().map(|member| format!("about {}: ", one_line(member)));
    let member = member.filter(|_| entry["wants"].is_array()).unwrap_or_default();
    let mut line = format!("{}  {}  {member}{wants}  ({since}{why})", text("id"), text("rule"));
    if entry["given_up"].is_string() {
        line.push_str(&format!("\n    because: {}", text("why")));
    }
    for hung in entry["hung"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        line.push_str(&format!("\n    and with it: {}", one_line(hung)));
    }
    for said in entry["texts"].as_array().into_iter().flatten() {
        line.push_str(&match said.as_str() {
            Some(said) => format!("\n    says {said:?}"),
            None => "\n    says what its rule has no more: it was edited since".to_owned(),
        });
    }
    line
}

/// Why an entry stands where it stands.
fn waits_for(entry: &Value) -> String {
    let text = |key: &str| entry[key].as_str().unwrap_or_default();
    let tries = match entry["tries"].as_u64() {
        None | Some(0) => String::new(),
        Some(1) => " after 1 try".to_owned(),
        Some(tries) => format!(" after {tries} tries"),
    };
    if let Some(at) = entry["given_up"].as_str() {
        return format!("given up {at}{tries}");
    }
    if !text("why").is_empty() {
        return text("why").to_owned();
    }
    if let Some(behind) = entry["behind"].as_str() {
        return match entry["before"].as_u64() {
            Some(before @ 2..) => {
                format!("waits behind {before} others, of which {behind} is first")
            }
            _ => format!("waits behind {behind}"),
        };
    }
    match entry["not_before"].as_str() {
        Some(until) => format!("rests until {until}{tries}: {}", text("trouble")),
        None if entry["tries"].is_u64() => "is next".to_owned(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_line_says_what_is_wanted_by_whom_since_when_and_why_it_waits() {
        let held = json!({
            "id": "0123456789abcdef", "rule": "mute-shouters", "since": "2026-01-01T12:00:00Z",
            "why": "more than 2 actions in 10m (`limit`)", "member": "ann",
            "texts": ["quiet, {member.id}", null],
            "wants": ["mute ann in @TGS#cats for 5m", "send a message to @TGS#cats"],
        });
        assert_eq!(
            of(&held),
            "0123456789abcdef  mute-shouters  about ann: mute ann in @TGS#cats for 5m, then send a \
             message to @TGS#cats  (2026-01-01T12:00:00Z; more than 2 actions in 10m (`limit`))\n    \
             says \"quiet, {member.id}\"\n    says what its rule has no more: it was edited since"
        );
        let pending = json!({
            "id": "01", "rule": null, "created": "2026-01-01T12:00:00Z", "trouble": "",
            "what": "unmute ann in @TGS#cats",
        });
        assert_eq!(of(&pending), "01    unmute ann in @TGS#cats  (2026-01-01T12:00:00Z)");
    }

    #[test]
    fn a_line_says_behind_whom_an_entry_waits_until_when_it_rests_and_why_it_was_given_up() {
        let entry = |further: Value| {
            let mut entry = json!({
                "id": "01", "rule": "quiet", "created": "T0", "what": "unmute ann", "tries": 0,
                "trouble": "", "not_before": null, "behind": null, "before": 0,
            });
            entry.as_object_mut().unwrap().extend(further.as_object().unwrap().clone());
            of(&entry)
        };
        let trouble = json!({ "tries": 3, "not_before": "T9", "trouble": "HTTP 502" });
        let dead =
            json!({ "tries": 1, "given_up": "T8", "why": "no answer", "trouble": "HTTP 502" });
        let lines = [
            entry(json!({})),
            entry(trouble),
            entry(json!({ "behind": "00", "before": 1 })),
            entry(json!({ "behind": "00", "before": 5 })),
            entry(dead),
        ];
        assert_eq!(
            lines.join("\n"),
            "01  quiet  unmute ann  (T0; is next)\n\
             01  quiet  unmute ann  (T0; rests until T9 after 3 tries: HTTP 502)\n\
             01  quiet  unmute ann  (T0; waits behind 00)\n\
             01  quiet  unmute ann  (T0; waits behind 5 others, of which 00 is first)\n\
             01  quiet  unmute ann  (T0; given up T8 after 1 try)\n    because: no answer"
        );
    }
}
