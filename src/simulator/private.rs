//! Private messages (34364, 34365).

use serde_json::{Value, json};

use super::asks::{Act, Saying};
use super::callbacks::Origin;
use super::messages::{Draft, saying};
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
        self.send_privately(now, draft, to.clone(), Origin::client(from))
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
            body["UnreadMsgNum"] = json!(self.private.iter().filter(|(r, _)| r == to).count());
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
