//! Keys and shapes as JSON Schema.

use serde_json::{Map, Value as Json, json};

use crate::authoring::expect::EFFECTS;
use crate::rule::EventKind;
use crate::rule::parse::actions::{self, ActionKind};
use crate::rule::parse::key::{Key, Need, Shape};

/// Durations, as `rule/duration.rs` reads them: the longest unit first, each once.
const DURATION: &str = "^([0-9]+d)([0-9]+h)?([0-9]+m)?([0-9]+s)?$\
                        |^([0-9]+h)([0-9]+m)?([0-9]+s)?$\
                        |^([0-9]+m)([0-9]+s)?$\
                        |^[0-9]+s$";
const CONTINUE: &str = "Run the actions behind this one even when it is refused for good.";

/// A table with these keys and no others.
pub(super) fn table(keys: &[Key]) -> Json {
    let properties: Map<_, _> =
        keys.iter().map(|key| (key.name.to_owned(), property(key))).collect();
    let of = |need: Need| keys.iter().filter(move |key| key.need == need).map(|key| key.name);
    let alone =
        |need: Need| -> Vec<Json> { of(need).map(|name| json!({ "required": [name] })).collect() };
    let mut schema = json!({
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    });
    let required: Vec<_> = of(Need::Required).collect();
    let (exactly_one, at_least_one) = (alone(Need::ExactlyOne), alone(Need::AtLeastOne));
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    if !exactly_one.is_empty() {
        schema["oneOf"] = json!(exactly_one);
    }
    if !at_least_one.is_empty() {
        schema["anyOf"] = json!(at_least_one);
    }
    // A key that says what it stands beside.
    let beside: Map<_, _> =
        keys.iter().filter_map(|key| Some((key.name.to_owned(), json!([key.beside?])))).collect();
    if !beside.is_empty() {
        schema["dependencies"] = Json::Object(beside);
    }
    schema
}

fn property(key: &Key) -> Json {
    let mut schema = shape(key.shape);
    schema["description"] = json!(key.about);
    if let Some(default) = key.default.and_then(value) {
        schema["default"] = default;
    }
    schema
}

fn shape(shape: Shape) -> Json {
    match shape {
        Shape::Text => json!({ "type": "string" }),
        Shape::Template | Shape::Condition => json!({ "type": "string", "minLength": 1 }),
        Shape::Account => json!({ "type": "string", "minLength": 1 }),
        Shape::Truth => json!({ "type": "boolean" }),
        Shape::Number(least, most) => {
            json!({ "type": "integer", "minimum": least, "maximum": most })
        }
        Shape::Duration => {
            let examples = ["10s", "5m", "1h30m", "7d"];
            json!({ "type": "string", "pattern": DURATION, "examples": examples })
        }
        Shape::Moment => json!({ "type": "string", "format": "date-time" }),
        Shape::Word(words) => json!({ "type": "string", "enum": words() }),
        Shape::Event => {
            let names: Vec<_> = EventKind::ALL.iter().map(|kind| kind.name()).collect();
            let docs: Vec<_> = EventKind::ALL.iter().map(|kind| event(*kind)).collect();
            let docs = json!({ "docs": { "enumValues": docs } });
            json!({ "type": "string", "enum": names, "x-taplo": docs })
        }
        Shape::Pattern(pattern) => json!({ "type": "string", "pattern": format!("^{pattern}$") }),
        Shape::List(item, least) => {
            json!({ "type": "array", "items": self::shape(*item), "minItems": least })
        }
        Shape::Table(keys) => table(keys),
        Shape::Map(value) => json!({
            "type": "object",
            "minProperties": 1,
            "additionalProperties": self::shape(*value),
        }),
        Shape::Either(shapes) => {
            json!({ "anyOf": shapes.iter().map(|one| self::shape(*one)).collect::<Vec<_>>() })
        }
        Shape::Any => json!({}),
        Shape::Action => action(),
        Shape::Effect => effect(),
    }
}

/// One action: a table with it, or its name alone where that says enough.
fn action() -> Json {
    let all = actions::all();
    let alone: Vec<_> =
        all.iter().filter(|kind| stands_alone(kind)).map(|kind| kind.name).collect();
    let mut properties: Map<_, _> =
        all.iter().map(|kind| (kind.name.to_owned(), fields(kind))).collect();
    let one: Vec<_> = all.iter().map(|kind| json!({ "required": [kind.name] })).collect();
    let go_on = json!({ "type": "boolean", "description": CONTINUE, "default": false });
    properties.insert("continue".to_owned(), go_on);
    json!({ "anyOf": [
        {
            "type": "object",
            "description": "One action; the order of two in one table would not be known.",
            "properties": properties,
            "additionalProperties": false,
            "oneOf": one,
        },
        { "type": "string", "description": "An action without fields.", "enum": alone },
    ] })
}

/// Whether an action says enough without a field.
fn stands_alone(kind: &ActionKind) -> bool {
    kind.keys.iter().all(|key| key.need == Need::Optional)
}

fn fields(kind: &ActionKind) -> Json {
    let mut schema = table(kind.keys);
    schema["description"] = json!(kind.about);
    let written = kind.example.split_once('=').and_then(|(_, fields)| value(fields));
    schema["examples"] = json!(written.into_iter().collect::<Vec<_>>());
    schema
}

/// One effect that a test expects.
fn effect() -> Json {
    let names: Vec<_> = EFFECTS.iter().map(|(name, _)| *name).collect();
    let compared = |(name, fields): &(&'static str, &'static [&'static str])| {
        let about = actions::find(name).map_or("", |kind| kind.about);
        let properties: Map<_, _> =
            fields.iter().map(|field| ((*field).to_owned(), seen(field))).collect();
        // The keys of a member's fields are the app's own.
        let open = *name == "set_member_fields";
        let schema = json!({
            "type": "object",
            "description": about,
            "properties": properties,
            "additionalProperties": open,
        });
        ((*name).to_owned(), schema)
    };
    let properties: Map<_, _> = EFFECTS.iter().map(compared).collect();
    json!({ "anyOf": [
        {
            "type": "object",
            "description": "An effect; a field that is left out is not compared.",
            "properties": properties,
            "additionalProperties": false,
            "minProperties": 1,
            "maxProperties": 1,
        },
        { "type": "string", "description": "An effect, whatever its fields.", "enum": names },
    ] })
}

/// A field that is compared with what was seen.
fn seen(field: &str) -> Json {
    let text = json!({ "type": "string" });
    match field {
        "for" => shape(crate::rule::parse::key::TIME_OR_FOREVER),
        "count" | "code" | "sequence" => json!({ "type": ["integer", "string"] }),
        "silent" => json!({ "type": ["boolean", "string"] }),
        "who" | "to" | "members" => {
            json!({ "anyOf": [text, { "type": "array", "items": text }] })
        }
        _ => text,
    }
}

/// What an event brings, for people who choose one.
fn event(kind: EventKind) -> String {
    let list = |names: Vec<&str>| {
        names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
    };
    let objects: Vec<_> = kind.objects().iter().map(|object| object.name()).collect();
    let own: Vec<_> = kind.event_fields().iter().map(|(name, _)| *name).collect();
    let objects = if objects.is_empty() { "`event` alone".to_owned() } else { list(objects) };
    let own =
        if own.is_empty() { String::new() } else { format!("; of `event` also {}", list(own)) };
    let asks = if kind.asks() { " Chat waits for the answer." } else { "" };
    format!("Conditions see {objects}{own}.{asks}")
}

/// A TOML value as JSON; `None` when it is none.
fn value(text: &str) -> Option<Json> {
    let table: toml::Table = toml::from_str(&format!("value = {text}")).ok()?;
    serde_json::to_value(table.get("value")?).ok()
}
