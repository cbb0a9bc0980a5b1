//! Profiles, friends and blocklists: 48733, 43468, 34359 to 34362.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::asks::{Act, Answered};
use super::callbacks::{CallbackId, Origin};
use super::settings::Refusal;
use super::world::World;
use crate::chat::Account;
use crate::clock::Timestamp;

/// How asking for a friend went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Befriending {
    /// The bot is asked first; the outcome comes from `answer`.
    Waiting(CallbackId),
    Befriended,
    Refused(Refusal),
}

impl World {
    /// Somebody changes the own profile: `Tag_Profile_…` and its value, a text or a number.
    pub fn set_profile_items(
        &mut self,
        now: Timestamp,
        account: &Account,
        items: BTreeMap<String, Value>,
    ) {
        self.tick(now);
        self.change_portrait(now, account, items, &Origin::client(account));
    }

    pub(super) fn change_portrait(
        &mut self,
        now: Timestamp,
        account: &Account,
        items: BTreeMap<String, Value>,
        origin: &Origin,
    ) {
        let told: Value =
            items.iter().map(|(tag, value)| json!({ "Tag": tag, "Value": value })).collect();
        self.profiles.entry(account.clone()).or_default().extend(items);
        let body = json!({
            "Operator_Account": origin.operator, "From_Account": account, "ProfileItem": told,
        });
        self.tell(now, "Profile.CallbackPortraitSet", origin, None, body);
    }

    /// Somebody befriends somebody at once. Asks first (`Sns.CallbackPrevFriendAdd`), then tells.
    pub fn befriend(&mut self, now: Timestamp, from: &Account, to: &Account) -> Befriending {
        self.tick(now);
        if self.blocked.contains(&(to.clone(), from.clone())) {
            return Befriending::Refused(Refusal::new(30525, "the other side blocks you"));
        }
        let item = json!({
            "To_Account": to, "Remark": "", "GroupName": "", "AddSource": "AddSource_Type_iOS",
            "AddWording": "",
        });
        let body = json!({
            "Requester_Account": from, "From_Account": from, "FriendItem": [item],
            "AddType": "Add_Type_Both", "ForceAddFlags": 0,
        });
        let act = Act::Befriend { from: from.clone(), to: to.clone() };
        let command = "Sns.CallbackPrevFriendAdd";
        match self.ask(now, command, Origin::client(from), None, body, act) {
            Answered::Befriended(befriending) => befriending,
            _ => Befriending::Refused(Refusal::new(10002, "the act ended as another one")),
        }
    }

    /// After the bot allowed it.
    pub(super) fn become_friends(
        &mut self,
        now: Timestamp,
        from: &Account,
        to: &Account,
        origin: &Origin,
    ) -> Befriending {
        self.friends.insert(pair_of(from, to));
        let pair = json!({ "From_Account": from, "To_Account": to, "Initiator_Account": from });
        let body = json!({
            "PairList": [pair], "ClientCmd": "friend_add", "Admin_Account": "", "ForceFlag": 0,
        });
        self.tell(now, "Sns.CallbackFriendAdd", origin, None, body);
        Befriending::Befriended
    }

    /// The friendship ends; nothing when there was none.
    pub fn unfriend(&mut self, now: Timestamp, from: &Account, to: &Account) {
        self.tick(now);
        if self.friends.remove(&pair_of(from, to)) {
            self.tell_pair(now, "Sns.CallbackFriendDelete", from, to);
        }
    }

    /// Somebody blocks somebody, or no longer; nothing when it is so already.
    pub fn block(&mut self, now: Timestamp, from: &Account, to: &Account, blocked: bool) {
        self.tick(now);
        let pair = (from.clone(), to.clone());
        if blocked && self.blocked.insert(pair.clone()) {
            self.tell_pair(now, "Sns.CallbackBlackListAdd", from, to);
        } else if !blocked && self.blocked.remove(&pair) {
            self.tell_pair(now, "Sns.CallbackBlackListDelete", from, to);
        }
    }

    fn tell_pair(&mut self, now: Timestamp, command: &str, from: &Account, to: &Account) {
        let body = json!({ "PairList": [{ "From_Account": from, "To_Account": to }] });
        self.tell(now, command, &Origin::client(from), None, body);
    }
}

/// Friends are friends both ways.
fn pair_of(one: &Account, other: &Account) -> (Account, Account) {
    if one < other { (one.clone(), other.clone()) } else { (other.clone(), one.clone()) }
}
