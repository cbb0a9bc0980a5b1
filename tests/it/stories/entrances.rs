//! Where Chat calls, from where, and what it warns of while it does.

use std::time::Duration;

use groupkeeper::clock::Timestamp;
use groupkeeper::simulator::{NewRoom, OwnUrl, RoomKind};
use serde_json::json;

use crate::stage::Stage;

const QUIET: &str =
    "[rule.quiet]\non = \"room.created\"\ndo = [{ alert = { text = \"{room.id}\" } }]\n";

fn joined(time: Timestamp) -> String {
    json!({
        "GroupId": "@TGS#cats", "Type": "Public", "JoinType": "Apply", "Operator_Account": "ann",
        "NewMemberList": [{ "Member_Account": "ann" }], "EventTime": time.0,
    })
    .to_string()
}

impl Stage {
    /// Posts a callback that is in order, and gives back the status.
    async fn called(&self) -> u16 {
        // Each at a time of its own, so that none is a repetition.
        self.clock.advance(Duration::from_millis(1));
        let query = self.signed_query("Group.CallbackAfterNewMemberJoin");
        self.post(&query, joined(self.now())).await.0
    }

    async fn counted(&self, line: &str) -> bool {
        self.admin("/metrics").await.1.contains(line)
    }
}

#[tokio::test]
async fn live_rooms_call_at_a_path_of_their_own_with_a_token_of_their_own() {
    let settings = [("CALLBACK_ROOM_PATH", "/rooms"), ("CALLBACK_ROOM_TOKENS", "token-of-live")];
    let stage = Stage::with_settings(QUIET, &settings).await;
    let url = format!("http://{}/rooms", stage.bot().callback_address);
    let now = stage.now();
    stage.chat.with_world(|world| {
        let commands = Default::default();
        let token = Some("token-of-live".to_owned());
        world.settings_mut().live = Some(OwnUrl { url, token, token_enabled: true, commands });
        let (id, owner) = ("live-1".into(), "olga".into());
        let name = "evening".to_owned();
        let room = NewRoom { id, kind: RoomKind::Live, name, owner, silent: false };
        world.create_room(now, room).unwrap();
    });
    stage.settle().await;
    let taken = "{command=\"Live.CallbackAfterCreateRoom\",entrance=\"room\",answer=\"taken\"} 1";
    assert!(stage.counted(taken).await, "{}", stage.admin("/metrics").await.1);
    stage.finish().await;
}

#[tokio::test]
async fn chat_names_the_addresses_that_it_calls_from_and_nobody_is_locked_out_before_it_has() {
    let mut stage = Stage::with_settings(QUIET, &[("CALLBACK_ALLOW", "chat")]).await;
    let says = |stage: &Stage, address: &str| {
        let addresses = vec![address.to_owned()];
        stage.chat.with_world(|world| world.settings_mut().addresses = addresses);
    };
    assert_eq!(stage.called().await, 200);
    says(&stage, "203.0.113.0/24");
    assert!(stage.bot().addresses.as_ref().unwrap().refresh().await);
    assert_eq!(stage.called().await, 403);
    assert!(stage.counted("entrance=\"chat\",answer=\"wrong_source\"} 1").await);
    // The list outlives the process.
    stage.stop().await;
    stage.start().await.unwrap();
    assert_eq!(stage.called().await, 403);
    says(&stage, "127.0.0.1");
    assert!(stage.bot().addresses.as_ref().unwrap().refresh().await);
    assert_eq!(stage.called().await, 200);
    stage.finish().await;
}

#[tokio::test]
async fn a_command_of_which_chat_warns_is_called_half_as_often() {
    let stage = Stage::with_rules(QUIET).await;
    let warning = json!({
        "ServiceName": "group_open_http_svc", "Command": "send_group_msg", "Request": 170, "Limit": 200,
    });
    let query = stage.signed_query("Alert.RequestOverLimit");
    assert_eq!(stage.post(&query, warning.to_string()).await.0, 200);
    let (rates, now) = (stage.bot().engine.rates.clone(), stage.now());
    let pass = |command: &str| (0..500).take_while(|_| rates.take(command, now).is_ok()).count();
    assert_eq!((pass("send_group_msg"), pass("sendmsg")), (100, 200));
    assert!(stage.counted("groupkeeper_over_limit_total{command=\"send_group_msg\"} 1").await);
    stage.finish().await;
}
