//! The admin API of a running service, asked with HTTP spoken by hand: it is our own listener on a
//! plain port, and the one client that sends HTTP elsewhere is for Chat alone.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::Trouble;
use super::lines::of_lines;
use crate::authoring::check::SourceFile;
use crate::chat::GroupId;
use crate::clock::Timestamp;
use crate::ledger::JournalEntry;
use crate::ledger::journal::Filter;
use crate::ledger::survey::{GroupSurvey, RuleState};

const CONNECT: Duration = Duration::from_secs(3);
/// A service that looks through a large journal may be silent for a while.
const SILENCE: Duration = Duration::from_secs(60);

/// A running service.
pub(super) struct Admin {
    url: String,
    host: String,
    token: Option<SecretString>,
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
    pub(super) fn new(url: &str, token: Option<SecretString>) -> Result<Self, Trouble> {
        let url = url.trim_end_matches('/');
        let host =
            url.strip_prefix("http://").filter(|host| !host.is_empty() && !host.contains('/'));
        let Some(host) = host else {
            return Err(Trouble(format!(
                "`{url}` is not the address of an admin listener: write it as http://127.0.0.1:8081"
            )));
        };
        let port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let host = if port { host.to_owned() } else { format!("{host}:80") };
        Ok(Self { url: url.to_owned(), host, token })
    }

    pub(super) fn journal(
        &self,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<impl Iterator<Item = Result<JournalEntry, Trouble>> + '_, Trouble> {
        let path = format!("/api/v1/journal?since={}&until={}", since.0, until.0);
        let body = self.get(&path)?.ok_or_else(|| self.too_old())?;
        Ok(of_lines(body, &self.url))
    }

    pub(super) fn find(&self, digits: &str) -> Result<Vec<JournalEntry>, Trouble> {
        self.json(&format!("/api/v1/journal/{}", escaped(digits)))?.ok_or_else(|| self.too_old())
    }

    pub(super) fn newest(&self, filter: &Filter) -> Result<Option<JournalEntry>, Trouble> {
        let mut path = format!("/api/v1/events?limit=1&happened={}", filter.happened);
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
        let newest: Option<Vec<Named>> = self.json(&path)?;
        match newest.ok_or_else(|| self.too_old())?.first() {
            Some(newest) => Ok(self.find(&newest.id)?.into_iter().next()),
            None => Ok(None),
        }
    }

    pub(super) fn rules(&self, version: Option<&str>) -> Result<Option<Vec<SourceFile>>, Trouble> {
        let version = version.map(|version| format!("/{}", escaped(version))).unwrap_or_default();
        let sources: Option<Sources> = self.json(&format!("/api/v1/rules/sources{version}"))?;
        Ok(sources.map(|sources| sources.files))
    }

    pub(super) fn rule_state(&self) -> Result<BTreeMap<String, RuleState>, Trouble> {
        self.json("/api/v1/state")?.ok_or_else(|| self.too_old())
    }

    pub(super) fn group(&self, group: &GroupId) -> Result<GroupSurvey, Trouble> {
        let path = format!("/api/v1/groups/{}", escaped(group.as_str()));
        self.json(&path)?.ok_or_else(|| self.too_old())
    }

    fn too_old(&self) -> Trouble {
        Trouble(format!("what answers at {} is no Groupkeeper of this version", self.url))
    }

    fn json<T: DeserializeOwned>(&self, path: &str) -> Result<Option<T>, Trouble> {
        let Some(body) = self.get(path)? else { return Ok(None) };
        let read = serde_json::from_reader(body);
        read.map(Some).map_err(|error| match error.is_io() {
            true => Trouble(format!("{} broke off its answer", self.url)),
            false => self.too_old(),
        })
    }

    /// The body of an answer; `None` when the service says that there is no such thing.
    fn get(&self, path: &str) -> Result<Option<Box<dyn BufRead>>, Trouble> {
        let asked = self.ask(path).map_err(|error| {
            let text = format!("nobody answers at {}: {error}", self.url);
            Trouble(format!(
                "{text}\nIs the service running? When it is stopped, read its store: --store sled:data"
            ))
        })?;
        let (status, body) = asked;
        match status {
            200 => Ok(Some(body)),
            404 => Ok(None),
            401 => Err(Trouble(format!(
                "{} wants its token: give --config with its [admin] token, or --token-file",
                self.url
            ))),
            _ => {
                let problem: Result<Problem, _> = serde_json::from_reader(body);
                let words = problem.map_or_else(|_| status.to_string(), |problem| problem.error);
                Err(Trouble(format!("{} answers: {words}", self.url)))
            }
        }
    }

    fn ask(&self, path: &str) -> io::Result<(u16, Box<dyn BufRead>)> {
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
        for address in self.host.to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, CONNECT) {
                Ok(stream) => return self.speak(stream, path),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn speak(&self, mut stream: TcpStream, path: &str) -> io::Result<(u16, Box<dyn BufRead>)> {
        stream.set_read_timeout(Some(SILENCE))?;
        let mut request =
            format!("GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", self.host);
        if let Some(token) = &self.token {
            request.push_str(&format!("Authorization: Bearer {}\r\n", token.expose_secret()));
        }
        stream.write_all(format!("{request}\r\n").as_bytes())?;
        answer(BufReader::new(stream))
    }
}

/// Status and body of an answer.
fn answer(mut stream: impl BufRead + 'static) -> io::Result<(u16, Box<dyn BufRead>)> {
    let garbled = || io::Error::new(io::ErrorKind::InvalidData, "that is not HTTP");
    let status = header(&mut stream)?;
    let status = status.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or_else(garbled)?;
    let (mut chunked, mut length) = (false, 0);
    loop {
        let line = header(&mut stream)?;
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':').ok_or_else(garbled)?;
        match name.to_ascii_lowercase().as_str() {
            "transfer-encoding" => chunked = value.trim().eq_ignore_ascii_case("chunked"),
            "content-length" => length = value.trim().parse().map_err(|_| garbled())?,
            _ => {}
        }
    }
    let body = Body { stream, left: length, chunked, first: true, over: !chunked };
    Ok((status, Box::new(BufReader::new(body))))
}

fn header(stream: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    stream.by_ref().take(64 << 10).read_line(&mut line)?;
    if !line.ends_with('\n') {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(line.trim_end().to_owned())
}

/// A body of known length, or of chunks; one that breaks off is an error, not an end.
struct Body<S> {
    stream: S,
    /// Bytes of this chunk (or of the body) that are still to come.
    left: u64,
    chunked: bool,
    first: bool,
    /// No further chunk follows.
    over: bool,
}

impl<S: BufRead> Body<S> {
    fn next_chunk(&mut self) -> io::Result<()> {
        if !std::mem::take(&mut self.first) {
            header(&mut self.stream)?;
        }
        let size = header(&mut self.stream)?;
        let size = size.split(';').next().unwrap_or_default().trim();
        self.left = u64::from_str_radix(size, 16)
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "a chunk without a size"))?;
        self.over = self.left == 0;
        Ok(())
    }
}

impl<S: BufRead> Read for Body<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 && self.chunked && !self.over {
            self.next_chunk()?;
        }
        if self.left == 0 || buffer.is_empty() {
            return Ok(0);
        }
        let read = self.stream.by_ref().take(self.left).read(buffer)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left -= read as u64;
        Ok(read)
    }
}

/// A text as a part of a URL.
fn escaped(text: &str) -> String {
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

    fn body(text: &'static str) -> io::Result<(u16, String)> {
        let (status, mut body) = answer(text.as_bytes())?;
        let mut read = String::new();
        body.read_to_string(&mut read)?;
        Ok((status, read))
    }

    #[test]
    fn a_body_comes_whole_or_as_an_error() {
        let known = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
        assert_eq!(body(known).unwrap(), (200, "hello".to_owned()));
        let chunks = "HTTP/1.1 404 No\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=1\r\nllo\r\n0\r\n\r\n";
        assert_eq!(body(chunks).unwrap(), (404, "hello".to_owned()));
        for broken in [&known[..known.len() - 1], &chunks[..chunks.len() - 8], "HTTP/1.1 200"] {
            assert!(body(broken).is_err(), "{broken:?}");
        }
    }

    #[test]
    fn a_group_id_survives_in_a_url() {
        assert_eq!(escaped("@TGS#1 ä"), "%40TGS%231%20%C3%A4");
    }

    #[test]
    fn an_address_without_a_port_means_80_and_any_other_kind_is_refused() {
        assert_eq!(Admin::new("http://bot/", None).unwrap().host, "bot:80");
        assert_eq!(Admin::new("http://[::1]:8081", None).unwrap().host, "[::1]:8081");
        for bad in ["https://bot", "bot:8081", "http://bot/api", "http://"] {
            assert!(Admin::new(bad, None).is_err(), "{bad}");
        }
    }
}
