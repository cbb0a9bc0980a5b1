//! Two processes on one directory: the second is refused, and the first does not notice.

use std::time::Duration;

use serde_json::json;

use crate::bot::Home;
use crate::chat::Chat;
use crate::{free_address, wait_until};

const PROMOTE: &str = r#"
[rule.promote-staff]
on = "member.joined"
in = { groups = ["*"], types = ["Public"] }
when = 'member.id.startsWith("staff_")'
do = [{ set_role = { role = "admin" } }]
"#;
const LIMIT: Duration = Duration::from_secs(20);

/// A Chat with one group, and a bot's home that its callbacks go to.
fn scene() -> (Chat, Home) {
    let callback = free_address();
    let chat = Chat::start(&format!("http://{callback}/callback"));
    let home = Home::at(callback, &chat.url, PROMOTE, "");
    chat.must("group", &json!({ "id": "cats", "type": "Public", "owner": "olga" }));
    (chat, home)
}

fn joins_and_is_promoted(chat: &Chat, account: &str) {
    chat.must("join", &json!({ "group": "cats", "account": account }));
    let told = || chat.group("cats").to_string();
    wait_until(LIMIT, told, || chat.role("cats", account) == "admin");
}

#[test]
fn a_second_process_is_refused_in_words_while_the_first_goes_on() {
    let (chat, home) = scene();
    let mut first = home.serve();
    joins_and_is_promoted(&chat, "staff_ada");
    for _ in 0..3 {
        home.forget_log();
        let (status, _) = home.spawn_beside().wait(LIMIT);
        assert_eq!(status.code(), Some(1), "{}", home.log());
        let holder = format!("is held by another process (pid {})", first.pid());
        let told = home.log();
        assert!(told.contains(&holder) && told.contains("stop that one first"), "{told}");
    }
    assert!(first.runs());
    joins_and_is_promoted(&chat, "staff_bea");
    first.stop(LIMIT);
    home.fsck().unwrap();
}

#[test]
fn commands_on_the_store_of_a_running_process_are_refused_too() {
    let (chat, home) = scene();
    let mut first = home.serve();
    for arguments in [
        ["fsck", "--store", "sled:data"].as_slice(),
        ["backup", "copy.jsonl", "--store", "sled:data"].as_slice(),
        ["compact", "--store", "sled:data"].as_slice(),
    ] {
        let output = home.run(arguments);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {told}");
        assert!(told.contains(&first.pid().to_string()), "{arguments:?}: {told}");
    }
    assert!(first.runs());
    joins_and_is_promoted(&chat, "staff_ada");
}

#[test]
fn while_the_first_is_killed_the_second_is_refused_or_takes_its_place() {
    let (chat, home) = scene();
    let (mut refused, mut took_over) = (0, 0);
    for round in 0..6 {
        let first = home.serve();
        joins_and_is_promoted(&chat, &format!("staff_{round}"));
        let pid = first.pid();
        home.forget_log();
        let mut second = home.spawn_beside();
        // It waits a third of a second for the lock.
        std::thread::sleep(Duration::from_millis(150 * round));
        first.kill();
        if second.wait_until_ready().is_some() {
            took_over += 1;
            let held = std::fs::read_to_string(home.path().join("data/groupkeeper.lock")).unwrap();
            assert_eq!(held.trim(), second.pid().to_string());
            second.stop(LIMIT);
        } else {
            refused += 1;
            assert!(home.log().contains(&format!("(pid {pid})")), "{}", home.log());
        }
    }
    assert!(took_over > 0 && refused > 0, "{took_over} took over, {refused} were refused");
    let third = home.serve();
    joins_and_is_promoted(&chat, "staff_bea");
    third.stop(LIMIT);
    home.fsck().unwrap();
}
