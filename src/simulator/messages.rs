//! Messages of groups: who may speak, how often, and what is told.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use super::asks::{Act, Answered, Saying};
use super::callbacks::{Origin, member_list};
use super::settings::Refusal;
use super::state::Message;
use super::world::World;
use crate::chat::{Account, GroupId, GroupType, Role};
use crate::clock::Timestamp;

/// Messages a second of one group (34381).
const PER_SECOND: usize = 40;
/// How long the same `Random` with the same content counts as a repetition (34959).
const SAME: Duration = Duration::from_secs(300);

/// How the accounts of robots begin (68952).
pub(super) const ROBOT: &str = "@RBT#";

/// What a client puts into a message.
#[derive(Clone, Debug, Default)]
pub struct Words {
    pub text: String,
    /// `MsgType` of further elements, `TIMImageElem` for instance, sent without content.
    pub elements: Vec<String>,
    /// Whom it mentions; `@all` mentions everybody (`GroupAtInfo`, 34959).
    pub mentions: Vec<String>,
    pub custom_data: String,
    pub topic: Option<String>,
}

impl Words {
    fn into_draft(self, id: &GroupId, account: &Account, random: u32) -> Draft {
        let mut draft = Draft::text(Some(id), account, &self.text, random);
        if !self.elements.is_empty() {
            let text = if self.text.is_empty() { Vec::new() } else { vec![draft.body[0].take()] };
            let empty = |kind: &String| json!({ "MsgType": kind, "MsgContent": {} });
            draft.body = text.into_iter().chain(self.elements.iter().map(empty)).collect();
        }
        draft.custom_data = self.custom_data;
        let at = |who: &String| match who.as_str() {
            "@all" => json!({ "GroupAtAllFlag": 1 }),
            who => json!({ "GroupAtAllFlag": 0, "GroupAt_Account": who }),
        };
        if !self.mentions.is_empty() {
            let at = self.mentions.iter().map(at).collect();
            draft.more.insert("GroupAtInfo".to_owned(), at);
        }
        if let Some(topic) = self.topic {
            draft.more.insert("TopicId".to_owned(), json!(topic));
        }
        draft
    }
}

/// A message on its way.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    /// Without a group: a private message.
    pub group: Option<GroupId>,
    pub from: Account,
    /// `MsgBody`.
    pub body: Value,
    pub random: u32,
    pub custom_data: String,
    pub online_only: bool,
    pub priority: String,
    /// `ForbidCallbackControl`.
    pub ask: bool,
    pub tell: bool,
    /// Further fields of its callbacks: `GroupAtInfo`, `TopicId`.
    pub more: serde_json::Map<String, Value>,
}

impl Draft {
    pub fn text(group: Option<&GroupId>, from: &Account, text: &str, random: u32) -> Self {
        Self {
            group: group.cloned(),
            from: from.clone(),
            body: json!([{ "MsgType": "TIMTextElem", "MsgContent": { "Text": text } }]),
            random,
            custom_data: String::new(),
            online_only: false,
            priority: "Normal".to_owned(),
            ask: true,
            tell: true,
            more: serde_json::Map::new(),
        }
    }

    /// The robots that it mentions by name (68953).
    fn robots(&self) -> Vec<&str> {
        let mentions = self.more.get("GroupAtInfo").and_then(Value::as_array);
        let names = mentions.into_iter().flatten().filter_map(|at| at["GroupAt_Account"].as_str());
        names.filter(|name| name.starts_with(ROBOT)).collect()
    }

    fn fields(&self, origin: &Origin) -> Value {
        let mut fields = json!({
            "From_Account": self.from,
            "Operator_Account": origin.operator,
            "Random": self.random,
            "OnlineOnlyFlag": u8::from(self.online_only),
            "MsgPriority": self.priority,
            "MsgBody": self.body,
            "CloudCustomData": self.custom_data,
        });
        for (name, value) in &self.more {
            fields[name] = value.clone();
        }
        fields
    }

    pub fn message(&self, sequence: i64, at: Timestamp) -> Message {
        let text = |element: &Value| element["MsgContent"]["Text"].as_str().map(str::to_owned);
        let elements = self.body.as_array().map_or(&[][..], Vec::as_slice);
        Message {
            sequence,
            from: self.from.clone(),
            text: elements.iter().filter_map(text).collect::<Vec<_>>().join(" "),
            body: self.body.clone(),
            custom_data: self.custom_data.clone(),
            random: self.random,
            at,
            recalled: false,
            topic: self.more.get("TopicId").and_then(Value::as_str).map(str::to_owned),
            read_by: BTreeSet::new(),
        }
    }
}

impl World {
    /// A member says something. Whoever is muted gets 10017, and the bot
    /// `Group.CallbackSendMsgException`; else the bot is asked, and told once it was delivered.
    pub fn say(&mut self, now: Timestamp, id: &GroupId, account: &Account, text: &str) -> Saying {
        let words = Words { text: text.to_owned(), ..Words::default() };
        self.say_words(now, id, account, words)
    }

    /// As [`World::say`], with everything that a client can put into a message.
    pub fn say_words(
        &mut self,
        now: Timestamp,
        id: &GroupId,
        account: &Account,
        words: Words,
    ) -> Saying {
        self.tick(now);
        let random = self.next_random();
        match self.groups.get(id) {
            Some(group) if group.role(account) == Role::Outside => {
                Saying::Refused(Refusal::permission("not a member of the group"))
            }
            _ => {
                let draft = words.into_draft(id, account, random);
                self.send(now, draft, Origin::client(account))
            }
        }
    }

    pub(super) fn send(&mut self, now: Timestamp, draft: Draft, origin: Origin) -> Saying {
        let Some(id) = draft.group.clone() else {
            return Saying::Refused(Refusal::parameter("no group"));
        };
        if let Err(refusal) = self.group_or_refusal(&id) {
            return Saying::Refused(refusal);
        }
        if let Some(again) = self.repetition(now, &id, &draft) {
            return again;
        }
        if let Some(refusal) = self.silenced(now, &id, &draft) {
            return self.failed(now, &id, &draft, &origin, refusal);
        }
        if !draft.ask {
            return self.deliver(now, draft, &origin);
        }
        let body = draft.fields(&origin);
        saying(self.ask(
            now,
            "Group.CallbackBeforeSendMsg",
            origin,
            Some(&id),
            body,
            Act::Say(draft),
        ))
    }

    /// The answer that the first of two equal messages got.
    fn repetition(&self, now: Timestamp, id: &GroupId, draft: &Draft) -> Option<Saying> {
        let same =
            |m: &&Message| m.random == draft.random && m.from == draft.from && m.body == draft.body;
        let lately = self.messages(id).iter().rev().take_while(|m| now < m.at + SAME);
        let message = lately.into_iter().find(same)?;
        Some(Saying::Sent { sequence: message.sequence, at: message.at })
    }

    fn silenced(&self, now: Timestamp, id: &GroupId, draft: &Draft) -> Option<Refusal> {
        let group = self.groups.get(id)?;
        let role = group.role(&draft.from);
        let topic = draft.more.get("TopicId").and_then(Value::as_str);
        let topic = topic.and_then(|topic| group.topics.get(topic));
        let mute_all = group.mute_all || topic.is_some_and(|topic| topic.mute_all);
        let in_topic =
            topic.and_then(|topic| topic.mutes.get(&draft.from)).is_some_and(|until| *until > now);
        let muted = mute_all && role == Role::Member
            || in_topic
            || group.muted_until(&draft.from, now).is_some()
            || self.is_silent_in_groups(&draft.from, now);
        muted.then(|| Refusal::new(10017, "the sender is muted"))
    }

    fn failed(
        &mut self,
        now: Timestamp,
        id: &GroupId,
        draft: &Draft,
        origin: &Origin,
        refusal: Refusal,
    ) -> Saying {
        let mut body = draft.fields(origin);
        body["ErrorCode"] = json!(refusal.code);
        body["ErrorInfo"] = json!(refusal.info);
        self.tell(now, "Group.CallbackSendMsgException", origin, Some(id), body);
        Saying::Refused(refusal)
    }

    /// After the bot allowed it. Over the rate, an AVChatRoom drops the message without a word, which
    /// the bot sees as a question without a report; other groups refuse with 10023.
    pub(super) fn deliver(&mut self, now: Timestamp, draft: Draft, origin: &Origin) -> Saying {
        let Some(id) = draft.group.clone() else {
            return Saying::Refused(Refusal::parameter("no group"));
        };
        let in_second = self.messages_per_second.entry(id.clone()).or_default();
        let over = in_second.count(now) >= PER_SECOND;
        if !over {
            in_second.add(now);
        }
        let group = match self.group_mut_or_refusal(&id) {
            Ok(group) => group,
            Err(refusal) => return Saying::Refused(refusal),
        };
        if over && group.kind == GroupType::AVChatRoom {
            return Saying::Dropped;
        }
        if over {
            let refusal = Refusal::new(10023, "msg count exceeds limit,please retry later");
            return self.failed(now, &id, &draft, origin, refusal);
        }
        let sequence = group.next_sequence();
        group.messages.push(draft.message(sequence, now));
        if let Some(member) = group.members.get_mut(&draft.from) {
            member.last_message_at = Some(now);
            member.read_sequence = sequence;
        }
        if draft.tell {
            let mut body = draft.fields(origin);
            body["MsgSeq"] = json!(sequence);
            body["MsgTime"] = json!(now.secs());
            let robots = draft.robots();
            if !robots.is_empty() {
                let mut body = body.clone();
                body["AtRobots_Account"] = json!(robots);
                self.tell(now, "Bot.OnGroupMessage", origin, Some(&id), body);
            }
            self.tell(now, "Group.CallbackAfterSendMsg", origin, Some(&id), body);
        }
        Saying::Sent { sequence, at: now }
    }

    /// Takes messages back: the sender, the owner and admins may. `Err` when one cannot be.
    pub fn recall(
        &mut self,
        now: Timestamp,
        id: &GroupId,
        by: &Account,
        sequence: i64,
    ) -> Result<(), Refusal> {
        self.tick(now);
        let group = self.group_or_refusal(id)?;
        let own = group.messages.iter().any(|m| m.sequence == sequence && m.from == *by);
        let chief = matches!(group.role(by), Role::Owner | Role::Admin) || self.is_app_admin(by);
        if !own && !chief {
            return Err(Refusal::permission("only the sender and admins recall a message"));
        }
        match self.take_back(now, id, &Origin::client(by), &[sequence]).first() {
            Some((_, 0)) | None => Ok(()),
            Some((_, code)) => Err(Refusal::new(*code, "the message cannot be recalled")),
        }
    }

    /// Per sequence the `RetCode` of 34965: 0, 10030 (no such message). What a recalled one gets is not
    /// documented; here it is 10030 too.
    pub(super) fn take_back(
        &mut self,
        now: Timestamp,
        id: &GroupId,
        origin: &Origin,
        sequences: &[i64],
    ) -> Vec<(i64, i64)> {
        let Some(group) = self.groups.get_mut(id) else { return Vec::new() };
        let mut results = Vec::new();
        for sequence in sequences {
            let message = group.messages.iter_mut().find(|m| m.sequence == *sequence);
            results.push((
                *sequence,
                match message {
                    Some(message) if !message.recalled => {
                        message.recalled = true;
                        0
                    }
                    _ => 10030,
                },
            ));
        }
        let done = results.iter().filter(|(_, code)| *code == 0);
        let list: Vec<Value> = done.map(|(sequence, _)| json!({ "MsgSeq": sequence })).collect();
        if !list.is_empty() {
            let body = json!({ "Operator_Account": origin.operator, "MsgSeqList": list });
            self.tell(now, "Group.CallbackAfterRecallMsg", origin, Some(id), body);
        }
        results
    }
}

impl World {
    /// A member's client sends receipts that messages were read; told with the new numbers (60395).
    pub fn read(
        &mut self,
        now: Timestamp,
        id: &GroupId,
        account: &Account,
        sequences: &[i64],
    ) -> Result<(), Refusal> {
        self.tick(now);
        let group = self.group_mut_or_refusal(id)?;
        let others = group.members.len().saturating_sub(1);
        let Some(member) = group.members.get_mut(account) else {
            return Err(Refusal::permission("not a member of the group"));
        };
        let mut receipts = Vec::new();
        for message in group.messages.iter_mut().filter(|m| sequences.contains(&m.sequence)) {
            member.read_sequence = member.read_sequence.max(message.sequence);
            if message.from != *account && message.read_by.insert(account.clone()) {
                let read = message.read_by.len();
                receipts.push(json!({
                    "MsgSeq": message.sequence,
                    "ReadNum": read,
                    "UnreadNum": others.saturating_sub(read),
                    "ReadReceiptMembers": member_list([account]),
                }));
            }
        }
        if !receipts.is_empty() {
            let body = json!({ "GroupMsgReceiptList": receipts });
            let origin = Origin::client(account);
            self.tell(now, "Group.CallbackAfterReadReceipt", &origin, Some(id), body);
        }
        Ok(())
    }
}

/// What asking for a message gave.
pub(super) fn saying(answered: Answered) -> Saying {
    match answered {
        Answered::Said(saying) => saying,
        _ => Saying::Refused(Refusal::new(10002, "the act ended as another one")),
    }
}
