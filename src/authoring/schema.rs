//! JSON Schema of rule files and test files, made from the tables that their readers use.
//!
//! Draft 7, and of it only what draft 4 has too: taplo promises no more, and tombi takes it.

mod shape;
mod test_keys;

use serde_json::{Value as Json, json};

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

const RULES: &str =
    "The heading of a rule is its id, unique over all files: [rule.quiet-flooders].";
const TESTS: &str = "Each test runs the whole bot on a clock that only its steps move.";

/// The schema of rule files or test files.
pub fn schema(of: Language) -> Json {
    let (title, key, content) = match of {
        Language::Rules => {
            let rule = shape::table(one_rule::KEYS);
            let rules =
                json!({ "type": "object", "description": RULES, "additionalProperties": rule });
            ("Rules of Groupkeeper", "rule", rules)
        }
        Language::Tests => {
            let test = shape::table(test_keys::TEST);
            let tests = json!({ "type": "array", "description": TESTS, "items": test });
            ("Tests of rules of Groupkeeper", "test", tests)
        }
    };
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": title,
        // Inline tables may span lines.
        "x-tombi-toml-version": "v1.1.0",
        "type": "object",
        "properties": { key: content },
        "additionalProperties": false,
    })
}
