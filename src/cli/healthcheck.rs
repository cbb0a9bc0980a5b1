//! `groupkeeper healthcheck`: one request, so that an image needs no other program.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::time::Duration;

use super::Exit;
use super::recorded::{bystander, url_of};
use crate::authoring::recorded::Trouble;

const TIMEOUT: Duration = Duration::from_secs(3);

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The admin listener, or a page of it; by default `/healthz` of the one that the configuration
    /// names, or of 127.0.0.1:8081
    #[arg(long)]
    url: Option<String>,
    /// The configuration file, for the admin listener; `./groupkeeper.toml` if it is there
    #[arg(long, conflicts_with = "url")]
    config: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments) -> Exit {
    match arguments.ask() {
        Ok(()) => Exit::Fine,
        Err(trouble) => {
            eprintln!("groupkeeper: {trouble}");
            Exit::Usage
        }
    }
}

impl Arguments {
    fn ask(&self) -> Result<(), Trouble> {
        let url = match &self.url {
            Some(url) => page(url)?,
            None => page(&url_of(bystander(self.config.as_deref())?.admin.listen))?,
        };
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .timeout_global(Some(TIMEOUT))
            .http_status_as_error(false)
            .build()
            .into();
        match agent.get(&url).call() {
            Ok(answer) if answer.status().as_u16() == 200 => Ok(()),
            Ok(answer) => Err(Trouble(format!("{url} answers: {}", answer.status()))),
            Err(error) => Err(Trouble(format!("nobody answers at {url}: {}", why(&error)))),
        }
    }
}

/// Without what only the library and the system call it.
fn why(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Io(error) if error.kind() == ErrorKind::ConnectionRefused => {
            "nothing listens there; is the service running?".to_owned()
        }
        ureq::Error::Timeout(_) => format!("there was no answer within {TIMEOUT:?}"),
        ureq::Error::HostNotFound => "there is no such host".to_owned(),
        ureq::Error::Io(error) => error.to_string(),
        other => other.to_string(),
    }
}

/// The page that is asked for: of a listener alone, its health.
fn page(url: &str) -> Result<String, Trouble> {
    let listener = url.strip_prefix("http://").filter(|rest| !rest.is_empty());
    match listener.map(|rest| rest.trim_end_matches('/').contains('/')) {
        Some(true) => Ok(url.to_owned()),
        Some(false) => Ok(format!("{}/healthz", url.trim_end_matches('/'))),
        None => Err(Trouble::no_listener(url)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_is_asked_for_its_health() {
        let page = |url| page(url).map_err(|trouble| trouble.to_string());
        for url in ["http://[::1]:8081", "http://[::1]:8081/", "http://[::1]:8081/healthz"] {
            assert_eq!(page(url), Ok("http://[::1]:8081/healthz".to_owned()));
        }
        assert_eq!(page("http://bot:8081/readyz"), Ok("http://bot:8081/readyz".to_owned()));
        assert!(page("bot:8081").unwrap_err().contains("is not the address"));
    }
}
