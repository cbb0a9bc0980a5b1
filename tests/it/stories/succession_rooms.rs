//! A room whose owner leaves gets another one: conferences and live rooms.

use std::time::Duration;

use groupkeeper::chat::RoomId;
use groupkeeper::simulator::{FaultKind, NewRoom, RoomKind, World};

use crate::stage::{Stage, repository};

const ROOM: &str = "room-1";
const MINUTE: Duration = Duration::from_secs(61);

fn room() -> RoomId {
    RoomId::from(ROOM)
}

/// The bot with the preset, and a room that it saw being made; people came in in this order.
async fn opened(kind: RoomKind, members: &[&str]) -> Stage {
    let stage = Stage::with_rules(&repository("rules/presets/room_succession.toml")).await;
    let now = stage.now();
    let name = "a room".to_owned();
    let new = NewRoom { id: room(), kind, name, owner: "olga".into(), silent: false };
    stage.chat.with_world(|world| world.create_room(now, new)).unwrap();
    stage.settle().await;
    for who in members {
        enters(&stage, who).await;
    }
    stage
}

async fn in_room(stage: &Stage, happen: impl FnOnce(&mut World)) {
    stage.chat.with_world(happen);
    stage.settle().await;
}

async fn enters(stage: &Stage, who: &str) {
    stage.clock.advance(Duration::from_secs(1));
    let now = stage.now();
    in_room(stage, |world| world.enter_room(now, &room(), &who.into()).unwrap()).await;
}

async fn leaves(stage: &Stage, who: &str) {
    let now = stage.now();
    in_room(stage, |world| world.leave_room(now, &room(), &who.into()).unwrap()).await;
}

/// Chat tells nobody of what happens from now on.
fn deaf(stage: &Stage) {
    stage.chat.with_world(|world| world.settings_mut().callbacks.clear());
}

fn owner(stage: &Stage) -> String {
    stage.chat.with_world(|world| world.room(&room()).unwrap().owner.to_string())
}

fn transfers(stage: &Stage) -> Vec<i64> {
    stage.calls("change_room_owner")
}

async fn alerts(stage: &Stage) -> String {
    let (_, metrics) = stage.admin("/metrics").await;
    let line = metrics.lines().find(|line| line.starts_with("groupkeeper_alerts_total "));
    line.unwrap().replace("groupkeeper_alerts_total ", "")
}

async fn events(stage: &Stage) -> String {
    stage.admin("/api/v1/events").await.1
}

#[tokio::test]
async fn whoever_came_in_first_owns_a_conference_a_minute_after_its_owner_left() {
    let stage = opened(RoomKind::Conference, &["zoe", "bot_notes", "ann"]).await;
    leaves(&stage, "olga").await;
    assert_eq!(owner(&stage), "olga");
    stage.advance(MINUTE).await;
    assert_eq!(owner(&stage), "zoe");
    assert_eq!(transfers(&stage), [0]);
    stage.finish().await;
}

#[tokio::test]
async fn an_admin_of_a_live_room_comes_before_who_came_in_first() {
    let stage = opened(RoomKind::Live, &["zoe", "ann"]).await;
    let now = stage.now();
    // Somebody who is not there can be an admin too.
    let admins = ["out".into(), "ann".into()];
    in_room(&stage, |world| world.make_room_admins(now, &room(), &admins).unwrap()).await;
    leaves(&stage, "olga").await;
    stage.advance(MINUTE).await;
    assert_eq!(owner(&stage), "ann");
    stage.finish().await;
}

#[tokio::test]
async fn whom_nobody_saw_entering_comes_behind_those_who_were_seen() {
    let stage = opened(RoomKind::Conference, &["zoe"]).await;
    let all = stage.chat.with_world(|world| std::mem::take(&mut world.settings_mut().callbacks));
    enters(&stage, "ann").await;
    stage.chat.with_world(|world| world.settings_mut().callbacks = all);
    leaves(&stage, "olga").await;
    stage.advance(MINUTE).await;
    assert_eq!(owner(&stage), "zoe");
    leaves(&stage, "zoe").await;
    stage.advance(MINUTE).await;
    assert_eq!(owner(&stage), "ann");
    stage.finish().await;
}

#[tokio::test]
async fn an_owner_who_comes_back_within_the_wait_keeps_the_room() {
    for kind in [RoomKind::Conference, RoomKind::Live] {
        let stage = opened(kind, &["zoe"]).await;
        leaves(&stage, "olga").await;
        stage.advance(Duration::from_secs(30)).await;
        enters(&stage, "olga").await;
        stage.advance(MINUTE * 10).await;
        assert_eq!((owner(&stage).as_str(), transfers(&stage)), ("olga", vec![]));
        assert_eq!(stage.calls("get_room_info"), Vec::<i64>::new());
        stage.finish().await;
    }
}

#[tokio::test]
async fn an_owner_whose_return_no_callback_told_is_found_in_the_list() {
    let stage = opened(RoomKind::Conference, &["zoe"]).await;
    leaves(&stage, "olga").await;
    deaf(&stage);
    enters(&stage, "olga").await;
    stage.advance(MINUTE).await;
    assert_eq!((owner(&stage).as_str(), transfers(&stage)), ("olga", vec![]));
    assert!(events(&stage).await.contains("olga is in the room again"));
    stage.finish().await;
}

#[tokio::test]
async fn another_owner_of_whom_no_callback_told_is_left_alone_and_told_as_an_event() {
    let stage = opened(RoomKind::Conference, &["zoe", "ann"]).await;
    leaves(&stage, "olga").await;
    deaf(&stage);
    let now = stage.now();
    let to_ann = |world: &mut World| {
        world.change_room_owner(now, &room(), &"olga".into(), &"ann".into()).unwrap();
    };
    in_room(&stage, to_ann).await;
    stage.advance(MINUTE).await;
    assert_eq!((owner(&stage).as_str(), transfers(&stage)), ("ann", vec![]));
    let events = events(&stage).await;
    assert!(events.contains("ann owns it by now"), "{events}");
    stage.finish().await;
}

#[tokio::test]
async fn a_successor_who_has_left_meanwhile_makes_room_for_the_next() {
    let stage = opened(RoomKind::Live, &["zoe", "ann"]).await;
    leaves(&stage, "olga").await;
    // Chat's list is old: it still has zoe, and so has the mirror.
    let stale = FaultKind::StaleReads { during: MINUTE * 5 };
    stage.fault("get_member_list", None, stale);
    deaf(&stage);
    leaves(&stage, "zoe").await;
    stage.advance(MINUTE).await;
    assert_eq!(transfers(&stage), [100_005, 0]);
    assert_eq!(owner(&stage), "ann");
    stage.finish().await;
}

#[tokio::test]
async fn a_room_that_is_closed_meanwhile_calls_nobody() {
    let stage = opened(RoomKind::Conference, &["zoe"]).await;
    leaves(&stage, "olga").await;
    deaf(&stage);
    let closed = FaultKind::Code(100_004, "the room does not exist".into());
    stage.fault("change_room_owner", None, closed);
    stage.advance(MINUTE).await;
    assert_eq!(transfers(&stage), [100_004]);
    assert_eq!(alerts(&stage).await, "0");
    stage.finish().await;
    let stage = opened(RoomKind::Conference, &["zoe"]).await;
    leaves(&stage, "olga").await;
    deaf(&stage);
    let now = stage.now();
    in_room(&stage, |world| world.destroy_room(now, &room(), &"olga".into()).unwrap()).await;
    stage.advance(MINUTE).await;
    assert_eq!((transfers(&stage), alerts(&stage).await.as_str()), (vec![], "0"));
    stage.finish().await;
}

#[tokio::test]
async fn when_all_are_refused_a_person_is_called_and_told_whom_chat_refused() {
    let stage = opened(RoomKind::Conference, &["zoe", "ann"]).await;
    leaves(&stage, "olga").await;
    let refused = FaultKind::Code(100_006, "not permitted".into());
    stage.fault("change_room_owner", None, refused);
    stage.advance(MINUTE).await;
    assert_eq!(transfers(&stage), [100_006, 100_006]);
    assert_eq!(alerts(&stage).await, "1");
    assert!(events(&stage).await.contains("Chat refused zoe and ann"));
    stage.finish().await;
}

#[tokio::test]
async fn when_chat_refuses_to_tell_who_is_in_the_room_a_person_is_called_once() {
    let stage = opened(RoomKind::Conference, &["zoe"]).await;
    leaves(&stage, "olga").await;
    let refused = FaultKind::Code(100_006, "not permitted".into());
    stage.fault("get_room_member_list", None, refused);
    stage.advance(MINUTE * 10).await;
    assert_eq!((transfers(&stage), alerts(&stage).await.as_str()), (vec![], "1"));
    stage.finish().await;
}

#[tokio::test]
async fn an_owner_of_whom_nobody_had_told_is_asked_for_when_they_leave() {
    let stage = Stage::with_rules(&repository("rules/presets/room_succession.toml")).await;
    let now = stage.now();
    let new = NewRoom {
        id: room(),
        kind: RoomKind::Conference,
        name: "a room".to_owned(),
        owner: "olga".into(),
        silent: true,
    };
    stage.chat.with_world(|world| world.create_room(now, new)).unwrap();
    enters(&stage, "zoe").await;
    enters(&stage, "ann").await;
    leaves(&stage, "ann").await;
    assert_eq!(stage.calls("get_room_info"), [0]);
    stage.advance(MINUTE).await;
    assert_eq!(owner(&stage), "olga");
    leaves(&stage, "olga").await;
    stage.advance(MINUTE).await;
    assert_eq!(owner(&stage), "zoe");
    stage.finish().await;
}

#[tokio::test]
async fn the_owner_may_be_the_first_of_whom_the_bot_hears_anything() {
    let stage = Stage::with_rules(&repository("rules/presets/room_succession.toml")).await;
    let now = stage.now();
    let new = NewRoom {
        id: room(),
        kind: RoomKind::Live,
        name: "a room".to_owned(),
        owner: "olga".into(),
        silent: true,
    };
    stage.chat.with_world(|world| world.create_room(now, new)).unwrap();
    enters(&stage, "zoe").await;
    leaves(&stage, "olga").await;
    stage.advance(MINUTE).await;
    assert_eq!(owner(&stage), "zoe");
    stage.finish().await;
}

#[tokio::test]
async fn a_transfer_whose_answer_was_lost_is_not_repeated() {
    let mut stage = opened(RoomKind::Conference, &["zoe", "ann"]).await;
    leaves(&stage, "olga").await;
    deaf(&stage);
    stage.fault("change_room_owner", Some(1), FaultKind::ApplyThenDropReply);
    stage.clock.advance(MINUTE);
    stage.settle().await;
    assert_eq!(owner(&stage), "zoe");
    stage.stop().await;
    stage.start().await.unwrap();
    stage.advance(MINUTE * 10).await;
    assert_eq!((owner(&stage).as_str(), transfers(&stage).len()), ("zoe", 1));
    stage.finish().await;
}

#[tokio::test]
async fn a_live_room_is_confirmed_by_its_callback_and_without_one_by_reading() {
    for (kind, heard, words, reads) in [
        (RoomKind::Live, true, "confirmed by Chat's callback", 2),
        (RoomKind::Conference, true, "confirmed by Chat's callback", 2),
        (RoomKind::Live, false, "confirmed by reading", 3),
        (RoomKind::Conference, false, "confirmed by reading", 3),
    ] {
        let stage = opened(kind, &["zoe"]).await;
        leaves(&stage, "olga").await;
        if !heard {
            deaf(&stage);
        }
        stage.advance(MINUTE * 10).await;
        assert_eq!(owner(&stage), "zoe");
        // One to choose, one before the transfer, and one to confirm it.
        assert_eq!(stage.calls("get_room_info").len(), reads, "{kind:?} {heard}");
        let events = events(&stage).await;
        assert!(events.contains(words), "{kind:?} {heard}: {events}");
        stage.finish().await;
    }
}

#[tokio::test]
async fn a_new_owner_among_what_changed_of_a_conference_is_an_event_and_the_same_one_is_none() {
    let rules = "[rule.a]\non = \"room.owner_changed\"\ndo = [{ send_private = { to = \"boss\", text = \"{event.old_owner} {event.new_owner}\" } }]\n";
    let stage = Stage::with_rules(rules).await;
    let hears = async |owner: &str, number: i64| {
        let command = "Room.CallbackAfterUpdateRoomInfo";
        let body = format!(
            r#"{{"CallbackCommand":"{command}","Operator_Account":"olga","RoomInfo":{{"RoomId":"room-1","RoomName":"{number}","Owner_Account":"{owner}"}}}}"#
        );
        assert_eq!(stage.post(&stage.signed_query(command), body).await.0, 200);
        stage.settle().await;
    };
    for (number, owner) in ["olga", "olga", "zoe", "zoe"].into_iter().enumerate() {
        hears(owner, i64::try_from(number).unwrap()).await;
    }
    let told = stage.chat.with_world(|world| {
        world.private_messages().iter().map(|(_, message)| message.text.clone()).collect::<Vec<_>>()
    });
    assert_eq!(told, [" olga", "olga zoe"]);
    stage.finish().await;
}

#[tokio::test]
async fn two_who_leave_before_chat_has_told_the_owner_are_both_looked_at() {
    let stage = Stage::with_rules(&repository("rules/presets/room_succession.toml")).await;
    let (now, name) = (stage.now(), "a room".to_owned());
    let kind = RoomKind::Conference;
    // Nobody told the bot who owns it.
    let new = NewRoom { id: room(), kind, name, owner: "olga".into(), silent: true };
    stage.chat.with_world(|world| world.create_room(now, new)).unwrap();
    for who in ["zoe", "ann"] {
        enters(&stage, who).await;
    }
    stage.fault("get_room_info", None, FaultKind::RefuseConnection);
    leaves(&stage, "zoe").await;
    leaves(&stage, "olga").await;
    stage.mend();
    stage.advance(MINUTE * 3).await;
    assert_eq!(owner(&stage), "ann");
    stage.finish().await;
}
