//! `[rest]`: how Chat is called.

use super::{number, time};
use crate::chat::limits::CALLS_PER_SECOND;
use crate::service::config::Rest;
use crate::service::config::read::Reader;

pub(super) fn rest(reader: &mut Reader<'_>, base_url: Option<&str>) -> Rest {
    Rest {
        timeout: time(reader, "rest", "timeout", "5s"),
        calls_per_second: calls_per_second(reader, base_url),
    }
}

/// Fewer than Chat's limit where other programs call for the same app. More only where there is no Chat:
/// one that is called too often refuses, and in the end blocks the app.
fn calls_per_second(reader: &mut Reader<'_>, base_url: Option<&str>) -> u32 {
    let Some(found) = reader.find("rest", "calls_per_second", false) else {
        return CALLS_PER_SECOND;
    };
    let origin = found.origin.clone();
    let help = format!("calls_per_second = {CALLS_PER_SECOND}");
    let calls = number(&found).and_then(|calls| u32::try_from(calls).ok());
    let Some(calls) = calls.filter(|calls| *calls > 0) else {
        reader.mistake(&origin, "`calls_per_second` is a number, at least 1".to_owned(), help);
        return CALLS_PER_SECOND;
    };
    if calls > CALLS_PER_SECOND && base_url.is_some_and(|url| !is_this_machine(url)) {
        let message = format!(
            "`calls_per_second = {calls}` is more than the {CALLS_PER_SECOND} of one command that Chat takes"
        );
        reader.mistake(&origin, message, help);
        return CALLS_PER_SECOND;
    }
    calls
}

/// Whether a simulator is called, and not Chat.
fn is_this_machine(url: &str) -> bool {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = authority.split(['/', '?', '#']).next().unwrap_or_default();
    // What stands before an `@` is no host.
    let host = authority.rsplit('@').next().unwrap_or_default();
    let host = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_address_of_this_machine_is_no_chat() {
        for url in ["http://127.0.0.1:9000", "http://[::1]:9000/x", "http://127.8.0.1"] {
            assert!(is_this_machine(url), "{url}");
        }
        for url in [
            "https://adminapisgp.im.qcloud.com",
            "http://127.0.0.1@chat.example",
            "http://10.0.0.1",
            "",
        ] {
            assert!(!is_this_machine(url), "{url}");
        }
    }
}
