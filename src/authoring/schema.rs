//! JSON Schema of rule files and test files, made from the tables that their readers use.
//!
//! Draft 7, and of it only what draft 4 has too: taplo promises no more, and tombi takes it.

mod shape;
mod test_keys;

use serde_json::{Value as Json, json};

use crate::rule::parse::key::{Key, Shape};
use crate::rule::parse::one_rule;

/// Which files a schema is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    Rules,
    Tests,
}

impl Language {
    /// The name of the file that the schema is written to.
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Rules => "rule.schema.json",
            Self::Tests => "test.schema.json",
        }
    }
}

const RULE_FILE: &[Key] = &[Key::new(
    "rule",
    Shape::Map(&Shape::Table(one_rule::KEYS)),
    "The heading of a rule is its id, unique over all files: [rule.quiet-flooders].",
)];
const TEST_FILE: &[Key] = &[Key::new(
    "test",
    Shape::List(&Shape::Table(test_keys::TEST), 0),
    "Each test runs the whole bot on a clock that only its steps move.",
)];

impl Language {
    /// What the name of a file says that it is.
    pub fn of_file(name: &str) -> Self {
        if name.ends_with(".test.toml") { Self::Tests } else { Self::Rules }
    }

    /// The keys of a file.
    pub(super) fn keys(self) -> &'static [Key] {
        match self {
            Self::Rules => RULE_FILE,
            Self::Tests => TEST_FILE,
        }
    }
}

/// The schema of rule files or test files.
pub fn schema(of: Language) -> Json {
    let mut schema = shape::table(of.keys());
    schema["$schema"] = json!("http://json-schema.org/draft-07/schema#");
    schema["title"] = json!(match of {
        Language::Rules => "Rules of Groupkeeper",
        Language::Tests => "Tests of rules of Groupkeeper",
    });
    // Inline tables may span lines.
    schema["x-tombi-toml-version"] = json!("v1.1.0");
    schema
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::authoring::testfile::{self, SENDABLE};
    use crate::rule::diagnostic::{Diagnostic, Level, render_all};
    use crate::rule::parse::actions::{self, ActionKind, Target};
    use crate::rule::{self, EventKind};

    fn errors(text: &str) -> String {
        let reading = rule::read(vec![("a.toml".to_owned(), text.to_owned())], None);
        let wrong = |told: &Diagnostic| told.level == Level::Error;
        let found: Vec<_> = reading.diagnostics.into_iter().filter(wrong).collect();
        render_all(&found, false)
    }

    fn test_errors(text: &str) -> String {
        let found = testfile::check(&[("a.test.toml".to_owned(), text.to_owned())]);
        let wrong = |told: &Diagnostic| told.level == Level::Error;
        let found: Vec<_> = found.into_iter().filter(wrong).collect();
        render_all(&found, false)
    }

    /// Values that a shape takes, as TOML; those of words are all words.
    fn samples(shape: Shape) -> Vec<String> {
        let quoted = |words: Vec<&str>| words.iter().map(|word| format!("{word:?}")).collect();
        match shape {
            Shape::Text | Shape::Template | Shape::Account => quoted(vec!["ann"]),
            Shape::Condition => quoted(vec!["true", "now > event.time"]),
            Shape::Truth => vec!["true".to_owned(), "false".to_owned()],
            Shape::Number(least, most) => vec![least.to_string(), most.to_string()],
            Shape::Duration => quoted(vec!["10s", "5m", "2h", "7d", "1h30m", "1d4s"]),
            Shape::Moment => vec!["2026-01-31T08:00:00Z".to_owned()],
            Shape::Word(words) => quoted(words()),
            Shape::Event => quoted(vec!["member.joined", "message.sending"]),
            Shape::Pattern(pattern) if pattern.starts_with("account") => {
                quoted(vec!["account:ann"])
            }
            Shape::Pattern(pattern) if pattern.starts_with("[a-z]") => quoted(vec!["warned"]),
            Shape::Pattern(_) => quoted(vec!["0 4 * * *", "*/5 * * * mon-fri"]),
            Shape::List(item, _) => {
                samples(*item).into_iter().map(|item| format!("[{item}]")).collect()
            }
            Shape::Table(keys) => written(keys),
            Shape::Map(value) => {
                samples(*value).into_iter().map(|value| format!("{{ Key = {value} }}")).collect()
            }
            Shape::Either(shapes) => shapes.iter().flat_map(|one| samples(*one)).collect(),
            Shape::Action => vec!["{ alert = { text = \"hi\" } }".to_owned()],
            Shape::Effect => {
                vec!["{ alert = { text = \"hi\" } }".to_owned(), "\"mute\"".to_owned()]
            }
            Shape::Any => vec!["{ a = 1 }".to_owned()],
        }
    }

    /// Tables that give each key once with each of its values, and with it what must be given.
    fn written(keys: &[Key]) -> Vec<String> {
        use crate::rule::parse::key::Need;
        let first = |key: &Key| format!("{} = {}", key.name, samples(key.shape)[0]);
        let mut tables = Vec::new();
        for key in keys {
            let beside = |other: &Key| Some(other.name) == key.beside;
            let mut given: Vec<_> = keys
                .iter()
                .filter(|other| {
                    other.name != key.name && (other.need == Need::Required || beside(other))
                })
                .map(first)
                .collect();
            if key.need != Need::ExactlyOne && !keys.iter().any(beside) {
                given.extend(keys.iter().find(|other| other.need == Need::ExactlyOne).map(first));
            }
            for value in samples(key.shape) {
                let own = format!("{} = {value}", key.name);
                let all: Vec<_> = given.iter().cloned().chain([own]).collect();
                tables.push(format!("{{ {} }}", all.join(", ")));
            }
        }
        tables
    }

    fn event_for(kind: &ActionKind) -> EventKind {
        match kind.target {
            Target::Only(events) => events[0],
            _ => EventKind::MessageSent,
        }
    }

    fn rule_doing(kind: &ActionKind, item: &str) -> String {
        let event = event_for(kind).name();
        // What is forgotten must be remembered somewhere.
        let memory = "[rule.memory]\non = \"message.sent\"\n\
                      do = [{ remember = { each = [\"app\"], key = \"warned\" } }]\n";
        let memory = if kind.name == "forget" { memory } else { "" };
        format!("{memory}[rule.a]\non = {event:?}\ndo = [{item}]\n")
    }

    #[test]
    fn every_field_of_every_action_is_taken_by_the_reader_in_every_shape_of_the_schema() {
        for kind in actions::all() {
            for fields in written(kind.keys) {
                let text = rule_doing(kind, &format!("{{ {} = {fields} }}", kind.name));
                // Codes of six digits are for private messages.
                let private = fields.contains("code = 120001") || fields.contains("code = 130000");
                let text = match private {
                    true => text.replace("message.sending", "private.sending"),
                    false => text,
                };
                assert_eq!(errors(&text), "", "{text}");
            }
        }
    }

    #[test]
    fn an_action_is_offered_as_a_word_when_the_reader_takes_it_as_one() {
        let rule = &schema(Language::Rules)["properties"]["rule"]["additionalProperties"];
        let item = &rule["properties"]["do"]["items"];
        let offered = item["anyOf"][1]["enum"].as_array().unwrap();
        for kind in actions::all() {
            let text = rule_doing(kind, &format!("{:?}", kind.name));
            let taken = errors(&text).is_empty();
            assert_eq!(offered.contains(&json!(kind.name)), taken, "{text}");
        }
    }

    #[test]
    fn every_key_of_a_rule_is_taken_by_the_reader_in_every_shape_of_the_schema() {
        for table in written(one_rule::KEYS) {
            let text = format!("rule.a = {table}");
            assert_eq!(errors(&text), "", "{text}");
        }
    }

    #[test]
    fn every_key_of_a_test_is_taken_by_the_reader_in_every_shape_of_the_schema() {
        let unknown = |told: &str| told.contains("is not a key of") || told.contains("must be ");
        for table in written(test_keys::TEST) {
            let told = test_errors(&format!("test = [{table}]"));
            assert!(!unknown(&told), "{table}:\n{told}");
        }
    }

    /// The keys that the reader says there are, when it meets one that there is not.
    fn there_are(told: &str) -> BTreeSet<String> {
        let list = told.split("there are: ").nth(1).unwrap_or_else(|| panic!("{told}"));
        let list = list.lines().next().unwrap();
        list.split_whitespace().map(str::to_owned).collect()
    }

    fn names<'k>(keys: impl IntoIterator<Item = &'k Key>) -> BTreeSet<String> {
        keys.into_iter().map(|key| key.name.to_owned()).collect()
    }

    #[test]
    fn the_reader_of_tests_has_no_key_that_the_schema_has_not() {
        let test = |inside: &str| {
            let text =
                format!("[[test]]\nname = \"a\"\n{inside}\nsteps = [{{ restart = true }}]\n");
            there_are(&test_errors(&text))
        };
        let step = |step: &str| {
            let text =
                format!("[[test]]\nname = \"a\"\ngroup = {{ id = \"g\" }}\nsteps = [{step}]\n");
            there_are(&test_errors(&text))
        };
        assert_eq!(test("zzz = 1"), names(test_keys::TEST));
        assert_eq!(test("group = { id = \"g\", zzz = 1 }"), names(test_keys::GROUP));
        let member = "group = { id = \"g\", members = [{ id = \"ann\", zzz = 1 }] }";
        assert_eq!(test(member), names(test_keys::MEMBER));
        let room = "room = { id = \"r\", owner = \"ann\", zzz = 1 }";
        assert_eq!(test(room), names(test_keys::ROOM));
        assert_eq!(
            step("{ chat = { command = \"*\", zzz = 1, lost = true } }"),
            names(test_keys::CHAT)
        );
        assert_eq!(step("{ member = { id = \"ann\", zzz = 1 } }"), names(test_keys::UNSEEN));
        let verbs = test_keys::STEP.iter().filter(|key| key.beside.is_none());
        assert_eq!(step("{ zzz = 1 }"), names(verbs));
        let of_send = names(test_keys::STEP.iter().filter(|key| key.beside == Some("send")));
        let own = |sendable: &testfile::Sendable| -> Vec<String> {
            let taken = sendable.needs.iter().chain(sendable.takes).map(|key| (*key).to_owned());
            let offered = of_send.iter().filter(|key| sendable.allows(key)).cloned();
            taken.chain(offered).collect()
        };
        let sent: BTreeSet<_> = SENDABLE.iter().flat_map(own).collect();
        assert_eq!(sent, of_send);
    }
}
