//! Where commands that ask the journal find it.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use secrecy::SecretString;

use super::Exit;
use super::print::coloured;
use crate::authoring::recorded::{Admin, Recorded, Trouble};
use crate::authoring::replay::Span;
use crate::authoring::{self, why};
use crate::clock::Timestamp;
use crate::decision::{Event, Settings};
use crate::rule::diagnostic::Level;
use crate::rule::suggest::closest;
use crate::rule::{EventKind, RuleSet};
use crate::service::config::{Bystander, Config, Safety};

/// The running service.
#[derive(clap::Args)]
pub(super) struct Running {
    /// Ask the running service at its admin listener; by default the one that the configuration
    /// names, or that of 127.0.0.1:8081
    #[arg(long)]
    url: Option<String>,
    /// A file with the token of the admin listener; by default `[admin] token`
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// The configuration file, for the admin listener and its token; `./groupkeeper.toml` if it is
    /// there
    #[arg(long)]
    config: Option<PathBuf>,
}

impl Running {
    /// What is configured and matters here.
    fn bystander(&self) -> Result<Bystander, Trouble> {
        bystander(self.config.as_deref())
    }

    /// Where it listens, and what it wants to see.
    fn address(&self) -> Result<(String, Option<SecretString>), Trouble> {
        let admin = self.bystander()?.admin;
        let token = match &self.token_file {
            None => admin.token,
            Some(path) => {
                let text = std::fs::read_to_string(path).map_err(|error| {
                    Trouble(format!("the token in {} cannot be read: {error}", path.display()))
                })?;
                Some(SecretString::from(text.trim().to_owned()))
            }
        };
        Ok((self.url.clone().unwrap_or_else(|| url_of(admin.listen)), token))
    }

    /// Its admin API, for a command that reads a store as well when the service is stopped.
    pub(super) fn admin_or_store(&self) -> Result<Admin, Trouble> {
        self.admin().map(Admin::or_its_store)
    }

    /// Its admin API.
    pub(super) fn admin(&self) -> Result<Admin, Trouble> {
        let (url, token) = self.address()?;
        Admin::new(&url, token)
    }
}

/// The configuration that is read: the one named, or that of this directory if there is one.
pub(super) fn or_usual(path: Option<&Path>) -> Option<&Path> {
    let usual = Path::new("groupkeeper.toml");
    path.or_else(|| usual.exists().then_some(usual))
}

/// What is configured and matters to commands beside the service.
pub(super) fn bystander(config: Option<&Path>) -> Result<Bystander, Trouble> {
    Config::bystander(or_usual(config)).map_err(|mistakes| {
        let told: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        Trouble(told.join("\n\n"))
    })
}

/// Where an admin listener is found on its own machine.
pub(super) fn url_of(mut listen: SocketAddr) -> String {
    if listen.ip().is_unspecified() {
        listen.set_ip(Ipv4Addr::LOCALHOST.into());
    }
    format!("http://{listen}")
}

#[derive(clap::Args)]
pub(super) struct Where {
    #[command(flatten)]
    running: Running,
    /// Read the store of a stopped service, `sled:data` for instance
    #[arg(long, value_name = "URL", conflicts_with_all = ["url", "token_file"])]
    store: Option<String>,
    /// Read JSON lines as /api/v1/journal writes them; `-` is standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["store", "url", "token_file"])]
    events: Option<PathBuf>,
}

impl Where {
    /// Whether anything says where.
    pub(super) fn is_said(&self) -> bool {
        let Running { url, config, .. } = &self.running;
        url.is_some() || self.store.is_some() || self.events.is_some() || config.is_some()
    }

    /// What is configured and matters here.
    pub(super) fn bystander(&self) -> Result<Bystander, Trouble> {
        self.running.bystander()
    }

    /// How the service judges: whom it never touches, and whether it acts at all.
    pub(super) fn settings(&self) -> Result<Settings, Trouble> {
        let Bystander { own, safety, mode, owner_inactive, .. } = self.bystander()?;
        let Safety { protected, limit, loops, longest_mute, longest_ban } = safety;
        Ok(Settings {
            own: vec![own],
            protected,
            mode,
            limit,
            owner_inactive,
            loops,
            longest_mute,
            longest_ban,
            tells_all: true,
        })
    }

    /// Opens the journal.
    pub(super) fn open(&self) -> Result<Recorded, Trouble> {
        if let Some(path) = &self.events {
            return Recorded::lines(path);
        }
        if let Some(url) = &self.store {
            return Recorded::store(url);
        }
        let (url, token) = self.running.address()?;
        Recorded::service(&url, token)
    }
}

/// Rules out of a directory that must be good.
pub(super) fn rules_of(directory: &Path) -> Result<RuleSet, Trouble> {
    let checked = authoring::check(directory, None)
        .map_err(|error| Trouble(format!("the rules directory cannot be read: {error}")))?;
    match checked.diagnostics.iter().find(|told| told.level == Level::Error) {
        None => Ok(checked.rules),
        Some(error) => Err(Trouble(error.render(false))),
    }
}

/// As [`rules_of`], with everything that is wrong with them on stderr.
pub(super) fn checked(directory: &Path) -> Result<RuleSet, Exit> {
    let checked = authoring::check(directory, None).map_err(|error| {
        eprintln!("groupkeeper: the rules directory cannot be read: {error}");
        Exit::Usage
    })?;
    if checked.is_good() && checked.rules.rules().is_empty() {
        eprintln!("groupkeeper: {}: there is no rule in this directory", directory.display());
        return Err(Exit::Rules);
    }
    if checked.is_good() {
        return Ok(checked.rules);
    }
    let color = coloured(&std::io::stderr());
    for error in checked.diagnostics.iter().filter(|found| found.level == Level::Error) {
        eprintln!("{}\n", error.render(color));
    }
    eprintln!("{}: the rules are wrong", directory.display());
    Err(Exit::Rules)
}

/// The span between two times, either of which may be open.
pub(super) fn span(since: Option<Timestamp>, until: Option<Timestamp>) -> Span {
    let (since, until) = (since.unwrap_or_default(), until.unwrap_or(Timestamp(i64::MAX)));
    Span { since, until }
}

/// Tells how far a long replay is.
pub(super) fn progress(entries: usize, at: Timestamp) {
    eprintln!("{entries} entries, up to {at}");
}

/// Whether there is an event of this name.
fn known_event(name: &str) -> Result<(), Trouble> {
    let mut names: Vec<&str> = EventKind::ALL.iter().map(|kind| kind.name()).collect();
    names.extend(Event::UNHEARD);
    if names.contains(&name) {
        return Ok(());
    }
    let help = match closest(name, names.iter().copied()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("there is: {}", names.join(" ")),
    };
    Err(Trouble(format!("there is no event `{name}`; {help}")))
}

/// The event that `why` and `why-not` are asked about.
#[derive(clap::Args)]
pub(super) struct About {
    /// The event's id (or how it begins), or `last`
    event: String,
    /// With `last`: in this group
    #[arg(long)]
    group: Option<String>,
    /// With `last`: about this member
    #[arg(long)]
    member: Option<String>,
    /// With `last`: of this name, `message.sent` for instance
    #[arg(long, value_name = "NAME")]
    named: Option<String>,
    /// With `last`: that this rule looked at
    #[arg(long, value_name = "RULE")]
    by: Option<String>,
    /// With `last`: on which a rule acted
    #[arg(long)]
    acted: bool,
    /// Tell it by the rules of this directory when those of then are not kept
    #[arg(long, value_name = "DIR", default_value = "rules")]
    rules: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    from: Where,
}

impl About {
    /// Looks the event up.
    pub(super) fn open(&self) -> Result<why::Case, Trouble> {
        self.named.as_deref().map_or(Ok(()), known_event)?;
        let instead = || rules_of(&self.rules);
        // The service knows its rules itself.
        let offline = self.from.store.is_some() || self.from.events.is_some();
        let by = self.by.as_ref().filter(|_| offline);
        let listens = by.and_then(|rule| instead().ok()?.get(&rule.as_str().into()).cloned());
        let filter = crate::ledger::journal::Filter {
            group: self.group.as_deref().map(Into::into),
            member: self.member.as_deref().map(Into::into),
            rule: self.by.clone(),
            listens,
            event: self.named.clone(),
            happened: !self.acted,
            acted: self.acted,
        };
        let question = why::Question { event: &self.event, filter, instead: &instead };
        why::Case::open(&self.from.open()?, &question)
    }
}
