//! What `groupkeeper simulate` says: how to run a bot beside it, and what can be done.

use super::super::Exit;
use super::Arguments;
use crate::simulator::{Simulator, control_verbs};

/// Prints what is needed to begin, and waits for Ctrl-C.
pub(super) async fn until_stopped(arguments: &Arguments, simulator: &Simulator) -> Exit {
    let url = simulator.url();
    eprintln!("a simulated Chat listens on {url}");
    eprintln!("and sends callbacks to {}", arguments.callback_url);
    eprintln!("\nrun a bot beside it, where there is a folder `rules`:\n");
    eprintln!("{}", bot(arguments, &url));
    eprintln!("play with it:\n\n{}", plays(&url));
    eprintln!("  curl -s {url}/control         # everything that can be done, faults among it");
    eprintln!("\nCtrl-C ends it.");
    if let Err(error) = tokio::signal::ctrl_c().await {
        eprintln!("groupkeeper: signals cannot be listened to: {error}");
        return Exit::OurFault;
    }
    Exit::Fine
}

/// The command that runs a bot for this Chat.
fn bot(arguments: &Arguments, url: &str) -> String {
    let mut lines = vec![
        format!("GROUPKEEPER_APP_SDK_APP_ID={}", arguments.sdk_app_id),
        format!("GROUPKEEPER_APP_ADMIN={}", arguments.admin),
        format!("GROUPKEEPER_APP_SECRET_KEY={}", arguments.secret_key),
        format!("GROUPKEEPER_APP_API_BASE={url}"),
    ];
    if let Some(token) = arguments.token() {
        lines.push(format!("GROUPKEEPER_CALLBACK_TOKENS={token}"));
    }
    if let Some((address, path)) = address_and_path(&arguments.callback_url) {
        lines.push(format!("GROUPKEEPER_CALLBACK_LISTEN={address}"));
        lines.push(format!("GROUPKEEPER_CALLBACK_PATH={path}"));
    }
    lines.extend(rooms(arguments));
    let lines: String = lines.iter().map(|line| format!("  {line} \\\n")).collect();
    format!("{lines}  groupkeeper serve\n")
}

/// What a bot must know so that callbacks of rooms reach it on a path of their own.
fn rooms(arguments: &Arguments) -> Vec<String> {
    let url = arguments.room_callback_url.as_deref();
    let Some((address, path)) = url.and_then(address_and_path) else { return Vec::new() };
    // A bot listens on one address for all callbacks.
    if address_and_path(&arguments.callback_url).is_none_or(|chat| chat.0 != address) {
        return Vec::new();
    }
    let mut lines = vec![format!("GROUPKEEPER_CALLBACK_ROOM_PATH={path}")];
    match (&arguments.room_callback_token, arguments.token()) {
        (Some(token), _) => lines.push(format!("GROUPKEEPER_CALLBACK_ROOM_TOKENS={token}")),
        // Only commas: a list with nothing in it. A variable that is empty would be as good as absent.
        (None, Some(_)) => lines.push("GROUPKEEPER_CALLBACK_ROOM_TOKENS=,".to_owned()),
        (None, None) => {}
    }
    lines
}

/// Where a bot must listen that this URL is to reach; `None` for a URL of another machine.
fn address_and_path(url: &str) -> Option<(String, String)> {
    let rest = url.strip_prefix("http://")?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let local = ["127.0.0.1", "localhost", "[::1]"];
    let address = match host.rsplit_once(':') {
        Some((name, port)) if local.contains(&name) => format!("127.0.0.1:{port}"),
        None if local.contains(&host) => "127.0.0.1:80".to_owned(),
        _ => return None,
    };
    let path = path.split('?').next().unwrap_or_default();
    Some((address, format!("/{path}")))
}

/// Lines to paste into a shell.
pub(in crate::cli) fn plays(url: &str) -> String {
    let line = |act: &str, body: &str| format!("  curl -s {url}/control/{act} -d '{body}'\n");
    [
        line(
            "group",
            r#"{"id":"@TGS#play","type":"Public","owner":"olga","members":["ann","bob"]}"#,
        ),
        line("join", r#"{"group":"@TGS#play","account":"staff_zoe"}"#),
        line("say", r#"{"group":"@TGS#play","account":"ann","text":"hello"}"#),
        format!("  curl -s {url}/control/state\n"),
    ]
    .concat()
}

/// The verbs, for `--help`.
pub(super) fn verbs() -> String {
    let width = control_verbs().map(|(name, ..)| name.len()).max().unwrap_or(0);
    let lines: String =
        control_verbs().map(|(name, what, _)| format!("  {name:width$}  {what}\n")).collect();
    format!(
        "POST /control/VERB with JSON (`curl -s URL/control` shows an example of each):\n{lines}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bot_must_listen_where_callbacks_go() {
        let of = |url| address_and_path(url).map(|(address, path)| format!("{address} {path}"));
        assert_eq!(
            of("http://127.0.0.1:8080/callback").as_deref(),
            Some("127.0.0.1:8080 /callback")
        );
        assert_eq!(of("http://localhost:81/a/b?c=d").as_deref(), Some("127.0.0.1:81 /a/b"));
        assert_eq!(of("http://127.0.0.1").as_deref(), Some("127.0.0.1:80 /"));
        assert_eq!(of("https://bot.example.com/callback"), None);
    }

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        arguments: Arguments,
    }

    #[test]
    fn a_bot_is_told_of_the_path_of_rooms_and_whether_they_are_signed() {
        let of = |options: &[&str]| {
            let line = [&["simulate"], options].concat();
            let Line { arguments } = <Line as clap::Parser>::try_parse_from(line).unwrap();
            rooms(&arguments).join(" ")
        };
        let url = "--room-callback-url=http://127.0.0.1:8080/rooms";
        let path = "GROUPKEEPER_CALLBACK_ROOM_PATH=/rooms";
        assert_eq!(of(&[]), "");
        assert_eq!(
            of(&[url, "--room-callback-token=t"]),
            format!("{path} GROUPKEEPER_CALLBACK_ROOM_TOKENS=t")
        );
        assert_eq!(of(&[url]), format!("{path} GROUPKEEPER_CALLBACK_ROOM_TOKENS=,"));
        assert_eq!(of(&[url, "--no-callback-token"]), path);
        assert_eq!(of(&["--room-callback-url=http://127.0.0.1:9999/rooms"]), "");
    }
}
