//! `docs/tencent.md`: every callback and every command, written from the tables in the code.
//!
//! `UPDATE_DOCS=1 cargo test --test it tencent` writes the page anew; without it, the page is compared.
//! Which story exercises what is claimed here and held by the story itself: when it ends, the stage
//! looks whether the bot has heard, and Chat has answered, everything that is claimed of it.

use std::collections::BTreeSet;
use std::fmt::Write;

use groupkeeper::authoring::schema::{Language, schema};
use groupkeeper::callback::decode::{Command, commands};
use groupkeeper::rest::catalog::{self, Reach};
use groupkeeper::rule::EventKind;

use crate::fixtures;
use crate::stage::repository;

const PAGE: &str = "docs/tencent.md";

/// The story that posts every body of `tests/fixtures`, for callbacks without one of their own.
const EVERY_CALLBACK: &str =
    "callbacks::every_callback_of_the_lists_arrives_is_answered_and_reaches_a_rule";

/// What is exercised by which story. A story may be named as often as one likes.
const STORIES: &[(&str, &str)] = &[];

/// The story of a callback or command: its own, or for a callback the one that has all.
fn story_of(exercised: &str) -> Option<&'static str> {
    let own = STORIES.iter().find(|(what, _)| *what == exercised).map(|(_, story)| *story);
    let listed = || commands().iter().any(|command| command.name == exercised);
    own.or_else(|| listed().then_some(EVERY_CALLBACK))
}

/// Called by the stage at the end of every story: what this page claims of it must be so.
pub fn claims_hold(exercised: &BTreeSet<String>) {
    let thread = std::thread::current();
    // On a single thread tests have no names; then nothing can be looked up.
    let Some(story) = thread.name().and_then(|name| name.strip_prefix("stories::")) else { return };
    // For whoever looks for a story to claim: `cargo test --test it stories:: -- --nocapture`.
    println!("exercised by {story}: {exercised:?}");
    for (what, claimed) in STORIES {
        let so = *claimed != story || exercised.contains(*what);
        assert!(so, "tests/it/tencent.rs claims {what} of this story, and it was not there");
    }
}

/// Where a story stands, for a link; `None` where there is no such test.
fn place(story: &str) -> Option<String> {
    let (file, name) = story.split_once("::")?;
    let path = format!("tests/it/stories/{file}.rs");
    let head = format!("#[tokio::test]\nasync fn {name}() {{");
    repository(&path).contains(&head).then_some(path)
}

fn linked_story(story: Option<&str>) -> String {
    let Some(story) = story else { return "–".to_owned() };
    let path = place(story).unwrap_or_else(|| panic!("there is no story `{story}`"));
    let name = story.split_once("::").map_or(story, |(_, name)| name);
    format!("[{}](../{path})", name.replace('_', " "))
}

fn linked(text: &str, link: Option<String>) -> String {
    link.map_or_else(|| text.to_owned(), |link| format!("[{text}]({link})"))
}

fn callback_row(page: &mut String, command: &Command) {
    let document = linked(&command.document.to_string(), command.document.link());
    let events: Vec<String> =
        command.events.iter().map(|event| format!("`{}`", event.name())).collect();
    let judged = command.events.iter().any(|event| event.asks());
    let kind = match (command.is_before(), judged) {
        (true, true) => "asks",
        (true, false) => "asks; always allowed",
        (false, _) => "tells",
    };
    let events = if events.is_empty() { "`callback` only".to_owned() } else { events.join(", ") };
    let documented = fixtures::all()
        .iter()
        .any(|body| body.command == command.name && body.why.starts_with("documented"));
    let body = if documented { "documented" } else { "made by hand" };
    let story = linked_story(story_of(command.name));
    let _ = writeln!(
        page,
        "| `{}` | {document} | {kind} | {events} | {body} | {story} |",
        command.name
    );
}

fn command_row(page: &mut String, command: &catalog::Command) {
    let document = linked(&command.document.to_string(), Some(command.link()));
    let actions: Vec<String> = command.actions.iter().map(|name| format!("`{name}`")).collect();
    let uses = match (actions.join(", "), command.what_for) {
        (actions, "") => actions,
        (actions, what_for) if actions.is_empty() => what_for.to_owned(),
        (actions, what_for) => format!("{actions}: {what_for}"),
    };
    let batch = command.batch.map_or_else(|| "–".to_owned(), |most| most.to_string());
    let reach = match command.reach {
        Reach::Groups(types) if types.len() == groupkeeper::chat::GroupType::ALL.len() => {
            "all groups".to_owned()
        }
        Reach::Groups(types) => types.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(", "),
        Reach::Rooms(engine) => format!("{engine} rooms"),
        Reach::App => "the app".to_owned(),
    };
    let path = command.path.trim_start_matches("v4/");
    let (rate, story) = (command.calls_per_second(), linked_story(story_of(command.path)));
    let _ =
        writeln!(page, "| `{path}` | {document} | {uses} | {rate} | {batch} | {reach} | {story} |");
}

fn page() -> String {
    let mut page = String::from(INTRODUCTION);
    for command in commands() {
        callback_row(&mut page, command);
    }
    page.push_str(BETWEEN);
    for command in catalog::commands() {
        command_row(&mut page, command);
    }
    page.push_str(END);
    page
}

const INTRODUCTION: &str = "\
# Callbacks and commands of Tencent Chat

Written from the tables in the code by `tests/it/tencent.rs`, which also fails when this page says something else. What is
said here of a story is held by the story: when it ends, it is compared with what the bot heard and Chat answered.

## Callbacks

Chat tells or asks; a callback that asks waits up to two seconds for the answer. What has an event of its own also comes as
`callback` to rules that listen on that; everything else comes as `callback` only, commands that nobody has listed yet among
it. From these events others follow: `owner.left` and `room.owner_left` when it was the owner who left, `group.ownerless`
when a group was created without one, `room.owner_changed` when a Conference room names another owner than before.
Numbers of documents are those of <https://www.tencentcloud.com/document/product/1047> (Chat) and `/647` (rooms).

| callback | document | | event | body in the tests | story |
|---|---|---|---|---|---|
";

const BETWEEN: &str = "
Two paths: Conference and Live rooms are configured apart from Chat (60729, 64418, 69528) and can be given a path and
tokens of their own, `[callback] room_path` and `room_tokens`; whatever is posted there is decoded alike. Where room
callbacks are not signed (`room_tokens = []`) while the others are, only `Room.*`, `Live.*` and `Mic.*` are taken there.

`Alert.RequestOverLimit` halves the rate of the command that it names; the rate rises again by a tenth every ten seconds
without trouble. The log says so once an hour for each command, `groupkeeper_over_limit_total` counts them all.

Addresses: `[callback] allow` lists networks that callbacks may come from; `\"chat\"` in it stands for those that Chat names
(`GetIPList`, 36742, which Tencent switches on upon request for apps outside of China). That list is read at the start, daily,
and when a signed callback came from elsewhere, and kept in the store. As long as there has never been one, callbacks are
taken from anywhere, and a warning says so: a limit that nobody can know must not lock Chat out. A refused address is
answered 403, counted (`answer=\"wrong_source\"`) and told once a minute.

## Commands

Rates are calls a second, never exceeded in any sliding second; a batch is what one call (or page) holds at most.

| command | document | used for | calls/s | batch | reaches | story |
|---|---|---|---|---|---|---|
";

const END: &str = "
What each error code leads to stands in `src/rest/codes.rs`, one row for each.
";

#[test]
fn the_page_says_what_the_tables_say() {
    let (expected, path) = (page(), format!("{}/{PAGE}", env!("CARGO_MANIFEST_DIR")));
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, expected).unwrap();
        return;
    }
    let told = repository(PAGE);
    for (written, expected) in told.lines().zip(expected.lines()) {
        assert_eq!(written, expected, "{PAGE}: UPDATE_DOCS=1 writes it anew");
    }
    assert_eq!(told, expected, "{PAGE}: UPDATE_DOCS=1 writes it anew");
}

#[test]
fn every_claim_is_of_something_that_is_listed_and_of_a_story_that_is_there() {
    for (what, story) in STORIES {
        let callback = commands().iter().any(|command| command.name == *what);
        let command = catalog::commands().iter().any(|command| command.path == *what);
        assert!(callback || command, "{what} is neither a callback nor a command of ours");
        assert!(place(story).is_some(), "there is no story `{story}`");
    }
}

#[test]
fn every_command_is_exercised_by_a_story() {
    let without = catalog::commands().iter().filter(|command| story_of(command.path).is_none());
    let without: Vec<&str> = without.map(|command| command.path).collect();
    assert_eq!(without, NOT_YET);
}

/// Commands that are given to Chat, and which no story exercises yet.
const NOT_YET: &[&str] = &[];

/// The paths in the sources of `rest/call`, before their tests.
fn paths_in_code() -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    let folder = format!("{}/src/rest/call", env!("CARGO_MANIFEST_DIR"));
    let inner = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let files = inner.map(|name| format!("src/rest/call/{}", name.to_string_lossy()));
    for file in files.chain(["src/rest/call.rs".to_owned()]) {
        let text = repository(&file);
        let code = text.split("#[cfg(test)]").next().unwrap();
        let found = code.split('"').filter(|piece| piece.starts_with("v4/"));
        paths.extend(found.map(str::to_owned));
    }
    paths
}

#[test]
fn the_catalog_of_commands_has_every_path_that_is_called_and_no_other() {
    let listed = catalog::commands().iter().map(|command| command.path.to_owned());
    assert_eq!(listed.collect::<BTreeSet<_>>(), paths_in_code());
}

#[test]
fn the_catalog_of_commands_names_actions_that_rules_can_write() {
    let language = schema(Language::Rules).to_string();
    for command in catalog::commands() {
        for action in command.actions {
            assert!(language.contains(&format!("\"{action}\"")), "{}: {action}", command.path);
        }
    }
}

#[test]
fn every_event_that_comes_from_chat_has_its_callback() {
    let from_callbacks: BTreeSet<&str> =
        commands().iter().flat_map(|command| command.events).map(|event| event.name()).collect();
    let derived = EventKind::ALL.iter().map(|event| event.name());
    let derived: Vec<&str> = derived.filter(|name| !from_callbacks.contains(name)).collect();
    assert_eq!(derived, DERIVED);
}

/// Events that follow from others, or come from the bot itself.
const DERIVED: &[&str] = &[
    "owner.left",
    "group.ownerless",
    "owner.inactive",
    "mute.ended",
    "room.owner_left",
    "callback",
];
