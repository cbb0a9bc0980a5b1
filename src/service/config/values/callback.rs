//! What the keys of `[callback]` mean: where Chat calls us, with which tokens, from which addresses.

use std::net::SocketAddr;

use ipnet::IpNet;
use secrecy::SecretString;

use super::super::read::{Origin, Reader};
use super::super::{Callback, RoomCallbacks};
use super::{
    BUDGET, CHAT_WAITS, as_text, count, is_filled_in, list, one_of, parsed, short_time, text, time,
};
use crate::callback::{OverBudget, source};

/// Connections at once, unless configured otherwise: far more than Chat needs at a thousand callbacks a
/// second. An idle one takes some KiB.
const CONNECTIONS: u32 = 4_096;

/// In `allow`, the addresses that Chat itself names.
const CHAT: &str = "chat";
const BUDGET_HELP: &str = "budget = \"500ms\"";

/// Reads the section; `None` when there is no address to listen on.
pub(super) fn callback(reader: &mut Reader<'_>) -> Option<Callback> {
    let listen: Option<SocketAddr> =
        parsed(reader, "callback", "listen", "0.0.0.0:8080", "an address with a port");
    let path = text(reader, "callback", "path", "/callback");
    begins_with_a_slash(reader, "path", &path);
    let tokens = tokens(reader, "tokens").unwrap_or_default();
    let rooms = rooms(reader, &path, &tokens);
    let window = time(reader, "callback", "window", "60s");
    let budget = short_time(reader, "callback", "budget", BUDGET);
    if budget >= CHAT_WAITS {
        let message = "`[callback] budget` is not below the 2 s that Chat waits".to_owned();
        reader.mistake(&reader.origin("callback", "budget"), message, BUDGET_HELP.into());
    }
    let choices = [("allow", OverBudget::Allow), ("reject", OverBudget::Reject)];
    let over_budget = one_of(reader, "callback", "over_budget", &choices);
    if budget.is_zero() {
        let message = "`[callback] budget` is zero: nothing could be decided in time".to_owned();
        reader.mistake(&reader.origin("callback", "budget"), message, BUDGET_HELP.into());
    }
    let (allow, allow_chat) = networks(reader, "allow", Some(CHAT));
    let (trusted_proxies, _) = networks(reader, "trusted_proxies", None);
    let connections = count(reader, "callback", "connections", CONNECTIONS) as usize;
    Some(Callback {
        listen: listen?,
        path,
        tokens,
        rooms,
        window,
        budget,
        over_budget,
        allow,
        allow_chat,
        trusted_proxies,
        connections,
    })
}

/// What is allowed but deserves a second thought.
pub(super) fn warnings(callback: &Callback) -> Vec<String> {
    let mut warnings = Vec::new();
    if callback.tokens.is_empty() {
        warnings.push(
            "callbacks are not authenticated: anybody who finds the address can send some; set \
             `[callback] tokens` and the same token in the console"
                .to_owned(),
        );
    }
    let open = callback.rooms.as_ref().is_some_and(|rooms| rooms.tokens.is_empty());
    if open && !callback.tokens.is_empty() {
        warnings.push(
            "callbacks of rooms are not authenticated: anybody who finds `[callback] room_path` can \
             tell of rooms what they like; set `room_tokens` where the room engine signs"
                .to_owned(),
        );
    }
    warnings
}

fn begins_with_a_slash(reader: &mut Reader<'_>, key: &str, path: &str) {
    if !path.starts_with('/') {
        let message = format!("`[callback] {key}` begins with a slash: \"/{path}\"");
        reader.mistake(&reader.origin("callback", key), message, String::new());
    }
}

/// The tokens of one path; `None` where the key is absent.
fn tokens(reader: &mut Reader<'_>, key: &'static str) -> Option<Vec<SecretString>> {
    let found = reader.find("callback", key, true)?;
    let origin = found.origin.clone();
    let tokens = list(reader, found);
    if tokens.len() > 2 {
        let message = "there are at most two tokens: the present one, and the next".to_owned();
        reader.mistake(&origin, message, String::new());
    }
    for token in &tokens {
        is_filled_in(reader, "callback", key, token);
    }
    Some(tokens.into_iter().map(SecretString::from).collect())
}

/// The path of room callbacks, if they have one of their own; without tokens of its own it has those
/// of the other.
fn rooms(reader: &mut Reader<'_>, path: &str, usual: &[SecretString]) -> Option<RoomCallbacks> {
    let found = reader.find("callback", "room_path", false);
    let tokens = tokens(reader, "room_tokens");
    let origin = found.as_ref().map_or(Origin::Nowhere, |found| found.origin.clone());
    let room_path = found.and_then(|found| as_text(reader, found, "a path"));
    let Some(room_path) = room_path.filter(|path| !path.is_empty()) else {
        if tokens.is_some() {
            let message = "`[callback] room_tokens` has no effect without `room_path`".to_owned();
            let origin = reader.origin("callback", "room_tokens");
            reader.mistake(&origin, message, "room_path = \"/rooms\"".into());
        }
        return None;
    };
    begins_with_a_slash(reader, "room_path", &room_path);
    if room_path == path {
        let message = format!("`room_path` is `{path}`, which is `path` already");
        let help = "leave `room_path` out, or give it a path of its own: room_path = \"/rooms\"";
        reader.mistake(&origin, message, help.into());
    }
    Some(RoomCallbacks { path: room_path, tokens: tokens.unwrap_or_else(|| usual.to_vec()) })
}

/// A list of addresses and networks, and whether it has the `word` that stands for others.
fn networks(reader: &mut Reader<'_>, key: &'static str, word: Option<&str>) -> (Vec<IpNet>, bool) {
    let Some(found) = reader.find("callback", key, false) else { return (Vec::new(), false) };
    let origin = found.origin.clone();
    let (mut networks, mut has_word) = (Vec::new(), false);
    for text in list(reader, found) {
        if Some(text.as_str()) == word {
            has_word = true;
        } else if let Some(network) = source::network(&text) {
            networks.push(network);
        } else {
            let or_word = word.map(|word| format!(" nor \"{word}\"")).unwrap_or_default();
            let message = format!("`{text}` is neither an address nor a network{or_word}");
            reader.mistake(&origin, message, format!("{key} = [\"203.0.113.0/24\"]"));
        }
    }
    (networks, has_word)
}

#[cfg(test)]
mod tests {
    use super::super::super::Config;
    use super::*;

    /// A configuration whose `[callback]` says this, and the mistakes in it.
    fn load(lines: &str) -> Result<Config, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("groupkeeper.toml");
        let app = "[app]\nsdk_app_id = 1\nsecret_key = \"k\"\nregion = \"singapore\"\n";
        std::fs::write(&path, format!("{app}[callback]\n{lines}\n")).unwrap();
        Config::load(Some(&path), &[]).map_err(|mistakes| {
            mistakes.into_iter().map(|m| m.message).collect::<Vec<_>>().join("; ")
        })
    }

    fn exposed(tokens: &[SecretString]) -> Vec<&str> {
        use secrecy::ExposeSecret;
        tokens.iter().map(ExposeSecret::expose_secret).collect()
    }

    #[test]
    fn without_a_path_of_their_own_rooms_come_with_the_others() {
        for lines in ["tokens = [\"a\"]", "tokens = [\"a\"]\nroom_path = \"\""] {
            assert!(load(lines).unwrap().callback.rooms.is_none());
        }
    }

    #[test]
    fn a_path_of_rooms_has_the_same_tokens_unless_it_names_its_own() {
        let rooms = |lines: &str| load(lines).unwrap().callback.rooms.unwrap();
        let same = rooms("tokens = [\"a\"]\nroom_path = \"/rooms\"");
        assert_eq!((same.path.as_str(), exposed(&same.tokens)), ("/rooms", vec!["a"]));
        let own = rooms("tokens = [\"a\"]\nroom_path = \"/rooms\"\nroom_tokens = [\"b\", \"c\"]");
        assert_eq!(exposed(&own.tokens), ["b", "c"]);
    }

    #[test]
    fn rooms_that_are_not_signed_are_warned_of() {
        let config = load("tokens = [\"a\"]\nroom_path = \"/rooms\"\nroom_tokens = []").unwrap();
        assert!(config.warnings().iter().any(|warning| warning.contains("room_path")));
        let signed = load("tokens = [\"a\"]\nroom_path = \"/rooms\"").unwrap();
        assert_eq!(signed.warnings(), Vec::<String>::new());
    }

    #[test]
    fn a_path_of_rooms_that_is_no_path_of_its_own_is_a_mistake() {
        for (lines, mistake) in [
            ("room_path = \"/callback\"", "`room_path` is `/callback`, which is `path` already"),
            ("path = \"/a\"\nroom_path = \"/a\"", "`room_path` is `/a`, which is `path` already"),
            ("room_path = \"rooms\"", "`[callback] room_path` begins with a slash: \"/rooms\""),
            ("room_tokens = [\"a\"]", "`[callback] room_tokens` has no effect without `room_path`"),
            (
                "room_path = \"/rooms\"\nroom_tokens = [\"\"]",
                "`[callback] room_tokens` is not filled in",
            ),
        ] {
            assert_eq!(load(lines).unwrap_err(), mistake, "{lines}");
        }
    }

    #[test]
    fn a_budget_is_neither_zero_nor_as_long_as_chat_waits() {
        let zero = "`[callback] budget` is zero: nothing could be decided in time";
        let long = "`[callback] budget` is not below the 2 s that Chat waits";
        assert_eq!(load("budget = \"0ms\"").unwrap_err(), zero);
        assert_eq!(load("budget = \"2000ms\"").unwrap_err(), long);
        assert_eq!(load("budget = \"1ms\"").unwrap().callback.budget.as_millis(), 1);
    }

    #[test]
    fn connections_are_a_number_above_zero() {
        assert_eq!(load("").unwrap().callback.connections, CONNECTIONS as usize);
        assert_eq!(load("connections = 7").unwrap().callback.connections, 7);
        for wrong in ["0", "-1", "\"many\"", "[]"] {
            let mistake = load(&format!("connections = {wrong}")).unwrap_err();
            assert_eq!(mistake, "`connections` is a number from 1 to 4294967295", "{wrong}");
        }
    }

    #[test]
    fn addresses_are_read_as_networks_and_chat_stands_for_its_own() {
        let callback = load(
            "allow = [\"203.0.113.0/24\", \"chat\", \"2001:db8::1\"]\ntrusted_proxies = [\"10.0.0.0/8\"]",
        );
        let callback = callback.unwrap().callback;
        let texts = |networks: &[IpNet]| networks.iter().map(IpNet::to_string).collect::<Vec<_>>();
        assert_eq!(texts(&callback.allow), ["203.0.113.0/24", "2001:db8::1/128"]);
        assert!(callback.allow_chat);
        assert_eq!(texts(&callback.trusted_proxies), ["10.0.0.0/8"]);
        let usual = load("").unwrap().callback;
        assert!(usual.allow.is_empty() && !usual.allow_chat && usual.trusted_proxies.is_empty());
    }

    #[test]
    fn what_is_no_network_is_a_mistake_that_says_what_is() {
        for (lines, mistake) in [
            ("allow = [\"tencent\"]", "`tencent` is neither an address nor a network nor \"chat\""),
            ("trusted_proxies = [\"chat\"]", "`chat` is neither an address nor a network"),
        ] {
            assert_eq!(load(lines).unwrap_err(), mistake, "{lines}");
        }
    }
}
