//! Callbacks on their way out: what they carry, how they are signed, and in which order they leave.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::faults::FaultKind;
use super::rooms::RoomKind;
use super::settings::OwnUrl;
use super::world::World;
use crate::chat::{Account, GroupId};
use crate::clock::Timestamp;

/// Names one callback of a world.
pub type CallbackId = u64;

/// Commands that ask before something happens (34354): the act waits for the answer.
const ASKING: [&str; 9] = [
    "Group.CallbackBeforeCreateGroup",
    "Group.CallbackBeforeApplyJoinGroup",
    "Group.CallbackBeforeInviteJoinGroup",
    "Group.CallbackBeforeSendMsg",
    "Group.CallbackBeforeCreateTopic",
    "Sns.CallbackPrevFriendAdd",
    "Sns.CallbackPrevFriendResponse",
    "C2C.CallbackBeforeSendMsg",
    "Live.CallbackBeforeSendGift",
];

/// Commands that tell afterwards (34355, 60703, 64413).
const TELLING: [&str; 53] = [
    "Group.CallbackAfterCreateGroup",
    "Group.CallbackAfterNewMemberJoin",
    "Group.CallbackAfterMemberExit",
    "Group.CallbackAfterSendMsg",
    "Group.CallbackAfterGroupFull",
    "Group.CallbackAfterGroupDestroyed",
    "Group.CallbackAfterGroupInfoChanged",
    "Group.CallbackOnMemberStateChange",
    "Group.CallbackSendMsgException",
    "Group.CallbackAfterRecallMsg",
    "Group.CallbackAfterCreateTopic",
    "Group.CallbackAfterTopicDestroyed",
    "Group.CallbackAfterTopicInfoChanged",
    "Group.CallbackAfterMemberFieldChanged",
    "Group.CallbackAfterGroupAttrChanged",
    "Group.CallbackAfterReadReceipt",
    "Group.CallbackAfterChangeGroupOwner",
    "Group.CallbackOnDailyGroupQuotaAlarm",
    "State.StateChange",
    "Profile.CallbackPortraitSet",
    "Sns.CallbackFriendAdd",
    "Sns.CallbackFriendDelete",
    "Sns.CallbackBlackListAdd",
    "Sns.CallbackBlackListDelete",
    "C2C.CallbackAfterSendMsg",
    "C2C.CallbackAfterMsgReport",
    "C2C.CallbackAfterMsgWithDraw",
    "Bot.OnC2CMessage",
    "Bot.OnGroupMessage",
    "Chatbot.OnC2CSignalMessage",
    "Follow.CallbackAfterFollowAdd",
    "Follow.CallbackAfterFollowDelete",
    "Alert.RequestOverLimit",
    "Room.CallbackAfterCreateRoom",
    "Room.CallbackAfterUpdateRoomInfo",
    "Room.CallbackAfterDestroyRoom",
    "Room.CallbackAfterMemberEnter",
    "Room.CallbackAfterMemberLeave",
    "Mic.CallbackAfterSeatInfoChanged",
    "Live.CallbackAfterCreateRoom",
    "Live.CallbackAfterDestroyRoom",
    "Live.CallbackAfterUpdateRoomInfo",
    "Live.CallbackAfterSetMetadata",
    "Live.CallbackAfterDelMetadata",
    "Live.CallbackAfterCreateRoomReachingThreshold",
    "Live.CallbackAfterMemberStateChanged",
    "Live.CallbackAfterChangeOwner",
    "Live.CallbackAfterModifyAdmin",
    "Live.CallbackAfterCreateBattle",
    "Live.CallbackAfterStartBattle",
    "Live.CallbackAfterEndBattle",
    "ContentCallback.ResultNotify",
    "Push.OfflinePush",
];

/// Commands whose documented sample has neither `ClientIP` nor `OptPlatform` (48734, 72553, 72554).
const WITHOUT_CLIENT: [&str; 3] = [
    "Group.CallbackOnMemberStateChange",
    "Live.CallbackAfterChangeOwner",
    "Live.CallbackAfterModifyAdmin",
];

/// Commands without `Type` (34376, 48734).
const WITHOUT_TYPE: [&str; 2] =
    ["Group.CallbackAfterGroupFull", "Group.CallbackOnMemberStateChange"];

/// Commands without `EventTime` (48734, 64422, 60256).
const WITHOUT_TIME: [&str; 3] =
    ["Group.CallbackOnMemberStateChange", "Live.CallbackAfterCreateRoom", "Alert.RequestOverLimit"];

/// Every documented command that the simulator can send.
pub fn all_commands() -> impl Iterator<Item = &'static str> {
    ASKING.into_iter().chain(TELLING)
}

/// Whether Chat waits for the answer to this command.
pub(super) fn asks(command: &str) -> bool {
    ASKING.contains(&command)
}

/// One HTTP request that Chat makes.
#[derive(Clone)]
pub struct Callback {
    pub id: CallbackId,
    /// `CallbackCommand`.
    pub command: String,
    /// Names and values as they stand before percent-encoding.
    pub query: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Whether an act waits for the answer.
    pub asks: bool,
    /// The URL of its own service, if that has one; otherwise Chat's.
    pub url: Option<String>,
    token: Option<String>,
    /// The `GroupId` or `RoomId` it is about.
    about: Option<String>,
    /// Held back by a fault, or to be sent again, then.
    due: Option<Timestamp>,
    last: bool,
    /// How old its signature is.
    signed_ago: Duration,
    /// How often it timed out.
    timeouts: usize,
}

impl Callback {
    /// Adds `RequestTime` and `Sign` = SHA256(token ‖ `RequestTime`) in lower-case hex (34354), in
    /// place of older ones; nothing when the app has no token.
    pub fn sign(&mut self, now: Timestamp) {
        let Some(token) = &self.token else { return };
        let time = (now - self.signed_ago).secs().to_string();
        let mut sign = String::with_capacity(64);
        for byte in Sha256::digest(format!("{token}{time}")) {
            // Writing to a String cannot fail.
            let _ = write!(sign, "{byte:02x}");
        }
        self.query.retain(|(name, _)| name != "Sign" && name != "RequestTime");
        self.query.push(("Sign".to_owned(), sign));
        self.query.push(("RequestTime".to_owned(), time));
    }
}

impl Callback {
    /// Moves `EventTime`, where there is one, by so many milliseconds.
    fn skew(&mut self, by: i64) {
        let Ok(mut body) = serde_json::from_slice::<Value>(&self.body) else { return };
        if let Some(time) = body["EventTime"].as_i64() {
            body["EventTime"] = json!(time.saturating_add(by));
            self.body = body.to_string().into_bytes();
        }
    }
}

impl std::fmt::Debug for Callback {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Callback")
            .field("id", &self.id)
            .field("command", &self.command)
            .field("query", &self.query)
            .field("body", &String::from_utf8_lossy(&self.body))
            .finish_non_exhaustive()
    }
}

/// Who did something, and from where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    pub operator: Account,
    /// `OptPlatform`.
    pub platform: &'static str,
}

impl Origin {
    /// Somebody at a phone.
    pub fn client(account: &Account) -> Self {
        Self { operator: account.clone(), platform: "iOS" }
    }

    /// A back end, as the app admin that signed the call.
    pub fn rest(identifier: &Account) -> Self {
        Self { operator: identifier.clone(), platform: "RESTAPI" }
    }
}

/// `[{"Member_Account": …}, …]`, the shape of every list of members in group callbacks.
pub(super) fn member_list<'a>(accounts: impl IntoIterator<Item = &'a Account>) -> Value {
    accounts.into_iter().map(|account| json!({ "Member_Account": account })).collect()
}

impl World {
    /// Queues an after callback if its switch is on.
    pub(super) fn tell(
        &mut self,
        now: Timestamp,
        command: &str,
        origin: &Origin,
        group: Option<&GroupId>,
        body: Value,
    ) {
        if self.is_on(command, &body) {
            let callback = self.compose(now, command, origin, group, body);
            self.enqueue(now, callback);
        }
    }

    /// Whether the switch of this command is on, and its service's list, if there is one, has it.
    pub(super) fn is_on(&self, command: &str, body: &Value) -> bool {
        let listed = |own: &OwnUrl| own.commands.is_empty() || own.commands.contains(command);
        self.settings.callbacks.contains(command) && self.own_url(command, body).is_none_or(listed)
    }

    /// The URL that the room services were given for themselves. Seats belong to the kind of the room.
    fn own_url(&self, command: &str, body: &Value) -> Option<&OwnUrl> {
        let kind = match command.split('.').next() {
            Some("Room") => RoomKind::Conference,
            Some("Live" | "Follow") => RoomKind::Live,
            Some("Mic") => self.rooms.get(&body["RoomId"].as_str()?.into())?.kind,
            _ => return None,
        };
        match kind {
            RoomKind::Conference => self.settings.conference.as_ref(),
            RoomKind::Live => self.settings.live.as_ref(),
        }
    }

    /// A callback with everything that all callbacks carry.
    pub(super) fn compose(
        &mut self,
        now: Timestamp,
        command: &str,
        origin: &Origin,
        group: Option<&GroupId>,
        body: Value,
    ) -> Callback {
        let id = self.next_id();
        let (url, token) = match self.own_url(command, &body) {
            Some(own) => (Some(own.url.clone()), own.token.clone().filter(|_| own.token_enabled)),
            None => (None, self.settings.callback_token.clone()),
        };
        let mut body = match body {
            Value::Object(fields) => fields,
            _ => serde_json::Map::new(),
        };
        let mut set = |name: &str, value: Value| {
            body.entry(name).or_insert(value);
        };
        set("CallbackCommand", json!(command));
        if !WITHOUT_TIME.contains(&command) {
            set("EventTime", json!(now.0));
        }
        if let Some(id) = group {
            set("GroupId", json!(id));
            if let (Some(group), false) = (self.groups.get(id), WITHOUT_TYPE.contains(&command)) {
                set("Type", json!(group.kind.name()));
            }
        }
        let mut query = vec![
            ("SdkAppid".to_owned(), self.settings.sdk_app_id.to_string()),
            ("CallbackCommand".to_owned(), command.to_owned()),
            ("contenttype".to_owned(), "json".to_owned()),
        ];
        if !WITHOUT_CLIENT.contains(&command) {
            query.push(("ClientIP".to_owned(), "127.0.0.1".to_owned()));
            query.push(("OptPlatform".to_owned(), origin.platform.to_owned()));
        }
        let about = ["GroupId", "RoomId"].into_iter().find_map(|name| body.get(name)?.as_str());
        let about = about.map(str::to_owned);
        self.settings.quirks.dress(command, &mut body);
        self.settings.quirks.dress_query(id, &mut query);
        self.unanswered_commands.insert(id, command.to_owned());
        Callback {
            id,
            command: command.to_owned(),
            query,
            body: Value::Object(body).to_string().into_bytes(),
            asks: asks(command),
            url,
            token,
            about,
            due: None,
            last: false,
            signed_ago: Duration::ZERO,
            timeouts: 0,
        }
    }

    /// Puts a callback into the queue, unless a fault has other plans; `false` when it is lost.
    pub(super) fn enqueue(&mut self, now: Timestamp, mut callback: Callback) -> bool {
        let about = callback.about.as_deref();
        match self.faults.callback(now, &callback.command, callback.asks, about) {
            Some(FaultKind::Lose) => {
                self.unanswered_commands.remove(&callback.id);
                return false;
            }
            Some(FaultKind::Duplicate) => self.queue.push(callback.clone()),
            Some(FaultKind::Delay { by }) => callback.due = Some(now + by),
            Some(FaultKind::Reorder) => callback.last = true,
            Some(FaultKind::Garble) => callback.body.truncate(callback.body.len() / 2),
            Some(FaultKind::WrongSign) => callback.token = Some("another token".to_owned()),
            Some(FaultKind::WrongApp) => {
                for (_, value) in callback.query.iter_mut().filter(|(name, _)| name == "SdkAppid") {
                    *value = (self.settings.sdk_app_id + 1).to_string();
                }
            }
            Some(FaultKind::OldSign { by }) => callback.signed_ago = by,
            Some(FaultKind::Skew { by }) => callback.skew(by),
            _ => {}
        }
        self.queue.push(callback);
        true
    }

    /// Queues a callback again that timed out, if the console's switch is on and tries are left;
    /// whether it did. Questions are never repeated (34354).
    pub(super) fn retry(&mut self, now: Timestamp, mut callback: Callback) -> bool {
        let gap = self.settings.retries.get(callback.timeouts).copied();
        match gap {
            Some(gap) if !callback.asks => {
                callback.timeouts += 1;
                callback.due = Some(now + gap);
                self.queue.push(callback);
                true
            }
            _ => false,
        }
    }

    /// Takes the callbacks that are to be sent by now, in the order to send them in. "Now" is the
    /// latest time this world was told (`tick`).
    pub fn take_callbacks(&mut self) -> Vec<Callback> {
        let now = self.now();
        let held = |callback: &Callback| callback.due.is_some_and(|due| due > now);
        let (later, mut ready): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.queue).into_iter().partition(held);
        self.queue = later;
        ready.sort_by_key(|callback| callback.last);
        ready
    }

    /// Takes one callback out of the queue, whatever stands before it.
    pub fn take_callback(&mut self, id: CallbackId) -> Option<Callback> {
        let index = self.queue.iter().position(|callback| callback.id == id)?;
        Some(self.queue.remove(index))
    }

    /// When the next callback that a fault delayed is due.
    pub fn next_callback_due(&self) -> Option<Timestamp> {
        self.queue.iter().map(|callback| callback.due.unwrap_or(self.now())).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::{Fault, Settings};

    fn world(token: Option<&str>) -> World {
        let mut settings = Settings::new(1_400_000_001, "administrator", "key");
        settings.callback_token = token.map(str::to_owned);
        World::new(settings)
    }

    fn tell(world: &mut World, command: &str, fields: Value) {
        let origin = Origin::client(&"u1".into());
        world.tell(Timestamp(1_669_872_112_345), command, &origin, None, fields);
    }

    #[test]
    fn the_sign_is_the_documented_one() {
        let mut world = world(Some("xxxxyyyy"));
        tell(&mut world, "State.StateChange", json!({}));
        let mut callback = world.take_callbacks().remove(0);
        callback.sign(Timestamp(1_669_872_000_000));
        callback.sign(Timestamp(1_669_872_112_000));
        let expected = [
            ("SdkAppid", "1400000001"),
            ("CallbackCommand", "State.StateChange"),
            ("contenttype", "json"),
            ("ClientIP", "127.0.0.1"),
            ("OptPlatform", "iOS"),
            ("Sign", "17773bc39a671d7b9aa835458704d2a6db81360a5940292b587d6d760d484061"),
            ("RequestTime", "1669872112"),
        ];
        let query: Vec<(&str, &str)> =
            callback.query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(query, expected);
    }

    #[test]
    fn a_command_whose_switch_is_off_is_not_sent() {
        let mut world = world(None);
        world.settings.callbacks.remove("State.StateChange");
        tell(&mut world, "State.StateChange", json!({}));
        assert!(world.take_callbacks().is_empty());
    }

    #[test]
    fn faults_duplicate_lose_delay_reorder_and_garble() {
        let mut world = world(None);
        let start = Timestamp(1_669_872_112_345);
        let kinds = [
            FaultKind::Duplicate,
            FaultKind::Lose,
            FaultKind::Delay { by: Duration::from_secs(60) },
            FaultKind::Reorder,
            FaultKind::Garble,
        ];
        for kind in kinds {
            world.inject(start, Fault { on: "State.*".into(), times: Some(1), kind });
        }
        for n in 1..=5 {
            tell(&mut world, "State.StateChange", json!({ "n": n }));
        }
        let n = |callback: &Callback| {
            serde_json::from_slice::<Value>(&callback.body)
                .map_or(0, |body| body["n"].as_i64().unwrap())
        };
        // 1 twice, 2 lost, 3 later, 5 garbled (not JSON), 4 behind it.
        let sent: Vec<i64> = world.take_callbacks().iter().map(n).collect();
        assert_eq!(sent, [1, 1, 0, 4]);
        assert_eq!(world.next_callback_due(), Some(start + Duration::from_secs(60)));
        world.tick(start + Duration::from_secs(60));
        let sent: Vec<i64> = world.take_callbacks().iter().map(n).collect();
        assert_eq!(sent, [3]);
    }
}
