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

/// What is exercised by which story. A story may be named as often as one likes; one that sets several
/// stages must exercise it on each.
#[rustfmt::skip]
const STORIES: &[(&str, &str)] = &[
    ("Alert.RequestOverLimit", "entrances::a_command_of_which_chat_warns_is_called_half_as_often"),
    ("C2C.CallbackAfterSendMsg", "asked::who_applies_makes_a_group_or_a_topic_or_writes_to_somebody_is_judged_first"),
    ("C2C.CallbackBeforeSendMsg", "asked::who_applies_makes_a_group_or_a_topic_or_writes_to_somebody_is_judged_first"),
    ("Group.CallbackAfterChangeGroupOwner", "ownership::two_minutes_after_the_owner_left_the_longest_serving_member_owns_the_group"),
    ("Group.CallbackAfterCreateGroup", "succession_groups::a_group_that_is_made_without_an_owner_gets_one"),
    ("Group.CallbackAfterCreateTopic", "asked::who_applies_makes_a_group_or_a_topic_or_writes_to_somebody_is_judged_first"),
    ("Group.CallbackAfterGroupDestroyed", "waits::nothing_is_done_for_a_group_that_is_dismissed_by_then"),
    ("Group.CallbackAfterGroupFull", "actions::adding_to_a_full_group_is_a_refusal_that_is_told"),
    ("Group.CallbackAfterGroupInfoChanged", "actions::a_group_gets_its_new_texts_across_an_outage"),
    ("Group.CallbackAfterMemberExit", "ownership::two_minutes_after_the_owner_left_the_longest_serving_member_owns_the_group"),
    ("Group.CallbackAfterMemberFieldChanged", "actions::a_temporary_role_goes_back_to_what_it_was_before"),
    ("Group.CallbackAfterNewMemberJoin", "callbacks::the_same_callback_three_times_is_one_event"),
    ("Group.CallbackAfterRecallMsg", "actions::a_message_is_recalled_once_although_the_reply_was_lost"),
    ("Group.CallbackAfterSendMsg", "flooding::the_sixth_message_in_ten_seconds_mutes_for_five_minutes_and_says_why"),
    ("Group.CallbackBeforeApplyJoinGroup", "asked::who_applies_makes_a_group_or_a_topic_or_writes_to_somebody_is_judged_first"),
    ("Group.CallbackBeforeCreateGroup", "asked::who_applies_makes_a_group_or_a_topic_or_writes_to_somebody_is_judged_first"),
    ("Group.CallbackBeforeCreateTopic", "asked::who_applies_makes_a_group_or_a_topic_or_writes_to_somebody_is_judged_first"),
    ("Group.CallbackBeforeInviteJoinGroup", "asked::some_of_the_invited_are_refused_and_the_others_come_in"),
    ("Group.CallbackBeforeSendMsg", "asked::a_message_is_refused_swallowed_rewritten_or_let_through"),
    ("Live.CallbackAfterChangeOwner", "succession_rooms::an_admin_of_a_live_room_comes_before_who_came_in_first"),
    ("Live.CallbackAfterCreateRoom", "entrances::live_rooms_call_at_a_path_of_their_own_with_a_token_of_their_own"),
    ("Live.CallbackAfterMemberStateChanged", "succession_rooms::an_admin_of_a_live_room_comes_before_who_came_in_first"),
    ("Live.CallbackAfterModifyAdmin", "succession_rooms::an_admin_of_a_live_room_comes_before_who_came_in_first"),
    ("Room.CallbackAfterCreateRoom", "succession_rooms::a_transfer_whose_answer_was_lost_is_not_repeated"),
    ("Room.CallbackAfterMemberEnter", "succession_rooms::an_owner_of_whom_nobody_had_told_is_asked_for_when_they_leave"),
    ("Room.CallbackAfterMemberLeave", "succession_rooms::an_owner_of_whom_nobody_had_told_is_asked_for_when_they_leave"),
    ("Room.CallbackAfterUpdateRoomInfo", "succession_rooms::a_new_owner_among_what_changed_of_a_conference_is_an_event_and_the_same_one_is_none"),
    ("v4/ConfigSvc/GetIPList", "entrances::chat_names_the_addresses_that_it_calls_from_and_nobody_is_locked_out_before_it_has"),
    ("v4/group_open_avchatroom_http_svc/get_admin_list", "actions::a_ban_for_ever_is_lifted_by_unban"),
    ("v4/group_open_avchatroom_http_svc/modify_admin", "promotion::in_an_avchatroom_staff_become_admins_through_modify_admin"),
    ("v4/group_open_http_svc/add_group_member", "actions::members_are_added_and_who_could_not_be_is_told"),
    ("v4/group_open_http_svc/ban_group_member", "actions::a_ban_in_an_avchatroom_holds_until_its_end_and_an_outage_does_not_prolong_it"),
    ("v4/group_open_http_svc/change_group_owner", "ownership::two_minutes_after_the_owner_left_the_longest_serving_member_owns_the_group"),
    ("v4/group_open_http_svc/delete_group_member", "actions::a_member_is_removed_and_a_protected_admin_is_not"),
    ("v4/group_open_http_svc/destroy_group", "actions::a_group_is_dismissed_once"),
    ("v4/group_open_http_svc/forbid_send_msg", "limits::released_mutes_begin_with_their_release_and_end"),
    ("v4/group_open_http_svc/get_appid_group_list", "reconcile::a_join_that_no_callback_told_of_is_found_and_happens_once"),
    ("v4/group_open_http_svc/get_group_info", "actions::a_group_is_dismissed_once"),
    ("v4/group_open_http_svc/get_group_member_info", "ownership::a_group_with_nobody_to_succeed_raises_an_alert"),
    ("v4/group_open_http_svc/get_group_muted_account", "flooding::a_longer_mute_by_somebody_else_is_left_alone"),
    ("v4/group_open_http_svc/get_role_in_group", "actions::a_member_is_removed_and_a_protected_admin_is_not"),
    ("v4/group_open_http_svc/get_specified_group_member_info", "members::when_a_member_joined_is_asked_of_chat_once"),
    ("v4/group_open_http_svc/group_msg_recall", "actions::a_message_is_recalled_once_although_the_reply_was_lost"),
    ("v4/group_open_http_svc/import_group_member", "imports::members_are_imported_with_their_roles_and_without_a_callback"),
    ("v4/group_open_http_svc/modify_group_base_info", "actions::a_group_gets_its_new_texts_across_an_outage"),
    ("v4/group_open_http_svc/modify_group_member_info", "actions::a_temporary_role_goes_back_to_what_it_was_before"),
    ("v4/group_open_http_svc/send_group_msg", "flooding::the_sixth_message_in_ten_seconds_mutes_for_five_minutes_and_says_why"),
    ("v4/group_open_http_svc/send_group_system_notification", "actions::a_notification_goes_to_those_who_are_named_or_to_everybody"),
    ("v4/group_open_http_svc/unban_group_member", "actions::a_ban_for_ever_is_lifted_by_unban"),
    ("v4/im_open_login_svc/account_check", "succession_found::an_account_that_is_gone_is_told_once_a_day_as_long_as_nobody_can_succeed"),
    ("v4/live_engine_http_srv/change_room_owner", "succession_rooms::a_successor_who_has_left_meanwhile_makes_room_for_the_next"),
    ("v4/live_engine_http_srv/get_admin_list", "succession_rooms::an_admin_of_a_live_room_comes_before_who_came_in_first"),
    ("v4/live_engine_http_srv/get_member_list", "succession_rooms::a_successor_who_has_left_meanwhile_makes_room_for_the_next"),
    ("v4/live_engine_http_srv/get_room_info", "succession_rooms::a_successor_who_has_left_meanwhile_makes_room_for_the_next"),
    ("v4/openim/sendmsg", "actions::a_private_message_arrives_once"),
    ("v4/room_engine_http_srv/change_room_owner", "succession_rooms::whoever_came_in_first_owns_a_conference_a_minute_after_its_owner_left"),
    ("v4/room_engine_http_srv/get_room_info", "succession_rooms::an_owner_of_whom_nobody_had_told_is_asked_for_when_they_leave"),
    ("v4/room_engine_http_srv/get_room_member_list", "succession_rooms::whoever_came_in_first_owns_a_conference_a_minute_after_its_owner_left"),
];

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
#[expect(
    clippy::disallowed_methods,
    reason = "a test is told by the environment to rewrite its page"
)]
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

/// Commands that no story needs: their bodies and replies are tested in `rest`, and nothing of the bot
/// asks for them yet.
const NOT_YET: &[&str] = &["v4/group_open_http_svc/get_group_ban_member"];

/// The paths in the sources of `rest/call`, before their tests.
fn paths_in_code() -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    let folder = format!("{}/src/rest/call", env!("CARGO_MANIFEST_DIR"));
    let inner = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let code = inner.filter(|name| name != "tests");
    let files = code.map(|name| format!("src/rest/call/{}", name.to_string_lossy()));
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
