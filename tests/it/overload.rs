//! More callbacks than can be decided, and callbacks that are made to hurt: what is shed, what is told of
//! it, and who is served all the same.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{StatusCode, header};
use futures_util::stream;
use groupkeeper::callback::{Answered, Limits, Lost, OverBudget, Sources};
use groupkeeper::decision::Verdict;
use groupkeeper::simulator::FaultKind;
use serde_json::json;
use tokio::sync::Notify;
use tower::ServiceExt;

use crate::callback::{Behaviour, Site, posted, signed, uri};
use crate::fixtures::{NOW, fixture};
use crate::stage::Stage;

const JOIN: &str = "Group.CallbackAfterNewMemberJoin";
const SENDING: &str = "Group.CallbackBeforeSendMsg";
const TAKEN: (StatusCode, Answered) = (StatusCode::OK, Answered::Taken);
const SHED: (StatusCode, Answered) = (StatusCode::SERVICE_UNAVAILABLE, Answered::Shed);

fn site(behaviour: Behaviour, limits: Limits) -> Site {
    Site::limited(behaviour, OverBudget::Allow, &["room"], Sources::anywhere(), limits)
}

/// Ann joins a group.
fn join(group: &str) -> String {
    json!({"GroupId": group, "NewMemberList": [{"Member_Account": "ann"}]}).to_string()
}

fn lost(site: &Site) -> Vec<(Answered, Option<String>)> {
    let of = |lost: &Lost| (lost.why, lost.group.as_ref().map(ToString::to_string));
    site.counts.2.lock().unwrap().iter().map(of).collect()
}

/// Lets everything go on that can, without time passing.
async fn settle() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_finds_no_turn_within_a_second_is_shed_and_told_of_with_its_group() {
    let gate = Arc::new(Notify::new());
    let site = site(Behaviour::Waits(gate.clone()), Limits { at_once: 1, ..Limits::default() });
    let crowd = async {
        settle().await;
        site.clock.set(NOW + Duration::from_millis(999));
        settle().await;
        assert_eq!(lost(&site), []);
        site.clock.set(NOW + Duration::from_secs(1));
        settle().await;
        assert_eq!(lost(&site), [(Answered::Shed, Some("dogs".to_owned()))]);
        gate.notify_one();
    };
    let uri = signed(JOIN);
    let first = site.send(posted(&uri, join("cats")));
    let second = site.send(posted(&uri, join("dogs")));
    let ((first, _), (second, told), ()) = tokio::join!(first, second, crowd);
    assert_eq!((first, second), (StatusCode::OK, StatusCode::SERVICE_UNAVAILABLE));
    assert!(told.contains("too busy"), "{told}");
    assert_eq!(site.entered(), ["member.joined"]);
}

#[tokio::test]
async fn a_question_waits_for_half_its_budget_and_is_then_not_answered_as_if_it_were_decided() {
    let gate = Arc::new(Notify::new());
    let site = site(Behaviour::Waits(gate.clone()), Limits { at_once: 1, ..Limits::default() });
    let asked = fixture(SENDING).body.to_string();
    let crowd = async {
        settle().await;
        site.clock.set(NOW + Duration::from_millis(250));
        settle().await;
        gate.notify_one();
    };
    let (join_uri, ask_uri) = (signed(JOIN), signed(SENDING));
    let first = site.send(posted(&join_uri, join("cats")));
    let second = site.send(posted(&ask_uri, asked));
    let ((first, _), (second, _), ()) = tokio::join!(first, second, crowd);
    assert_eq!((first, second), (StatusCode::OK, StatusCode::SERVICE_UNAVAILABLE));
    assert_eq!(lost(&site).len(), 1);
}

#[tokio::test]
async fn a_group_that_is_flooded_takes_no_other_groups_turn() {
    let gate = Arc::new(Notify::new());
    let limits =
        Limits { inside: 20, share: 4, at_once: 3, of_lane_at_once: 2, ..Limits::default() };
    let site = Arc::new(site(Behaviour::Waits(gate.clone()), limits));
    let mut flood = Vec::new();
    for _ in 0..5 {
        let site = Arc::clone(&site);
        flood.push(tokio::spawn(
            async move { site.send(posted(&signed(JOIN), join("cats"))).await.0 },
        ));
    }
    settle().await;
    // The fifth has no place in the line at all, and hears so at once.
    assert_eq!(lost(&site), [(Answered::Shed, Some("cats".to_owned()))]);
    let other = {
        let site = Arc::clone(&site);
        tokio::spawn(async move { site.send(posted(&signed(JOIN), join("dogs"))).await.0 })
    };
    settle().await;
    // Two of the flood and the other group are inside, and these three are let go.
    gate.notify_waiters();
    settle().await;
    let mut groups: Vec<String> = {
        let events = site.door.entered.lock().unwrap();
        events.iter().map(|event| event.group.as_ref().unwrap().to_string()).collect()
    };
    groups.sort();
    assert_eq!(groups, ["cats", "cats", "dogs"]);
    assert_eq!(other.await.unwrap(), StatusCode::OK);
    gate.notify_waiters();
    let mut answers = Vec::new();
    for answer in flood {
        answers.push(answer.await.unwrap().as_u16());
    }
    answers.sort_unstable();
    assert_eq!(answers, [200, 200, 200, 200, 503]);
}

#[tokio::test]
async fn when_there_is_no_room_for_bodies_they_are_shed_and_it_comes_back() {
    let site =
        site(Behaviour::Answers(Verdict::Allow), Limits { bytes: 1_000, ..Limits::default() });
    let body = |length: usize| join("cats") + &" ".repeat(length - join("cats").len());
    assert_eq!(site.post(&signed(JOIN), body(1_001)).await, SHED);
    assert_eq!(lost(&site), [(Answered::Shed, None)]);
    for _ in 0..3 {
        assert_eq!(site.post(&signed(JOIN), body(1_000)).await, TAKEN);
    }
}

#[tokio::test]
async fn more_members_than_chat_ever_names_are_refused_before_they_cost_a_commit_each() {
    let site = Site::allowing();
    let members: Vec<_> = (0..1_001).map(|n| json!({"Member_Account": n.to_string()})).collect();
    let body = |members: &[_]| json!({"GroupId": "cats", "NewMemberList": members}).to_string();
    assert_eq!(site.post(&signed(JOIN), body(&members[..1_000])).await, TAKEN);
    let refused = (StatusCode::PAYLOAD_TOO_LARGE, Answered::TooMany);
    assert_eq!(site.post(&signed(JOIN), body(&members)).await, refused);
    assert_eq!(site.entered().len(), 1_000);
    assert_eq!(lost(&site), [(Answered::TooMany, Some("cats".to_owned()))]);
}

#[tokio::test]
async fn a_list_that_fills_a_whole_body_is_read_in_a_time_that_grows_with_its_length_only() {
    let site = Site::allowing();
    // Compared each with each, these would be ten thousand million comparisons.
    let members: Vec<String> = (100_000..210_000).map(|number| number.to_string()).collect();
    let body = json!({"GroupId": "cats", "NewMemberList": members}).to_string();
    let refused = (StatusCode::PAYLOAD_TOO_LARGE, Answered::TooMany);
    assert_eq!(site.post(&signed(JOIN), body).await, refused);
}

#[tokio::test]
async fn ids_that_no_chat_has_given_stand_in_no_key() {
    let site = Site::allowing();
    let long = "x".repeat(513);
    assert_eq!(site.post(&signed(JOIN), join(&long)).await, TAKEN);
    assert!(site.counted().incomplete);
    let someone = json!({"GroupId": "cats", "NewMemberList": [{"Member_Account": long}]});
    assert_eq!(site.post(&signed(JOIN), someone.to_string()).await, TAKEN);
    assert!(site.counted().incomplete);
    let events = site.door.entered.lock().unwrap();
    assert!(events.iter().all(|event| event.name() == "callback" && event.member.is_none()));
    assert!(events.iter().all(|event| event.lane().as_str().len() < 600));
}

#[tokio::test]
async fn bodies_of_doubtful_json_are_taken_or_refused_and_break_nothing() {
    let site = Site::allowing();
    let garbled = (StatusCode::BAD_REQUEST, Answered::Garbled);
    let twice = r#"{"GroupId":"a","GroupId":"b","NewMemberList":[{"Member_Account":"x"}]}"#;
    let nested = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
    let large = r#"{"GroupId":"a","MsgSeq":99999999999999999999,"EventTime":1e400}"#;
    let negative = r#"{"GroupId":"a","MsgSeq":-9223372036854775808,"EventTime":-1,"MsgTime":-1}"#;
    for (body, expected) in [
        (twice.to_owned(), TAKEN),
        (nested(100), TAKEN),
        (nested(200), garbled),
        (nested(500_000), garbled),
        (large.to_owned(), garbled),
        (large.replace("1e400", "1e300"), TAKEN),
        (negative.to_owned(), TAKEN),
        (r#"{"a":"\ud800"}"#.to_owned(), garbled),
    ] {
        assert_eq!(site.post(&signed(JOIN), body).await, expected);
    }
    // Of two fields with one name the last counts, as with Chat's own parsers.
    assert_eq!(site.door.entered.lock().unwrap()[0].group.as_ref().map(|g| g.as_str()), Some("b"));
}

#[tokio::test]
async fn a_stranger_that_asks_whether_it_may_send_its_body_hears_no_without_sending_it() {
    let site = Site::allowing();
    // This body never comes.
    let body = Body::from_stream(stream::pending::<Result<Bytes, Infallible>>());
    let mut request = posted(&uri(JOIN, "tomorrow", NOW), body);
    request.headers_mut().insert(header::EXPECT, "100-continue".parse().unwrap());
    let answer = site.router.clone().oneshot(request).await.unwrap();
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn what_is_shed_is_told_of_although_chat_has_hung_up() {
    let gate = Arc::new(Notify::new());
    let site = site(Behaviour::Waits(gate.clone()), Limits { at_once: 1, ..Limits::default() });
    let ask = |group: &str| site.router.clone().oneshot(posted(&signed(JOIN), join(group)));
    let (first, second) = (tokio::spawn(ask("cats")), tokio::spawn(ask("dogs")));
    settle().await;
    second.abort();
    assert!(second.await.unwrap_err().is_cancelled());
    site.clock.set(NOW + Duration::from_secs(1));
    settle().await;
    assert_eq!(lost(&site), [(Answered::Shed, Some("dogs".to_owned()))]);
    gate.notify_one();
    assert_eq!(first.await.unwrap().unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn a_panic_and_a_refusal_behind_the_door_are_lost_callbacks_of_their_group() {
    for (behaviour, why) in
        [(Behaviour::Panics, Answered::Panicked), (Behaviour::Refuses, Answered::NotTaken)]
    {
        let site = site(behaviour, Limits::default());
        site.post(&signed(JOIN), join("cats")).await;
        assert_eq!(lost(&site), [(why, Some("cats".to_owned()))]);
    }
}

#[tokio::test]
async fn strangers_lose_nothing_whatever_they_send() {
    let site = Site::allowing();
    let forged = uri(JOIN, "tomorrow", NOW);
    for body in [join("cats"), "{".to_owned(), " ".repeat(2 << 20)] {
        let refused = (StatusCode::FORBIDDEN, Answered::Forged);
        assert_eq!(site.post(&forged, body).await, refused);
    }
    assert_eq!(lost(&site), []);
}

const TELLS: &str = r#"
    [rule.tell]
    on = "member.joined"
    do = [{ send_message = { text = "{member.id} joined, found: {event.found}" } }]
"#;

/// A callback that Chat makes and that cannot be read, for instance because it names more members than
/// any, is found again by comparing its group with Chat.
#[tokio::test]
async fn a_join_whose_callback_was_lost_is_found_within_a_minute_by_comparing_its_group() {
    let stage = Stage::with_settings(TELLS, &[("RECONCILE_EVERY", "1h")]).await;
    let cats = stage.create("@TGS#cats", groupkeeper::chat::GroupType::Public, "olga", &[]);
    stage.advance(Duration::from_secs(3_600)).await;
    stage.fault(JOIN, Some(1), FaultKind::Lose);
    cats.joins("ann").await;
    stage.settle().await;
    assert_eq!(cats.messages(), Vec::<String>::new());
    let members: Vec<_> = (0..2_000).map(|n| json!({"Member_Account": n.to_string()})).collect();
    let body = json!({"GroupId": "@TGS#cats", "NewMemberList": members}).to_string();
    let (status, _) = stage.post(&stage.signed_query(JOIN), body).await;
    assert_eq!(status, 413);
    let before = stage.calls("get_appid_group_list").len();
    stage.advance(Duration::from_secs(60)).await;
    assert_eq!(cats.messages(), ["ann joined, found: true"]);
    // Not all groups were read for it.
    assert_eq!(stage.calls("get_appid_group_list").len(), before);
    let (_, metrics) = stage.admin("/metrics").await;
    assert!(metrics.contains("groupkeeper_callbacks_lost_total{why=\"too_many\"} 1"), "{metrics}");
    stage.finish().await;
}
