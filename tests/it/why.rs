//! `why` and `why-not`: asked of a journal that a whole bot has written.

use std::time::Duration;

use groupkeeper::chat::{GroupType, Role};
use groupkeeper::ledger::JournalEntry;
use groupkeeper::pipeline::Door;
use groupkeeper::simulator::FaultKind;
use groupkeeper::store::WriteSet;

use crate::stage::Stage;

/// A flood with everything that follows: the question who ann is, the mute, the message, the end.
async fn flooded() -> Stage {
    let stage = Stage::with_shipped_rules().await;
    let members = [("ann", Role::Member), ("bob", Role::Admin)];
    let cats = stage.create("@TGS#cats", GroupType::Public, "olga", &members);
    cats.joins("mia").await;
    cats.floods("ann").await;
    stage.advance(Duration::from_secs(600)).await;
    stage.bot().store.commit(WriteSet::default()).await.unwrap();
    stage
}

/// Ids and versions are digests of texts that may change; what is read around them stays.
fn plain(stage: &Stage, text: &str) -> String {
    let home = format!("{}/", stage.folder.path().display());
    let text = text.replace(&home, "");
    without_digests(&text).replace("http://127.0.0.1", "HOST")
}

fn without_digests(text: &str) -> String {
    let mut shown = String::new();
    for piece in text.split_inclusive(|c: char| !c.is_ascii_hexdigit()) {
        let word = piece.trim_end_matches(|c: char| !c.is_ascii_hexdigit());
        let digits = word.len() == 16 || word.len() == 12;
        if digits && word.chars().any(|c| c.is_ascii_digit()) {
            shown.push_str("<id>");
            shown.push_str(&piece[word.len()..]);
        } else {
            shown.push_str(piece);
        }
    }
    shown
}

#[tokio::test]
async fn why_tells_of_every_rule_what_came_of_it_or_what_stopped_it() {
    let stage = flooded().await;
    let url = stage.admin_url();
    let ask = ["why", "last", "--named", "message.sent", "--url", &url];
    let (code, told, trouble) = stage.groupkeeper(&ask).await;
    assert_eq!((code, trouble.as_str()), (Some(0), ""));
    insta::assert_snapshot!("why_it_acted", plain(&stage, &told));
    let ask = ["why", "last", "--member", "mia", "--url", &url, "--all"];
    let (_, told, _) = stage.groupkeeper(&ask).await;
    insta::assert_snapshot!("why_it_did_not_act", plain(&stage, &told));
    stage.finish().await;
}

#[tokio::test]
async fn why_not_goes_through_a_rule_step_by_step_and_marks_where_it_stopped() {
    let stage = flooded().await;
    let url = stage.admin_url();
    let ask = ["why-not", "promote-staff", "last", "--member", "mia", "--url", &url];
    let (code, told, trouble) = stage.groupkeeper(&ask).await;
    assert_eq!((code, trouble.as_str()), (Some(0), ""));
    insta::assert_snapshot!("why_not_a_clause", plain(&stage, &told));
    let (_, told, _) =
        stage.groupkeeper(&["why-not", "quiet-flooders", "last", "--url", &url]).await;
    insta::assert_snapshot!("why_not_when_it_did", plain(&stage, &told));
    let ask = ["why-not", "nightly-sweep", "last", "--url", &url];
    let (_, told, _) = stage.groupkeeper(&ask).await;
    insta::assert_snapshot!("why_not_listening", plain(&stage, &told));
    let ask = ["why-not", "promote-staff", "last", "--member", "mia", "--json", "--url", &url];
    let (_, told, _) = stage.groupkeeper(&ask).await;
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["came"], "stopped");
    assert_eq!(
        told["steps"].as_array().unwrap().iter().filter(|s| s["state"] == "stopped").count(),
        1
    );
    stage.finish().await;
}

#[tokio::test]
async fn how_a_rule_goes_on_is_headed_with_the_event_it_goes_on_with() {
    let stage = flooded().await;
    let url = stage.admin_url();
    // The log names the event in which the rule acted: Chat's answer to the question who ann is.
    let (_, lines) = stage.admin("/api/v1/journal").await;
    let entries = lines.lines().map(|line| serde_json::from_str::<JournalEntry>(line).unwrap());
    let acted = |entry: &JournalEntry| {
        entry.event == "settled" && entry.trace.rules.iter().any(|trace| trace.why.acted())
    };
    let answer = entries.into_iter().find(acted).unwrap();
    let id = answer.id.as_str();
    let (_, told, _) = stage.groupkeeper(&["why", id, "--url", &url]).await;
    insta::assert_snapshot!("why_it_went_on", plain(&stage, &told));
    let (_, told, _) = stage.groupkeeper(&["why-not", "quiet-flooders", id, "--url", &url]).await;
    assert!(
        told.starts_with("`quiet-flooders` acted on message.sent of ann in @TGS#cats"),
        "{told}"
    );
    // It leads to where it began.
    let (_, json, _) = stage.groupkeeper(&["why", id, "--url", &url, "--json"]).await;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let first = json["continues"].as_str().unwrap();
    let (_, told, _) = stage.groupkeeper(&["why", first, "--url", &url]).await;
    assert!(told.starts_with("message.sent ann in @TGS#cats\n"), "{told}");
    stage.finish().await;
}

/// Two hundred rules on messages: one for everybody's cats, the others for what nobody here says or is.
fn many_rules() -> String {
    let rule = |number: usize| {
        let what = match number % 3 {
            0 => format!(
                "when = 'group.name == \"dogs\" && message.text.contains(\"word{number}\")'"
            ),
            1 => format!("in = {{ groups = [\"@TGS#dogs{number}\"] }}"),
            _ => "when = 'member.role == \"admin\"'".to_owned(),
        };
        format!(
            "[rule.no{number}]\non = \"message.sent\"\n{what}\ndo = [{{ send_message = {{ text = \"x\" }} }}]\n"
        )
    };
    let cats = "[rule.cats]\non = \"message.sent\"\nwhen = 'message.text.contains(\"cat\")'\n\
                do = [{ send_message = { text = \"meow\" } }]\n";
    (0..200).map(rule).chain([cats.to_owned()]).collect()
}

#[tokio::test]
async fn what_an_index_passed_over_is_told_like_any_other_rule() {
    let stage = Stage::with_rules(&many_rules()).await;
    let cats = stage.create("@TGS#cats", GroupType::Public, "olga", &[("ann", Role::Member)]);
    cats.joins("bob").await;
    cats.says("bob", "my cat says word1");
    stage.settle().await;
    let (_, lines) = stage.admin("/api/v1/journal").await;
    let entries = lines.lines().map(|line| serde_json::from_str::<JournalEntry>(line).unwrap());
    let said = entries.into_iter().find(|entry| entry.event == "message.sent").unwrap();
    let told: Vec<_> = said.trace.rules.iter().map(|trace| trace.rule.as_str()).collect();
    assert_eq!((told, said.trace.passed_over), (vec!["cats"], true));
    let url = stage.admin_url();
    let (_, told, _) = stage.groupkeeper(&["why", "last", "--by", "no3", "--url", &url]).await;
    assert!(told.contains("`cats` acted"), "{told}");
    assert!(
        told.contains("`no3` stopped at `message.text.contains(\"word3\")`, because message.text = (17 characters)"),
        "{told}"
    );
    assert!(told.contains("`no4` does not look at this group (`in`)"), "{told}");
    assert!(
        told.contains(
            "`no5` stopped at `member.role == \"admin\"`, because member.role = \"member\""
        ),
        "{told}"
    );
    let ask = ["why-not", "no3", "last", "--by", "no3", "--url", &url];
    let (_, told, _) = stage.groupkeeper(&ask).await;
    // What was not judged is not said to hold.
    assert!(told.contains("-   when      group.name == \"dogs\""), "{told}");
    assert!(told.contains("NO  when      message.text.contains(\"word3\")"), "{told}");
    let (_, none) = stage.admin("/api/v1/events?rule=no3&acted=true").await;
    assert_eq!(none, "[]");
    let (_, none) = stage.admin("/api/v1/events?rule=no4").await;
    assert_eq!(none, "[]");
    stage.finish().await;
}

#[tokio::test]
async fn what_chat_was_told_over_budget_is_shown_with_the_event() {
    let stage = Stage::that_is_asked(
        "[rule.no]\non = \"message.sending\"\ndo = [{ reject = { text = \"no\" } }]\n",
    )
    .await;
    let cats = stage.create("@TGS#cats", GroupType::Public, "olga", &[("ann", Role::Member)]);
    cats.says("ann", "hello");
    stage.settle().await;
    let (_, lines) = stage.admin("/api/v1/journal").await;
    let entry: JournalEntry = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    let note = "Chat was told to allow it: over budget".to_owned();
    stage.bot().engine.pipeline.note(entry.body.unwrap(), note).await.unwrap();
    let ask = ["why", entry.id.as_str(), "--url", &stage.admin_url()];
    let (_, told, _) = stage.groupkeeper(&ask).await;
    assert!(told.contains("`no` acted: reject"), "{told}");
    assert!(
        told.ends_with("beside the rules:\n  Chat was told to allow it: over budget\n"),
        "{told}"
    );
    stage.finish().await;
}

#[tokio::test]
async fn what_stops_a_rule_is_told_for_every_kind_of_limit() {
    let rules = r#"
[rule.pair]
on = "message.sent"
count = { each = ["member"], within = "10s", at_least = 2 }
cooldown = { each = ["member"], for = "60s" }
unless = 'count > 3'
do = [{ alert = { text = "two" } }]

[rule.first]
on = "message.sent"
once = { each = ["member"] }
when = 'message.text.contains("hello")'
do = [{ alert = { text = "first" } }]

[rule.protected]
on = "message.sent"
do = [{ mute = { for = "5m" } }]

[rule.elsewhere]
on = "message.sent"
in = { groups = ["@TGS#dogs"] }
do = [{ alert = { text = "dogs" } }]

[rule.later]
on = "member.left"
wait = "2m"
do = [{ alert = { text = "gone" } }]
"#;
    let stage = Stage::with_rules(rules).await;
    let cats = stage.create("@TGS#cats", GroupType::Public, "olga", &[("bob", Role::Admin)]);
    stage.settle().await;
    let url = stage.admin_url();
    let mut all = String::new();
    for text in ["hello", "hello again", "bye", "bye"] {
        cats.says("bob", text);
        stage.settle().await;
        stage.advance(Duration::from_secs(1)).await;
        stage.bot().store.commit(WriteSet::default()).await.unwrap();
        let ask = ["why", "last", "--named", "message.sent", "--url", &url];
        let (_, told, trouble) = stage.groupkeeper(&ask).await;
        all.push_str(&format!("{text}:\n{told}{trouble}\n"));
    }
    cats.leaves("bob");
    stage.settle().await;
    let (_, told, _) =
        stage.groupkeeper(&["why", "last", "--named", "member.left", "--url", &url]).await;
    all.push_str(&format!("{told}\n"));
    stage.advance(Duration::from_secs(180)).await;
    let (_, told, _) =
        stage.groupkeeper(&["why", "last", "--named", "member.left", "--url", &url]).await;
    all.push_str(&told);
    insta::assert_snapshot!("why_limits", plain(&stage, &all));
    stage.finish().await;
}

#[tokio::test]
async fn what_chats_answer_to_the_bots_own_question_gave_rise_to_belongs_to_the_event() {
    let stage = Stage::with_shipped_rules().await;
    // Nobody has told the bot who owns the group: it asks when somebody leaves.
    let cats = stage.create("@TGS#cats", GroupType::Work, "olga", &[("ann", Role::Member)]);
    cats.leaves("olga");
    stage.advance(Duration::from_secs(300)).await;
    stage.bot().store.commit(WriteSet::default()).await.unwrap();
    let url = stage.admin_url();
    let ask = ["why", "last", "--named", "member.left", "--url", &url];
    let (_, told, _) = stage.groupkeeper(&ask).await;
    assert!(told.contains("on group.ownerless, which followed from it"), "{told}");
    let (_, told, _) =
        stage.groupkeeper(&["why", "last", "--named", "group.ownerless", "--url", &url]).await;
    assert!(told.starts_with("group.ownerless @TGS#cats\n"), "{told}");
    let (_, told, _) = stage
        .groupkeeper(&["why", "last", "--acted", "--by", "keep-groups-owned", "--url", &url])
        .await;
    assert!(told.contains("`keep-groups-owned` acted: make ann the owner"), "{told}");
    stage.finish().await;
}

#[tokio::test]
async fn a_question_that_cannot_be_answered_says_what_to_do() {
    let mut stage = flooded().await;
    let url = stage.admin_url();
    let mut all = String::new();
    let questions: [&[&str]; 9] = [
        &["why", "0000000000000000", "--url", &url],
        &["why", "yesterday", "--url", &url],
        &["why", "last", "--group", "@TGS#mice", "--url", &url],
        &["why", "last", "--named", "owner.gone", "--url", &url],
        &["why-not", "promote-stuff", "last", "--url", &url],
        &["why", "last", "--by", "promote-stuff", "--url", &url],
        &["why", "last", "--url", "https://bot.example"],
        &["why", "last", "--store", "sled:data"],
        &["why", "last", "--store", "sled:elsewhere"],
    ];
    for question in questions {
        let (code, told, trouble) = stage.groupkeeper(question).await;
        assert_eq!((code, told.as_str()), (Some(1), ""), "{question:?}");
        all.push_str(&format!("{trouble}\n"));
    }
    let all = all.replace(&format!("pid {}", std::process::id()), "pid 7");
    insta::assert_snapshot!("why_unanswered", plain(&stage, &all));
    // A stopped service's store answers as the service did.
    let (_, asked, _) = stage.groupkeeper(&["why", "last", "--url", &url]).await;
    stage.stop().await;
    let (_, trouble, _) = stage.groupkeeper(&["why", "last", "--store", "sled:data"]).await;
    assert_eq!(trouble, asked);
    let (code, _, trouble) = stage.groupkeeper(&["why", "last", "--url", &url]).await;
    assert!(code == Some(1) && trouble.contains("--store sled:data"), "{trouble}");
    stage.start().await.unwrap();
    stage.finish().await;
}

#[tokio::test]
async fn a_service_with_a_token_is_asked_with_it_and_never_shows_it() {
    let rules = "[rule.any]\non = \"member.joined\"\ndo = [{ alert = { text = \"hello\" } }]\n";
    let stage = Stage::with_settings(rules, &[("ADMIN_TOKEN", "open-sesame")]).await;
    stage.create("@TGS#cats", GroupType::Public, "olga", &[]).joins("mia").await;
    let url = stage.admin_url();
    let (code, _, trouble) = stage.groupkeeper(&["why", "last", "--url", &url]).await;
    assert_eq!(code, Some(1));
    assert!(trouble.contains("wants its token"), "{trouble}");
    std::fs::write(stage.folder.path().join("token"), "open-sesame\n").unwrap();
    let ask = ["why", "last", "--url", &url, "--token-file", "token"];
    let (code, told, _) = stage.groupkeeper(&ask).await;
    assert_eq!(code, Some(0));
    assert!(told.contains("`any` acted: alert: hello"), "{told}");
    // The configuration's own part is enough, even where the rest of it is not filled in.
    let config = "[admin]\ntoken = \"wrong\"\n";
    std::fs::write(stage.folder.path().join("groupkeeper.toml"), config).unwrap();
    let (code, _, trouble) = stage.groupkeeper(&["why", "last", "--url", &url]).await;
    assert!(code == Some(1) && !trouble.contains("wrong"), "{trouble}");
    stage.finish().await;
}

#[tokio::test]
async fn what_a_reading_has_found_about_a_member_is_found_by_their_name() {
    let rules = "[rule.bye]\non = \"member.left\"\ndo = [{ send_message = { text = \"bye\" } }]\n";
    let stage = Stage::with_settings(rules, &[("RECONCILE_EVERY", "10m")]).await;
    let members = [("ann", Role::Member), ("annette", Role::Member)];
    let cats = stage.create("@TGS#cats", GroupType::Public, "olga", &members);
    stage.advance(Duration::from_secs(1_200)).await;
    stage.fault("Group.CallbackAfterMemberExit", None, FaultKind::Lose);
    cats.leaves("annette");
    stage.settle().await;
    stage.mend();
    stage.advance(Duration::from_secs(1_200)).await;
    assert_eq!(cats.messages(), ["bye"]);
    let url = stage.admin_url();
    let (exit, told, err) =
        stage.groupkeeper(&["why", "last", "--member", "annette", "--url", &url]).await;
    assert_eq!(exit, Some(0), "{err}");
    assert!(told.contains("annette is not in the group any more"), "{told}");
    // Whose name only begins so is somebody else.
    let (exit, told, _) =
        stage.groupkeeper(&["why", "last", "--member", "ann", "--url", &url]).await;
    assert_eq!(exit, Some(1), "{told}");
    stage.finish().await;
}

/// Whoever may write may choose a name, and Chat may say anything.
#[tokio::test]
async fn what_members_wrote_stays_on_its_line_and_moves_no_cursor() {
    let rules = "[rule.quiet]\non = \"message.sent\"\nwhen = 'message.text == member.id'\n\
                 do = [{ mute = { for = \"5m\" } }]\n";
    let stage = Stage::with_rules(rules).await;
    stage.create("@TGS#cats", GroupType::Public, "olga", &[]);
    let name = "ann\nevent 0123456789abcdef\u{1b}[2J\u{9b}H\u{202e}";
    for (number, text) in [(1, name), (2, "other")] {
        let body = serde_json::json!({
            "CallbackCommand": "Group.CallbackAfterSendMsg", "GroupId": "@TGS#cats", "Type": "Public",
            "From_Account": name, "MsgSeq": number, "MsgTime": stage.now().secs(),
            "MsgBody": [{ "MsgType": "TIMTextElem", "MsgContent": { "Text": text } }],
        });
        let query = stage.signed_query("Group.CallbackAfterSendMsg");
        assert_eq!(stage.post(&query, body.to_string()).await.0, 200);
        stage.advance(Duration::from_secs(10)).await;
        let url = stage.admin_url();
        for command in [
            &["why", "last", "--named", "message.sent"][..],
            &["why-not", "quiet", "last", "--named", "message.sent"],
            &["why", "last", "--named", "message.sent", "--json"],
            &["outbox", "list"],
            &["outbox", "dead"],
            &["sanctions"],
        ] {
            let (_, told, trouble) = stage.groupkeeper(&[command, &["--url", &url]].concat()).await;
            let told = told + &trouble;
            let turns = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
            assert!(!told.contains(turns), "{command:?}: {told:?}");
            assert!(!told.contains("\nevent 0123456789abcdef"), "{command:?}: {told}");
        }
    }
    let url = stage.admin_url();
    let (_, told, _) = stage.groupkeeper(&["replay", "rules", "--all", "--url", &url]).await;
    assert!(told.contains("ann\\nevent 0123456789abcdef\\u{1b}[2J"), "{told}");
    stage.finish().await;
}
