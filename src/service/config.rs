//! The configuration: one TOML file, the environment above it, every mistake at once.

mod read;
mod values;

use std::ffi::OsString;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;
use secrecy::SecretString;

use crate::callback::OverBudget;
use crate::chat::Account;
use crate::decision::LoopLimit;
use crate::pipeline::JournalEvents;
use crate::rule::model::{Globs, Limit, Mode};

use read::Reader;

/// `[app]`: the Chat app and how REST calls are made for it.
#[derive(Debug, Clone)]
pub struct App {
    pub sdk_app_id: u64,
    pub admin: Account,
    pub secret_key: SecretString,
    /// From `region`, or `api_base` as written; without a slash at its end.
    pub base_url: String,
}

/// `[callback]`: where Chat calls us.
#[derive(Debug, Clone)]
pub struct Callback {
    pub listen: SocketAddr,
    pub path: String,
    /// None: callbacks are not authenticated.
    pub tokens: Vec<SecretString>,
    pub window: Duration,
    /// How long a before callback may take; below the two seconds that Chat waits (34354).
    pub budget: Duration,
    /// What Chat is told when that is over.
    pub over_budget: OverBudget,
    /// `room_path`: where Room and Live callbacks come, if not with the others.
    pub rooms: Option<RoomCallbacks>,
    /// The addresses that callbacks may come from; any, when this is empty and `allow_chat` false.
    pub allow: Vec<IpNet>,
    /// `"chat"` in `allow`: also those that Chat names (36742).
    pub allow_chat: bool,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Connections at once; at least one.
    pub connections: usize,
}

/// `[callback] room_path`, `room_tokens`.
#[derive(Debug, Clone)]
pub struct RoomCallbacks {
    pub path: String,
    /// None: callbacks of rooms are not authenticated.
    pub tokens: Vec<SecretString>,
}

/// `[rules]`.
#[derive(Debug, Clone)]
pub struct RulesConfig {
    pub directory: PathBuf,
    /// [`Mode::Shadow`] for every rule, or [`Mode::Enforce`].
    pub mode: Mode,
    /// How often the files are looked at; `None` (`"off"`) relies on the system to tell of changes.
    pub poll: Option<Duration>,
}

/// `[store]`.
#[derive(Debug, Clone)]
pub struct StoreConfig {
    pub url: String,
}

/// `[safety]`.
#[derive(Debug, Clone)]
pub struct Safety {
    pub protected: Globs,
    /// Over all rules together; what is beyond is held.
    pub limit: Option<Limit>,
    /// What changes back and forth more often than this rests; `None` (`"off"`): never.
    pub loops: Option<LoopLimit>,
    /// A longer mute is renewed; `None`: Chat takes what it documents, about 136 years (34951).
    pub longest_mute: Option<Duration>,
    /// The same for bans (50296).
    pub longest_ban: Option<Duration>,
}

/// `[rest]`.
#[derive(Debug, Clone)]
pub struct Rest {
    /// Longer than the 3 s that Chat gives itself (34620).
    pub timeout: Duration,
    /// How often one command may be called in any second; more than Chat takes only where no Chat is.
    pub calls_per_second: u32,
}

/// `[journal]`.
#[derive(Debug, Clone)]
pub struct Journal {
    pub keep: Duration,
    /// The oldest entries go sooner when there are more.
    pub most: u32,
    pub events: JournalEvents,
}

/// `[admin]`: the console's listener.
#[derive(Debug, Clone)]
pub struct Admin {
    pub listen: SocketAddr,
    /// Demanded when `listen` is not loopback.
    pub token: Option<SecretString>,
}

/// `[log]`.
#[derive(Debug, Clone)]
pub struct Log {
    /// A level, or directives such as `info,groupkeeper::delivery=debug`.
    pub level: String,
    pub format: LogFormat,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    Text,
    Json,
}

/// Everything that is configured.
#[derive(Debug, Clone)]
pub struct Config {
    pub app: App,
    pub callback: Callback,
    pub rules: RulesConfig,
    pub store: StoreConfig,
    pub safety: Safety,
    pub rest: Rest,
    pub reconcile: crate::reconcile::Settings,
    /// `[reconcile] owner_inactive`: `None` is never.
    pub owner_inactive: Option<Duration>,
    pub journal: Journal,
    pub admin: Admin,
    pub log: Log,
    warnings: Vec<String>,
}

/// The part of the configuration by which a command finds the service and judges as it does.
#[derive(Debug, Clone)]
pub struct Bystander {
    pub admin: Admin,
    /// The app admin.
    pub own: Account,
    pub safety: Safety,
    pub mode: Mode,
    pub owner_inactive: Option<Duration>,
}

/// What a check of rules needs of a configuration in which nothing is wrong.
#[derive(Debug, Clone)]
pub struct Checked {
    /// The app admin.
    pub own: Account,
    pub safety: Safety,
    /// Secrets that `serve` will need, and that are not here.
    pub absent: Vec<ConfigMistake>,
}

/// One thing that is wrong, where, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigMistake {
    /// `groupkeeper.toml:7:1`, or the variable's name.
    pub place: String,
    /// The line, with the wrong part marked below it; empty for a variable.
    pub excerpt: String,
    pub message: String,
    pub help: String,
}

impl fmt::Display for ConfigMistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}\n  --> {}", self.message, self.place)?;
        if !self.excerpt.is_empty() {
            write!(f, "\n{}", self.excerpt)?;
        }
        if !self.help.is_empty() {
            write!(f, "\n  = help: {}", self.help)?;
        }
        Ok(())
    }
}

impl Config {
    /// Reads the file (if there is one) and this process's environment.
    ///
    /// # Errors
    /// Every mistake.
    pub fn from_process(path: Option<&Path>) -> Result<Self, Vec<ConfigMistake>> {
        Self::load(path, &our_environment())
    }

    /// What commands beside the service need of its configuration; nothing else has to be right.
    ///
    /// # Errors
    /// What is wrong with these parts, or with the file as a whole.
    pub fn bystander(path: Option<&Path>) -> Result<Bystander, Vec<ConfigMistake>> {
        part(path, values::bystander)
    }

    /// Looks for every mistake that [`Config::from_process`] would find, except that a secret is not there:
    /// a check, in CI for instance, does without.
    ///
    /// # Errors
    /// Every mistake.
    pub fn check(path: Option<&Path>) -> Result<Checked, Vec<ConfigMistake>> {
        let environment = our_environment();
        let (name, text) = read_file(path)?;
        let mut reader = Reader::new(&name, &text, &environment)?;
        // Without the secrets there is no whole configuration, and none is needed.
        let _ = values::config(&mut reader);
        let (mistakes, absent) = reader.finish_apart();
        if !mistakes.is_empty() {
            return Err(mistakes);
        }
        let (own, safety) = values::guarded(&mut Reader::new(&name, &text, &environment)?);
        Ok(Checked { own, safety, absent })
    }

    /// What calls of Chat are signed with; nothing else has to be right.
    ///
    /// # Errors
    /// As [`Config::bystander`].
    pub fn app(path: Option<&Path>) -> Result<App, Vec<ConfigMistake>> {
        part(path, values::app)
    }

    /// Reads the file (if there is one) and an environment, whose values win.
    ///
    /// # Errors
    /// Every mistake.
    pub fn load(
        path: Option<&Path>,
        environment: &[(String, String)],
    ) -> Result<Self, Vec<ConfigMistake>> {
        let (name, text) = read_file(path)?;
        let mut reader = Reader::new(&name, &text, environment)?;
        let config = values::config(&mut reader);
        let mistakes = reader.finish();
        match config {
            Some(config) if mistakes.is_empty() => Ok(config),
            _ => Err(mistakes),
        }
    }

    /// What is allowed but deserves a second thought.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

/// A part of the configuration of this process.
fn part<T>(
    path: Option<&Path>,
    read: impl FnOnce(&mut Reader<'_>) -> Option<T>,
) -> Result<T, Vec<ConfigMistake>> {
    let environment = our_environment();
    let (name, text) = read_file(path)?;
    let mut reader = Reader::new(&name, &text, &environment)?;
    let part = read(&mut reader);
    let mistakes = reader.mistakes();
    part.filter(|_| mistakes.is_empty()).ok_or(mistakes)
}

/// The variables of this process that are meant for us.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
fn our_environment() -> Vec<(String, String)> {
    let ours = |name: &str| name.starts_with(read::PREFIX);
    std::env::vars_os()
        .filter_map(|(name, value)| {
            let name = name.into_string().ok().filter(|name| ours(name))?;
            // What is no text is kept visible, so that its key is refused and not ignored.
            Some((name, value.to_string_lossy().into_owned()))
        })
        .collect()
}

/// Whether colours are wanted: not with `NO_COLOR`, whatever it says, nor where the terminal has none.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
pub fn colours() -> bool {
    wants_colours(std::env::var_os("NO_COLOR"), std::env::var_os("TERM"))
}

fn wants_colours(no_color: Option<OsString>, term: Option<OsString>) -> bool {
    no_color.is_none_or(|value| value.is_empty()) && term.is_none_or(|term| term != "dumb")
}

/// The file's name and text; without a file, nothing.
fn read_file(path: Option<&Path>) -> Result<(String, String), Vec<ConfigMistake>> {
    let Some(path) = path else { return Ok((String::new(), String::new())) };
    let place = path.display().to_string();
    std::fs::read_to_string(path).map(|text| (place.clone(), text)).map_err(|error| {
        vec![ConfigMistake {
            place,
            excerpt: String::new(),
            message: format!("the configuration file cannot be read: {error}"),
            help: String::new(),
        }]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_switched_off_by_any_no_color_and_by_a_terminal_that_has_none() {
        let wants = |no_color: Option<&str>, term: Option<&str>| {
            wants_colours(no_color.map(Into::into), term.map(Into::into))
        };
        assert!(wants(None, None) && wants(Some(""), Some("xterm")));
        assert!(!wants(Some("0"), Some("xterm")) && !wants(None, Some("dumb")));
    }
}
