//! Private messages (34364, 34365).

use serde_json::{Value, json};

use super::asks::{Act, Saying};
use super::callbacks::Origin;
use super::messages::{Draft, ROBOT, saying};
use super::settings::Refusal;
use super::state::Message;
use super::world::World;
use crate::chat::Account;
use crate::clock::Timestamp;

impl World {
    /// Somebody writes to somebody: asks and tells by `C2C.…SendMsg` (34364, 34365).
    pub fn say_privately(
        &mut self,
        now: Timestamp,
        from: &Account,
        to: &Account,
        text: &str,
    ) -> Saying {
        self.tick(now);
        let random = self.next_random();
        let draft = Draft::text(None, from, text, random);
        if let Some(refusal) = self.may_write(now, from, to) {
            // Told although it was not delivered (34365).
            let origin = Origin::client(from);
            let mut body = private_fields(&draft, to, self.private_sequence(), now);
            body["SendMsgResult"] = json!(refusal.code);
            body["ErrorInfo"] = json!(refusal.info);
            body["UnreadMsgNum"] = json!(-1);
            self.tell(now, "C2C.CallbackAfterSendMsg", &origin, None, body);
            return Saying::Refused(refusal);
        }
        self.send_privately(now, draft, to.clone(), Origin::client(from))
    }

    fn may_write(&self, now: Timestamp, from: &Account, to: &Account) -> Option<Refusal> {
        if self.deleted.contains(to) {
            return Some(Refusal::new(20003, "the account does not exist"));
        }
        if self.blocked.contains(&(to.clone(), from.clone())) {
            return Some(Refusal::new(20007, "the receiver blocks the sender"));
        }
        let silent = self.is_silent_in_private(from, now);
        silent.then(|| Refusal::new(20012, "the sender is muted"))
    }

    /// `account` has read everything that `peer` wrote (43465).
    pub fn read_private(&mut self, now: Timestamp, account: &Account, peer: &Account) {
        self.tick(now);
        for (to, message) in &mut self.private {
            if to == account && message.from == *peer {
                message.read_by.insert(account.clone());
            }
        }
        let body = json!({
            "Report_Account": account, "Peer_Account": peer, "LastReadTime": now.secs(),
            "UnreadMsgNum": self.unread(account),
        });
        self.tell(now, "C2C.CallbackAfterMsgReport", &Origin::client(account), None, body);
    }

    /// The sender takes a private message back (43466). 20022 when there is none.
    pub fn withdraw(
        &mut self,
        now: Timestamp,
        from: &Account,
        to: &Account,
        sequence: i64,
    ) -> Result<(), Refusal> {
        self.tick(now);
        let found = self.private.iter_mut().find(|(receiver, message)| {
            let same = receiver == to && message.from == *from;
            same && message.sequence == sequence && !message.recalled
        });
        let Some((_, message)) = found else {
            return Err(Refusal::new(20022, "there is no such message to take back"));
        };
        message.recalled = true;
        let key = format!("{sequence}_{}_{}", message.random, message.at.secs());
        let body = json!({
            "From_Account": from, "To_Account": to, "MsgKey": key,
            "UnreadMsgNum": self.unread(to),
        });
        self.tell(now, "C2C.CallbackAfterMsgWithDraw", &Origin::client(from), None, body);
        Ok(())
    }

    fn unread(&self, account: &Account) -> usize {
        let unread = |(to, message): &&(Account, Message)| {
            to == account && message.read_by.is_empty() && !message.recalled
        };
        self.private.iter().filter(unread).count()
    }

    pub(super) fn send_privately(
        &mut self,
        now: Timestamp,
        draft: Draft,
        to: Account,
        origin: Origin,
    ) -> Saying {
        if !draft.ask {
            return self.deliver_privately(now, &draft, &to, &origin);
        }
        let body = private_fields(&draft, &to, self.private_sequence(), now);
        let act = Act::SayPrivately(draft, to);
        saying(self.ask(now, "C2C.CallbackBeforeSendMsg", origin, None, body, act))
    }

    pub(super) fn deliver_privately(
        &mut self,
        now: Timestamp,
        draft: &Draft,
        to: &Account,
        origin: &Origin,
    ) -> Saying {
        let sequence = self.private_sequence();
        self.private.push((to.clone(), draft.message(sequence, now)));
        if draft.tell {
            let mut body = private_fields(draft, to, sequence, now);
            body["SendMsgResult"] = json!(0);
            body["ErrorInfo"] = json!("send msg succeed");
            body["UnreadMsgNum"] = json!(self.unread(to));
            if to.as_str().starts_with(ROBOT) {
                self.tell(now, "Bot.OnC2CMessage", origin, None, body.clone());
            }
            self.tell(now, "C2C.CallbackAfterSendMsg", origin, None, body);
        }
        Saying::Sent { sequence, at: now }
    }

    fn private_sequence(&self) -> i64 {
        i64::try_from(self.private.len()).unwrap_or(i64::MAX - 1) + 1
    }
}

/// `MsgKey` is `seq_random_time` (34364).
fn private_fields(draft: &Draft, to: &Account, sequence: i64, now: Timestamp) -> Value {
    json!({
        "From_Account": draft.from,
        "To_Account": to,
        "MsgSeq": sequence,
        "MsgRandom": draft.random,
        "MsgTime": now.secs(),
        "MsgKey": format!("{sequence}_{}_{}", draft.random, now.secs()),
        "OnlineOnlyFlag": u8::from(draft.online_only),
        "MsgBody": draft.body,
        "CloudCustomData": draft.custom_data,
    })
}
