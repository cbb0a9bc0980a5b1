//! Accounts: online, offline, gone. Every UserID counts as registered until it is deleted.

use serde_json::json;

use super::callbacks::{Origin, member_list};
use super::world::World;
use crate::chat::{Account, GroupType};
use crate::clock::Timestamp;

impl World {
    /// An account is deleted: it leaves everything without a word, and REST calls do not know it any
    /// more (10019). Which callbacks a real deletion causes is not documented.
    pub fn delete_account(&mut self, now: Timestamp, account: &Account) {
        self.tick(now);
        self.deleted.insert(account.clone());
        for group in self.groups.values_mut() {
            group.take_out(account);
        }
    }

    /// Somebody connects or loses the connection: `State.StateChange` (34357), and in each AVChatRoom
    /// `Group.CallbackOnMemberStateChange` (48734). Nothing when it is so already.
    pub fn set_online(&mut self, now: Timestamp, account: &Account, online: bool) {
        self.tick(now);
        let changed = if online {
            self.offline.remove(account)
        } else {
            self.offline.insert(account.clone())
        };
        if !changed {
            return;
        }
        let origin = Origin::client(account);
        let (action, reason) =
            if online { ("Login", "Register") } else { ("Disconnect", "LinkClose") };
        let body = json!({ "Info": { "Action": action, "To_Account": account, "Reason": reason } });
        self.tell(now, "State.StateChange", &origin, None, body);
        let mut rooms = Vec::new();
        for group in self.groups.values_mut().filter(|group| group.kind == GroupType::AVChatRoom) {
            if let Some(member) = group.members.get_mut(account) {
                member.online = online;
                rooms.push(group.id.clone());
            }
        }
        for id in rooms {
            let body = json!({
                "EventType": if online { "Online" } else { "Offline" },
                "MemberList": member_list([account]),
            });
            self.tell(now, "Group.CallbackOnMemberStateChange", &origin, Some(&id), body);
        }
    }
}
