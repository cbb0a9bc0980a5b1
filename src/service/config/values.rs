//! What each key means: its type, its default, its bounds.

mod callback;
mod rest;
mod safety;

use std::fmt::Display;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use secrecy::SecretString;

use super::read::{Found, Origin, Reader, Written, variable};
use super::{
    Admin, App, Bystander, Config, Journal, Log, LogFormat, RulesConfig, Safety, StoreConfig,
};
use crate::chat::Account;
use crate::pipeline::JournalEvents;
use crate::reconcile;
use crate::rest::region;
use crate::rule::duration;
use crate::rule::model::{Globs, Mode};
use crate::store;

/// How long a before callback may take, unless configured otherwise.
const BUDGET: Duration = Duration::from_millis(500);
/// Chat goes on without an answer after this (34354).
const CHAT_WAITS: Duration = Duration::from_secs(2);

/// Entries that the journal has at most, unless configured otherwise: some 60 MB of memory.
const JOURNAL: u32 = 1_000_000;

/// The app admin that every app has.
const ADMIN: &str = "administrator";

/// Reads every key, so that every mistake is found; `None` when one that must be there is not.
pub(super) fn config(reader: &mut Reader<'_>) -> Option<Config> {
    let (app, base_url) = app_and_base(reader);
    let callback = callback::callback(reader);
    let directory = PathBuf::from(text(reader, "rules", "directory", "rules"));
    let mode = rules_mode(reader);
    let poll = time_or_off(reader, "rules", "poll", "5s");
    let url = store_url(reader);
    let safety = safety::safety(reader);
    let reconcile = reconcile(reader);
    let owner_inactive = owner_inactive(reader);
    let mut warnings = Vec::new();
    let rest = rest::rest(reader, base_url.as_deref());
    let journal = Journal {
        keep: time(reader, "journal", "keep", "7d"),
        most: count(reader, "journal", "most", JOURNAL),
        events: one_of(
            reader,
            "journal",
            "events",
            &[
                ("judged", JournalEvents::Judged),
                ("decided", JournalEvents::Decided),
                ("all", JournalEvents::All),
            ],
        ),
    };
    let admin = admin(reader);
    let log = Log {
        level: log_level(reader),
        format: one_of(
            reader,
            "log",
            "format",
            &[("text", LogFormat::Text), ("json", LogFormat::Json)],
        ),
    };
    let callback = callback?;
    warnings.extend(callback::warnings(&callback));
    if rest.timeout <= Duration::from_secs(3) {
        warnings.push(
            "`[rest] timeout` is not above the 3 s that Chat gives itself: calls that Chat carries \
             out will be taken for lost"
                .to_owned(),
        );
    }
    let (rules, store) = (RulesConfig { directory, mode, poll }, StoreConfig { url });
    Some(Config {
        app: app?,
        callback,
        rules,
        store,
        safety,
        rest,
        reconcile,
        owner_inactive,
        journal,
        admin: admin?,
        log,
        warnings,
    })
}

/// Reads what is of use without a service.
pub(super) fn bystander(reader: &mut Reader<'_>) -> Option<Bystander> {
    let own = Account::from(text(reader, "app", "admin", ADMIN));
    let (safety, mode) = (safety::safety(reader), rules_mode(reader));
    let owner_inactive = owner_inactive(reader);
    Some(Bystander { admin: admin(reader)?, own, safety, mode, owner_inactive })
}

fn rules_mode(reader: &mut Reader<'_>) -> Mode {
    one_of(reader, "rules", "mode", &[("enforce", Mode::Enforce), ("shadow", Mode::Shadow)])
}

/// What guards and judges, which no mistake elsewhere keeps from being read.
pub(super) fn guarded(reader: &mut Reader<'_>) -> (Account, Safety) {
    (Account::from(text(reader, "app", "admin", ADMIN)), safety::safety(reader))
}

fn store_url(reader: &mut Reader<'_>) -> String {
    let url = text(reader, "store", "url", "sled:data");
    if let Err(error) = store::known(&url) {
        let help = "url = \"sled:data\"".to_owned();
        reader.mistake(&reader.origin("store", "url"), error.0, help);
    }
    url
}

/// What calls of Chat are signed with, and where they go.
pub(super) fn app(reader: &mut Reader<'_>) -> Option<App> {
    app_and_base(reader).0
}

/// The same, and where they go also when the rest of it is not there.
fn app_and_base(reader: &mut Reader<'_>) -> (Option<App>, Option<String>) {
    let sdk_app_id = sdk_app_id(reader);
    let admin = text(reader, "app", "admin", ADMIN);
    let secret_key = must(reader, "app", "secret_key", "the key of the app, from the Chat console");
    let secret_key = secret_key.filter(|key| is_filled_in(reader, "app", "secret_key", key));
    let region = reader.find("app", "region", false);
    let base = reader.find("app", "api_base", false);
    let base_url = match (base, region) {
        (Some(base), _) => url(reader, base),
        (None, Some(found)) => {
            let origin = found.origin.clone();
            let name = as_text(reader, found, "a region").unwrap_or_default();
            let known = region::base_url(&name);
            if known.is_none() {
                let help = format!("write one of: {}", regions());
                reader.mistake(&origin, format!("the region `{name}` is not known"), help);
            }
            known
        }
        (None, None) => {
            let help = format!("the region of the app: {}", regions());
            let message = "`[app] region` (or `api_base`) is missing".into();
            reader.not_there(&Origin::Nowhere, message, help);
            None
        }
    };
    let app = sdk_app_id.zip(secret_key).zip(base_url.clone());
    let app = app.map(|((sdk_app_id, secret_key), base_url)| App {
        sdk_app_id,
        admin: Account::from(admin),
        secret_key: SecretString::from(secret_key),
        base_url,
    });
    (app, base_url)
}

/// A secret that nobody filled in opens everything or nothing.
fn is_filled_in(reader: &mut Reader<'_>, section: &str, key: &str, secret: &str) -> bool {
    let filled = !secret.trim().is_empty() && secret.trim() != "…";
    if !filled {
        let source = match section {
            "admin" => "choose one, `openssl rand -hex 32` for instance",
            _ => "copy it from the Chat console",
        };
        let file = format!("{}_FILE", variable(section, key));
        let help = format!("{source}, or name a file that holds it in {file}");
        let origin = reader.origin(section, key);
        reader.not_there(&origin, format!("`[{section}] {key}` is not filled in"), help);
    }
    filled
}

/// A level, or directives of several.
fn log_level(reader: &mut Reader<'_>) -> String {
    let level = text(reader, "log", "level", "info");
    let words = ["off", "error", "warn", "info", "debug", "trace"];
    if !level.contains(['=', ',']) && !words.contains(&level.as_str()) {
        let message = format!("`{level}` is no log level");
        let help = format!("write one of: {}", words.join(", "));
        reader.mistake(&reader.origin("log", "level"), message, help);
    }
    level
}

fn sdk_app_id(reader: &mut Reader<'_>) -> Option<u64> {
    let Some(found) = reader.find("app", "sdk_app_id", false) else {
        let help = "the SDKAppID of the app, from the Chat console: sdk_app_id = 1400000000";
        reader.not_there(&Origin::Nowhere, "`[app] sdk_app_id` is missing".into(), help.into());
        return None;
    };
    let number = number(&found);
    if number.is_none() {
        let help = "sdk_app_id = 1400000000".into();
        reader.mistake(&found.origin, "`sdk_app_id` is a number".into(), help);
    }
    number
}

/// A whole number; from the environment it comes as a text.
fn number(found: &Found) -> Option<u64> {
    match &found.value {
        Written::Integer(number) => u64::try_from(*number).ok(),
        Written::Text(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// How many, at least one.
fn count(reader: &mut Reader<'_>, section: &'static str, key: &'static str, usual: u32) -> u32 {
    let Some(found) = reader.find(section, key, false) else { return usual };
    let count = number(&found).and_then(|number| u32::try_from(number).ok());
    count.filter(|count| *count > 0).unwrap_or_else(|| {
        let message = format!("`{key}` is a number from 1 to {}", u32::MAX);
        reader.mistake(&found.origin, message, format!("{key} = {usual}"));
        usual
    })
}

fn url(reader: &mut Reader<'_>, found: Found) -> Option<String> {
    let origin = found.origin.clone();
    let text = as_text(reader, found, "a URL")?;
    if text.starts_with("https://") || text.starts_with("http://") {
        return Some(text.trim_end_matches('/').to_owned());
    }
    let help = "api_base = \"http://127.0.0.1:9000\"".into();
    reader.mistake(&origin, format!("`{text}` is no URL of http or https"), help);
    None
}

/// `500ms`, or a duration as in rules.
fn short_time(
    reader: &mut Reader<'_>,
    section: &'static str,
    key: &'static str,
    usual: Duration,
) -> Duration {
    let Some(found) = reader.find(section, key, false) else { return usual };
    let origin = found.origin.clone();
    let written = as_text(reader, found, "a duration such as \"500ms\"").unwrap_or_default();
    let millis = written.strip_suffix("ms").and_then(|number| number.trim().parse().ok());
    let time = millis.map(Duration::from_millis).or_else(|| duration::parse(&written).ok());
    time.unwrap_or_else(|| {
        let help = format!("{key} = \"{}ms\"", usual.as_millis());
        reader.mistake(&origin, format!("`{written}` is no duration"), help);
        usual
    })
}

fn admin(reader: &mut Reader<'_>) -> Option<Admin> {
    let listen: Option<SocketAddr> =
        parsed(reader, "admin", "listen", "127.0.0.1:8081", "an address with a port");
    let token = reader.find("admin", "token", true);
    let token = token.and_then(|found| as_text(reader, found, "a token"));
    let token = token.filter(|token| is_filled_in(reader, "admin", "token", token));
    let listen = listen?;
    if token.is_none() && !listen.ip().is_loopback() {
        let message =
            format!("`[admin] listen = \"{listen}\"` is reachable from outside and has no token");
        let help = "set `[admin] token`, or listen on 127.0.0.1".into();
        reader.not_there(&reader.origin("admin", "listen"), message, help);
    }
    Some(Admin { listen, token: token.map(SecretString::from) })
}

/// How often, which groups, and how often all of their members.
fn reconcile(reader: &mut Reader<'_>) -> reconcile::Settings {
    let every = time_or_off(reader, "reconcile", "every", "10m");
    let members = time_or_off(reader, "reconcile", "members", "24h");
    let named = reader.find("reconcile", "groups", false).is_some();
    let groups = globs(reader, "reconcile", "groups");
    let all = || Globs::new(&["*".to_owned()]).unwrap_or_default();
    reconcile::Settings { every, groups: if named { groups } else { all() }, members }
}

/// After how long without a word an owner counts as inactive; `None`: never.
fn owner_inactive(reader: &mut Reader<'_>) -> Option<Duration> {
    time_or_off(reader, "reconcile", "owner_inactive", "off")
}

fn as_text(reader: &mut Reader<'_>, found: Found, what: &str) -> Option<String> {
    match found.value {
        Written::Text(text) => Some(text),
        other => {
            let message = format!("this is {}, and should be a text: {what}", kind_of(&other));
            reader.mistake(&found.origin, message, "texts stand in quotes".to_owned());
            None
        }
    }
}

fn kind_of(value: &Written) -> &'static str {
    match value {
        Written::Text(_) => "a text",
        Written::Integer(_) => "a number",
        Written::List(_) => "a list",
        Written::Table(_) => "a table",
        Written::Other(name) => name,
    }
}

fn text(reader: &mut Reader<'_>, section: &'static str, key: &'static str, usual: &str) -> String {
    let found = reader.find(section, key, false);
    found.and_then(|found| as_text(reader, found, "a text")).unwrap_or_else(|| usual.to_owned())
}

/// A secret without which nothing works.
fn must(
    reader: &mut Reader<'_>,
    section: &'static str,
    key: &'static str,
    what: &str,
) -> Option<String> {
    let wrong = reader.wrong();
    match reader.find(section, key, true) {
        Some(found) => as_text(reader, found, what),
        // It is written in a file that cannot be read, and that was told.
        None if reader.wrong() > wrong => None,
        None => {
            let message = format!("`[{section}] {key}` is missing");
            reader.not_there(&Origin::Nowhere, message, what.to_owned());
            None
        }
    }
}

fn parsed<T: FromStr>(
    reader: &mut Reader<'_>,
    section: &'static str,
    key: &'static str,
    usual: &str,
    what: &str,
) -> Option<T>
where
    T::Err: Display,
{
    let found = reader.find(section, key, false);
    let origin = found.as_ref().map_or(Origin::Nowhere, |found| found.origin.clone());
    let written = match found {
        Some(found) => as_text(reader, found, what)?,
        None => usual.to_owned(),
    };
    match written.parse() {
        Ok(value) => Some(value),
        Err(error) => {
            let message = format!("`{written}` is not {what}: {error}");
            reader.mistake(&origin, message, format!("{key} = \"{usual}\""));
            None
        }
    }
}

fn time(
    reader: &mut Reader<'_>,
    section: &'static str,
    key: &'static str,
    usual: &str,
) -> Duration {
    let found = reader.find(section, key, false);
    let origin = found.as_ref().map_or(Origin::Nowhere, |found| found.origin.clone());
    let written = found.and_then(|found| as_text(reader, found, "a duration such as \"60s\""));
    let written = written.unwrap_or_else(|| usual.to_owned());
    match duration::parse(&written) {
        Ok(time) => time,
        Err(mistake) => {
            reader.mistake(&origin, mistake.message, format!("{key} = \"{usual}\""));
            Duration::from_secs(1)
        }
    }
}

/// A duration of at least a second, or `"off"`.
fn time_or_off(
    reader: &mut Reader<'_>,
    section: &'static str,
    key: &'static str,
    usual: &str,
) -> Option<Duration> {
    let Some(found) = reader.find(section, key, false) else { return duration::parse(usual).ok() };
    let origin = found.origin.clone();
    let written = as_text(reader, found, "a duration such as \"60s\", or \"off\"")?;
    if written == "off" {
        return None;
    }
    let message = match duration::parse(&written) {
        Ok(time) if time >= Duration::from_secs(1) => return Some(time),
        Ok(_) => "this is too often: a second is the least".to_owned(),
        Err(mistake) => mistake.message,
    };
    reader.mistake(&origin, message, format!("{key} = \"{usual}\", or \"off\""));
    None
}

fn one_of<T: Copy>(
    reader: &mut Reader<'_>,
    section: &'static str,
    key: &'static str,
    words: &[(&str, T)],
) -> T {
    let Some(found) = reader.find(section, key, false) else { return words[0].1 };
    let origin = found.origin.clone();
    let written = as_text(reader, found, "a word").unwrap_or_default();
    if let Some((_, value)) = words.iter().find(|(word, _)| *word == written) {
        return *value;
    }
    let known: Vec<String> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
    let message = format!("`{written}` cannot be `[{section}] {key}`");
    reader.mistake(&origin, message, format!("write {}", known.join(" or ")));
    words[0].1
}

/// A list; in the environment its items stand between commas.
fn list(reader: &mut Reader<'_>, found: Found) -> Vec<String> {
    match found.value {
        Written::List(items) => items,
        Written::Text(text) => {
            text.split(',').map(str::trim).filter(|t| !t.is_empty()).map(str::to_owned).collect()
        }
        other => {
            let message = format!("this is {}, not a list of texts", kind_of(&other));
            reader.mistake(&found.origin, message, "[\"one\", \"two\"]".into());
            Vec::new()
        }
    }
}

fn globs(reader: &mut Reader<'_>, section: &'static str, key: &'static str) -> Globs {
    let Some(found) = reader.find(section, key, false) else { return Globs::default() };
    let origin = found.origin.clone();
    let patterns = list(reader, found);
    Globs::new(&patterns).unwrap_or_else(|(pattern, error)| {
        reader.mistake(&origin, format!("`{pattern}` is no pattern: {error}"), String::new());
        Globs::default()
    })
}

fn regions() -> String {
    region::HOSTS.map(|(name, _)| name).join(", ")
}
