//! Who is let in where: a path of their own for rooms, addresses that callbacks may come from.

use std::net::SocketAddr;

use axum::extract::ConnectInfo;
use axum::http::{Request, StatusCode};
use groupkeeper::callback::{Answered, OverBudget, OverLimit, Sources, source};
use groupkeeper::decision::Verdict;
use ipnet::IpNet;

use crate::callback::{Behaviour, Site, posted, signed, uri};
use crate::fixtures::{NOW, fixture};

const ENTER: &str = "Room.CallbackAfterMemberEnter";
const JOIN: &str = "Group.CallbackAfterNewMemberJoin";
const TAKEN: (StatusCode, Answered) = (StatusCode::OK, Answered::Taken);

fn site(room_tokens: &[&str], sources: Sources) -> Site {
    let behaviour = Behaviour::Answers(Verdict::Allow);
    Site::with(behaviour, OverBudget::Allow, room_tokens, sources)
}

fn body(command: &str) -> String {
    fixture(command).body.to_string()
}

fn at_rooms(command: &str, token: &str) -> String {
    uri(command, token, NOW).replace("/callback?", "/rooms?")
}

fn refused(answered: Answered) -> (StatusCode, Answered) {
    (StatusCode::FORBIDDEN, answered)
}

fn networks(texts: &[&str]) -> Vec<IpNet> {
    texts.iter().map(|text| source::network(text).unwrap()).collect()
}

#[tokio::test]
async fn rooms_have_a_path_and_a_token_of_their_own_and_each_is_good_only_there() {
    let site = site(&["room"], Sources::anywhere());
    for (uri, answered, entrance) in [
        (at_rooms(ENTER, "room"), TAKEN, "room"),
        (at_rooms(ENTER, "today"), refused(Answered::Forged), "room"),
        (uri(ENTER, "room", NOW), refused(Answered::Forged), "chat"),
        (signed(ENTER), TAKEN, "chat"),
        (
            signed(ENTER).replace("/callback?", "/live?"),
            (StatusCode::NOT_FOUND, Answered::NotFound),
            "none",
        ),
    ] {
        assert_eq!(site.post(&uri, body(ENTER)).await, answered, "{uri}");
        assert_eq!(site.counted().entrance, entrance, "{uri}");
    }
    assert_eq!(site.entered(), ["room.member_entered", "room.member_entered"]);
}

#[tokio::test]
async fn a_message_of_a_live_room_comes_to_the_path_of_rooms_as_a_group_callback() {
    let site = site(&["room"], Sources::anywhere());
    let command = "Group.CallbackAfterSendMsg";
    assert_eq!(site.post(&at_rooms(command, "room"), body(command)).await, TAKEN);
    assert_eq!(site.entered(), ["message.sent"]);
}

#[tokio::test]
async fn where_rooms_are_not_signed_nothing_but_rooms_gets_in() {
    let site = site(&[], Sources::anywhere());
    let unsigned = |command: &str| format!("/rooms?SdkAppid=1400000000&CallbackCommand={command}");
    assert_eq!(site.post(&unsigned(ENTER), body(ENTER)).await, TAKEN);
    let wrong_path = refused(Answered::WrongPath);
    assert_eq!(site.post(&unsigned(JOIN), body(JOIN)).await, wrong_path);
    // The query may leave the command to the body.
    assert_eq!(site.post(&unsigned(""), body(JOIN)).await, wrong_path);
    assert_eq!(site.counted().command, JOIN);
    let alert = "Alert.RequestOverLimit";
    assert_eq!(site.post(&unsigned(alert), body(alert)).await, wrong_path);
    assert!(site.counts.1.lock().unwrap().is_empty());
    assert_eq!(site.entered(), ["room.member_entered"]);
}

/// Posts a signed callback from an address, through proxies that wrote this.
async fn post_from(site: &Site, peer: &str, forwarded: Option<&str>) -> StatusCode {
    let mut request: Request<_> = posted(&signed(JOIN), body(JOIN));
    let peer = SocketAddr::new(peer.parse().unwrap(), 40_000);
    request.extensions_mut().insert(ConnectInfo(peer));
    if let Some(forwarded) = forwarded {
        request.headers_mut().insert("x-forwarded-for", forwarded.parse().unwrap());
    }
    site.send(request).await.0
}

#[tokio::test]
async fn a_callback_from_an_address_that_is_not_listed_is_refused_however_well_signed() {
    let site = site(&["room"], Sources::new(networks(&["203.0.113.0/24"]), false, Vec::new()));
    assert_eq!(post_from(&site, "203.0.113.9", None).await, StatusCode::OK);
    assert_eq!(post_from(&site, "192.0.2.1", Some("203.0.113.9")).await, StatusCode::FORBIDDEN);
    let seen = site.counted();
    let from = seen.origin.map(|from| from.to_string());
    assert_eq!((seen.answered, from.as_deref()), (Answered::WrongSource, Some("192.0.2.1")));
    assert_eq!(site.entered().len(), 2);
    // Without the token it is a stranger, wherever it calls from.
    let unsigned = format!("/callback?SdkAppid=1400000000&CallbackCommand={JOIN}");
    assert_eq!(site.post(&unsigned, body(JOIN)).await, refused(Answered::Unsigned));
}

#[tokio::test]
async fn a_trusted_proxy_says_where_a_callback_comes_from() {
    let listed = networks(&["203.0.113.0/24"]);
    let site = site(&["room"], Sources::new(listed, false, networks(&["10.0.0.0/8"])));
    assert_eq!(post_from(&site, "10.0.0.1", Some("203.0.113.9")).await, StatusCode::OK);
    let spoofed = Some("203.0.113.9, 192.0.2.1");
    assert_eq!(post_from(&site, "10.0.0.1", spoofed).await, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn as_long_as_chat_has_not_said_where_it_calls_from_nobody_is_locked_out() {
    let site = site(&["room"], Sources::new(Vec::new(), true, Vec::new()));
    assert_eq!(post_from(&site, "192.0.2.1", None).await, StatusCode::OK);
    site.sources.set_chat(networks(&["198.51.100.0/24"]));
    assert_eq!(post_from(&site, "192.0.2.1", None).await, StatusCode::FORBIDDEN);
    assert_eq!(post_from(&site, "198.51.100.1", None).await, StatusCode::OK);
    // Whoever keeps the list is woken, because Chat may have moved.
    site.sources.refused().await;
}

#[tokio::test]
async fn that_chat_warns_of_too_many_calls_is_handed_on_when_it_is_let_in() {
    let site = Site::allowing();
    let alert = "Alert.RequestOverLimit";
    let forged = uri(alert, "tomorrow", NOW);
    assert_eq!(site.post(&forged, body(alert)).await, refused(Answered::Forged));
    assert!(site.counts.1.lock().unwrap().is_empty());
    assert_eq!(site.post(&signed(alert), body(alert)).await, TAKEN);
    let expected = OverLimit {
        service: "openim".into(),
        command: "batchsendmsg".into(),
        requests: Some(510),
        limit: Some(200),
    };
    assert_eq!(*site.counts.1.lock().unwrap(), [expected]);
    assert_eq!(site.entered(), ["callback"]);
}
