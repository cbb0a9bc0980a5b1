//! The admin API of a running service: our own listener, on a plain port. (What is sent to Chat goes
//! through `rest/client.rs` alone.)

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::Trouble;
use super::lines::of_lines;
use crate::authoring::check::SourceFile;
use crate::chat::GroupId;
use crate::clock::Timestamp;
use crate::decision::state::SanctionKind;
use crate::ledger::JournalEntry;
use crate::ledger::journal::Filter;
use crate::ledger::sanctions::{Told, Wanted};
use crate::ledger::survey::{GroupSurvey, RuleState};

const CONNECT: Duration = Duration::from_secs(3);
/// A service that looks through a large journal may be silent for a while.
const SILENCE: Duration = Duration::from_secs(60);

/// Sanctions of one answer.
const PAGE: usize = 1_000;

/// A running service.
pub struct Admin {
    url: String,
    agent: ureq::Agent,
    token: Option<SecretString>,
    /// What to do when it is not running.
    instead: &'static str,
}

/// What is done with a path.
#[derive(Clone, Copy)]
enum Method {
    Get,
    Post,
}

#[derive(Deserialize)]
struct Sources {
    files: Vec<SourceFile>,
}

#[derive(Deserialize)]
struct Named {
    id: String,
}

#[derive(Deserialize)]
struct Problem {
    error: String,
}

impl Admin {
    /// Nothing is asked yet.
    ///
    /// # Errors
    /// When the URL is not that of an admin listener.
    pub fn new(url: &str, token: Option<SecretString>) -> Result<Self, Trouble> {
        let url = url.trim_end_matches('/');
        let host =
            url.strip_prefix("http://").filter(|host| !host.is_empty() && !host.contains('/'));
        if host.is_none() {
            return Err(Trouble::no_listener(url));
        }
        let agent = ureq::Agent::config_builder()
            .timeout_connect(Some(CONNECT))
            .timeout_recv_response(Some(SILENCE))
            .http_status_as_error(false)
            .build()
            .into();
        let instead = "Only a running service can be asked for this: start it, or say with --url or --config where it is";
        Ok(Self { url: url.to_owned(), agent, token, instead })
    }

    /// For commands that read a store as well.
    #[must_use]
    pub fn or_its_store(self) -> Self {
        Self { instead: "When it is stopped, read its store: --store sled:data", ..self }
    }

    /// What the service says under a path of `/api/v1/`; `None` when there is no such thing.
    ///
    /// # Errors
    /// When nobody answers, or with the service's own words.
    pub fn read<T: DeserializeOwned>(&self, path: &str) -> Result<Option<T>, Trouble> {
        self.json(Method::Get, path)
    }

    /// One page of a list of `/api/v1/`, and how many entries the list has.
    ///
    /// # Errors
    /// As [`Admin::read`].
    pub fn page(&self, path: &str) -> Result<(Vec<serde_json::Value>, usize), Trouble> {
        let Some((total, body)) = self.asked(Method::Get, path)? else {
            return Err(self.too_old());
        };
        let page: Vec<serde_json::Value> =
            serde_json::from_reader(body).map_err(|_| self.too_old())?;
        let total = total.unwrap_or(page.len());
        Ok((page, total))
    }

    /// Has the service do something; `None` when there is nothing of that kind.
    ///
    /// # Errors
    /// As [`Admin::read`].
    pub fn order<T: DeserializeOwned>(&self, path: &str) -> Result<Option<T>, Trouble> {
        self.json(Method::Post, path)
    }

    /// A backup of its store, as it is written.
    ///
    /// # Errors
    /// As [`Admin::read`].
    pub fn backup(&self) -> Result<impl BufRead + use<>, Trouble> {
        self.ask(Method::Get, "/api/v1/backup")?.ok_or_else(|| self.too_old())
    }

    pub(super) fn journal(
        &self,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<impl Iterator<Item = Result<JournalEntry, Trouble>> + '_, Trouble> {
        let path = format!("/api/v1/journal?since={}&until={}", since.0, until.0);
        let body = self.ask(Method::Get, &path)?.ok_or_else(|| self.too_old())?;
        Ok(of_lines(body, &self.url))
    }

    pub(super) fn find(&self, digits: &str) -> Result<Vec<JournalEntry>, Trouble> {
        self.read(&format!("/api/v1/journal/{}", escaped(digits)))?.ok_or_else(|| self.too_old())
    }

    pub(super) fn newest(&self, filter: &Filter) -> Result<Option<JournalEntry>, Trouble> {
        let Filter { happened, acted, .. } = filter;
        let mut path = format!("/api/v1/events?limit=1&happened={happened}&acted={acted}");
        let member = filter.member.as_ref().map(|member| member.as_str());
        let parts = [
            ("group", filter.group.as_ref().map(GroupId::as_str)),
            ("member", member),
            ("rule", filter.rule.as_deref()),
            ("event", filter.event.as_deref()),
        ];
        for (name, value) in parts {
            if let Some(value) = value {
                path.push_str(&format!("&{name}={}", escaped(value)));
            }
        }
        let newest: Option<Vec<Named>> = self.read(&path)?;
        match newest.ok_or_else(|| self.too_old())?.first() {
            Some(newest) => Ok(self.find(&newest.id)?.into_iter().next()),
            None => Ok(None),
        }
    }

    pub(super) fn rules(&self, version: Option<&str>) -> Result<Option<Vec<SourceFile>>, Trouble> {
        let version = version.map(|version| format!("/{}", escaped(version))).unwrap_or_default();
        let sources: Option<Sources> = self.read(&format!("/api/v1/rules/sources{version}"))?;
        Ok(sources.map(|sources| sources.files))
    }

    pub(super) fn rule_state(&self) -> Result<BTreeMap<String, RuleState>, Trouble> {
        self.read("/api/v1/state")?.ok_or_else(|| self.too_old())
    }

    pub(super) fn group(&self, group: &GroupId) -> Result<GroupSurvey, Trouble> {
        let path = format!("/api/v1/groups/{}", escaped(group.as_str()));
        self.read(&path)?.ok_or_else(|| self.too_old())
    }

    /// Page after page, up to so many.
    pub(super) fn sanctions(&self, wanted: &Wanted, most: usize) -> Result<Vec<Told>, Trouble> {
        let mut all: Vec<Told> = Vec::new();
        while all.len() < most {
            let limit = (most - all.len()).min(PAGE);
            let mut path = format!("/api/v1/sanctions?limit={limit}");
            let parts = [
                ("group", wanted.group.as_ref().map(GroupId::as_str)),
                ("member", wanted.member.as_ref().map(|member| member.as_str())),
                ("kind", wanted.kind.map(SanctionKind::name)),
                ("late", wanted.late_at.map(|_| "true")),
                ("after", all.last().map(|last| last.place.as_str())),
            ];
            for (name, value) in parts {
                if let Some(value) = value {
                    path.push_str(&format!("&{name}={}", escaped(value)));
                }
            }
            let page: Vec<Told> = self.read(&path)?.ok_or_else(|| self.too_old())?;
            let last = page.len() < limit;
            all.extend(page);
            if last {
                break;
            }
        }
        Ok(all)
    }

    fn too_old(&self) -> Trouble {
        Trouble(format!("what answers at {} is no Groupkeeper of this version", self.url))
    }

    fn json<T: DeserializeOwned>(&self, method: Method, path: &str) -> Result<Option<T>, Trouble> {
        let Some(body) = self.ask(method, path)? else { return Ok(None) };
        let read = serde_json::from_reader(body);
        read.map(Some).map_err(|error| match error.is_io() {
            true => Trouble(format!("{} broke off its answer", self.url)),
            false => self.too_old(),
        })
    }

    /// The body of an answer; `None` when the service says that there is no such thing.
    fn ask(&self, method: Method, path: &str) -> Result<Option<impl BufRead + use<>>, Trouble> {
        Ok(self.asked(method, path)?.map(|(_, body)| body))
    }

    /// The same, with what the answer says of the list that it is a page of: how many entries there are.
    fn asked(
        &self,
        method: Method,
        path: &str,
    ) -> Result<Option<(Option<usize>, impl BufRead + use<>)>, Trouble> {
        let url = format!("{}{path}", self.url);
        let bearer = self.token.as_ref().map(|token| format!("Bearer {}", token.expose_secret()));
        let asked = match (method, bearer) {
            (Method::Get, None) => self.agent.get(&url).call(),
            (Method::Get, Some(bearer)) => {
                self.agent.get(&url).header("Authorization", &bearer).call()
            }
            (Method::Post, None) => self.agent.post(&url).send_empty(),
            (Method::Post, Some(bearer)) => {
                self.agent.post(&url).header("Authorization", &bearer).send_empty()
            }
        };
        let answer = asked.map_err(|_| {
            Trouble(format!(
                "nobody answers at {}\nIs the service running? {}",
                self.url, self.instead
            ))
        })?;
        let status = answer.status().as_u16();
        let total = answer.headers().get("x-total-count").and_then(|total| total.to_str().ok());
        let total = total.and_then(|total| total.parse().ok());
        let body = BufReader::new(answer.into_body().into_reader());
        match status {
            200 => Ok(Some((total, body))),
            404 => Ok(None),
            401 if self.token.is_some() => Err(Trouble(format!(
                "{} does not accept this token: it is not the one of its `[admin] token`",
                self.url
            ))),
            401 => Err(Trouble(format!(
                "{} wants its token: --config with its `[admin] token`, --token-file, or \
                 GROUPKEEPER_ADMIN_TOKEN in the environment",
                self.url
            ))),
            _ => {
                let problem: Result<Problem, _> = serde_json::from_reader(body);
                let words = problem.map_or_else(|_| status.to_string(), |problem| problem.error);
                Err(Trouble(format!("{} answers: {words}", self.url)))
            }
        }
    }
}

/// A text as a part of a URL.
pub fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.bytes()
        .map(|byte| match plain(byte) {
            true => char::from(byte).to_string(),
            false => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_id_survives_in_a_url() {
        assert_eq!(escaped("@TGS#1 ä"), "%40TGS%231%20%C3%A4");
    }

    #[test]
    fn an_address_of_any_other_kind_is_refused() {
        assert_eq!(Admin::new("http://[::1]:8081/", None).unwrap().url, "http://[::1]:8081");
        for bad in ["https://bot", "bot:8081", "http://bot/api", "http://"] {
            assert!(Admin::new(bad, None).is_err(), "{bad}");
        }
    }
}
