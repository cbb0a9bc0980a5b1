//! The schemas that `groupkeeper schema` prints, held against every file of rules and tests there is.

use groupkeeper::authoring::schema::{Language, schema};
use groupkeeper::rule;
use jsonschema::Validator;
use serde_json::{Map, Value as Json};

use crate::bad_rules;
use crate::stage::repository;

/// Mistakes that an editor can see without knowing what the rule is about.
const STRUCTURAL: [&str; 8] = ["R006", "R050", "R051", "R052", "R053", "R055", "R056", "R058"];

fn validator(of: Language) -> Validator {
    jsonschema::draft7::new(&schema(of)).unwrap()
}

/// As language servers do it: a date becomes a text.
fn json(value: toml::Value) -> Json {
    match value {
        toml::Value::String(text) => Json::from(text),
        toml::Value::Integer(number) => Json::from(number),
        toml::Value::Float(number) => Json::from(number),
        toml::Value::Boolean(truth) => Json::from(truth),
        toml::Value::Datetime(date) => Json::from(date.to_string()),
        toml::Value::Array(items) => items.into_iter().map(json).collect(),
        toml::Value::Table(table) => Json::Object(
            table.into_iter().map(|(key, value)| (key, json(value))).collect::<Map<_, _>>(),
        ),
    }
}

fn read(text: &str) -> Json {
    json(toml::Value::Table(toml::from_str(text).unwrap()))
}

fn complaints(validator: &Validator, text: &str) -> Vec<String> {
    let told =
        |error: jsonschema::ValidationError<'_>| format!("{}: {error}", error.instance_path());
    validator.iter_errors(&read(text)).map(told).collect()
}

/// Every file with that ending in `rules/` and the folders in it.
fn shipped(folder: &std::path::Path, found: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            shipped(&path, found);
        } else {
            found.push((path.display().to_string(), std::fs::read_to_string(&path).unwrap()));
        }
    }
}

/// Every `toml` block of the pages of the documentation.
fn documented() -> Vec<(String, String)> {
    let pages = ["README.md", "docs/rules.md", "docs/tests.md", "docs/editors.md"];
    let present = pages
        .iter()
        .filter(|page| std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(page).exists());
    let blocks = |page: &&str| -> Vec<_> {
        let text = repository(page);
        let blocks = text.split("```toml\n").skip(1);
        blocks
            .map(|block| (page.to_string(), block.split("```").next().unwrap().to_owned()))
            .collect()
    };
    present.flat_map(blocks).collect()
}

#[test]
fn every_shipped_and_documented_file_of_rules_and_tests_is_valid() {
    let (rules, tests) = (validator(Language::Rules), validator(Language::Tests));
    let mut files = documented();
    shipped(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("rules"), &mut files);
    let mut seen = (0, 0);
    // Configurations, of the bot and of language servers, are shown too.
    let shown = |text: &str| !text.contains("[admin]") && !text.contains("[rule.schema]");
    for (name, text) in files.iter().filter(|(_, text)| shown(text)) {
        let told = if text.contains("[[test]]") {
            seen.1 += 1;
            complaints(&tests, text)
        } else if text.contains("[rule.") {
            seen.0 += 1;
            complaints(&rules, text)
        } else {
            continue;
        };
        assert!(told.is_empty(), "{name}:\n{text}\n{told:#?}");
    }
    assert!(seen.0 > 3 && seen.1 > 3, "{seen:?}");
}

#[test]
fn every_right_file_of_the_pages_of_mistakes_is_valid() {
    let rules = validator(Language::Rules);
    for code in rule::explain::codes().filter(|code| code.starts_with('R')) {
        let page = rule::explain::explain(code).unwrap();
        // Some pages are about an expression and not about a file.
        let right = page.split("```right\n").nth(1).and_then(|rest| rest.split("```").next());
        let Some(right) = right.filter(|text| text.contains("[rule.")) else { continue };
        let told = complaints(&rules, right);
        assert!(told.is_empty(), "{code}: {told:#?}");
    }
}

#[test]
fn what_is_wrong_in_structure_is_refused_by_the_schema_too() {
    let rules = validator(Language::Rules);
    let mut refused = 0;
    for (name, text) in bad_rules::all() {
        let reading = rule::read(vec![(name.clone(), text.clone())], None);
        let structural = |code: &str| STRUCTURAL.contains(&code);
        if !reading.diagnostics.iter().any(|told| structural(told.code.0)) {
            continue;
        }
        assert!(!complaints(&rules, &text).is_empty(), "{name} is valid");
        refused += 1;
    }
    assert!(refused > 20, "{refused}");
}

#[test]
fn every_key_and_action_is_explained() {
    fn unexplained(schema: &Json, path: &str, found: &mut Vec<String>) {
        if let Some(properties) = schema["properties"].as_object() {
            for (key, schema) in properties {
                let said = schema["description"].as_str().is_some_and(|text| text.len() > 4);
                if !said && !path.contains("expect") {
                    found.push(format!("{path}.{key}"));
                }
                unexplained(schema, &format!("{path}.{key}"), found);
            }
        }
        for inner in ["items", "additionalProperties"].iter().filter_map(|key| schema.get(key)) {
            unexplained(inner, path, found);
        }
        for one in schema["anyOf"].as_array().into_iter().flatten() {
            unexplained(one, path, found);
        }
    }
    let mut found = Vec::new();
    for of in [Language::Rules, Language::Tests] {
        unexplained(&schema(of), "", &mut found);
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn the_schemas_are_valid_schemas_themselves() {
    for of in [Language::Rules, Language::Tests] {
        assert!(jsonschema::draft7::meta::is_valid(&schema(of)), "{of:?}");
        assert!(jsonschema::draft4::meta::is_valid(&schema(of)), "{of:?}, as draft 4");
    }
}

#[test]
fn the_command_prints_either_schema_and_writes_both() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_groupkeeper"));
        let output = command.args(arguments).current_dir(folder.path()).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let parsed = |text: &str| -> Json { serde_json::from_str(text).unwrap() };
    assert_eq!(parsed(&run(&["schema"])), schema(Language::Rules));
    assert_eq!(parsed(&run(&["schema", "tests"])), schema(Language::Tests));
    insta::assert_snapshot!("schema_write", run(&["schema", "--write", ".schemas"]));
    for of in [Language::Rules, Language::Tests] {
        let path = folder.path().join(".schemas").join(of.file_name());
        assert_eq!(parsed(&std::fs::read_to_string(path).unwrap()), schema(of));
    }
}
