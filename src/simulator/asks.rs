//! Before callbacks: an act waits, the answer decides, the act goes on or is refused.

use serde_json::Value;

use super::callbacks::{CallbackId, Origin, asks};
use super::groups::Proposal;
use super::messages::Draft;
use super::relations::Befriending;
use super::rest::{PendingCall, RestAnswer};
use super::settings::Refusal;
use super::topics::{NewTopic, Opening};
use super::world::World;
use crate::chat::{Account, GroupId};
use crate::clock::Timestamp;

/// How saying something went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Saying {
    /// The bot is asked first; the outcome comes from `answer`.
    Waiting(CallbackId),
    /// Delivered, with its `MsgSeq` and its time.
    Sent {
        sequence: i64,
        at: Timestamp,
    },
    /// The bot swallowed it (`ErrorCode` 2): the sender believes it was sent.
    Swallowed,
    /// Over 40 a second in an AVChatRoom: dropped, and the sender believes it was sent.
    Dropped,
    Refused(Refusal),
}

/// How joining or inviting went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Joining {
    /// The bot is asked first; the outcome comes from `answer`.
    Waiting(CallbackId),
    Joined,
    /// `NeedPermission`: an admin has to approve.
    Applied,
    /// Per account the `Result` of 34921: 0 failed, 1 added, 2 already in.
    Invited(Vec<(Account, u8)>),
    Refused(Refusal),
}

/// How creating a group went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Creating {
    /// The bot is asked first; the outcome comes from `answer`.
    Waiting(CallbackId),
    Created(GroupId),
    Refused(Refusal),
}

/// What came of an act that had waited for an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Answered {
    Said(Saying),
    Joined(Joining),
    Created(Creating),
    Opened(Opening),
    Befriended(Befriending),
    /// A REST call that had waited: its answer.
    Rest(RestAnswer),
    /// A callback of `emit`: the bot's refusal or, with code 2, that it swallowed it; nothing when it allowed.
    Emitted(Option<Refusal>),
}

/// What was about to happen.
#[derive(Clone, Debug)]
pub(super) enum Act {
    Say(Draft),
    SayPrivately(Draft, Account),
    Join { group: GroupId, account: Account },
    Invite { group: GroupId, accounts: Vec<Account> },
    Create(Box<Proposal>),
    OpenTopic(Box<NewTopic>),
    Befriend { from: Account, to: Account },
    Emit,
}

impl Act {
    fn waiting(&self, id: CallbackId) -> Answered {
        match self {
            Self::Say(_) | Self::SayPrivately(..) => Answered::Said(Saying::Waiting(id)),
            Self::Join { .. } | Self::Invite { .. } => Answered::Joined(Joining::Waiting(id)),
            Self::Create(_) => Answered::Created(Creating::Waiting(id)),
            Self::OpenTopic(_) => Answered::Opened(Opening::Waiting(id)),
            Self::Befriend { .. } => Answered::Befriended(Befriending::Waiting(id)),
            Self::Emit => Answered::Emitted(None),
        }
    }

    fn refused(&self, refusal: Refusal) -> Answered {
        match self {
            Self::Say(_) | Self::SayPrivately(..) => Answered::Said(Saying::Refused(refusal)),
            Self::Join { .. } | Self::Invite { .. } => Answered::Joined(Joining::Refused(refusal)),
            Self::Create(_) => Answered::Created(Creating::Refused(refusal)),
            Self::OpenTopic(_) => Answered::Opened(Opening::Refused(refusal)),
            Self::Befriend { .. } => Answered::Befriended(Befriending::Refused(refusal)),
            Self::Emit => Answered::Emitted(Some(refusal)),
        }
    }
}

/// An act that waits.
#[derive(Debug)]
pub(super) struct Suspended {
    pub act: Act,
    pub origin: Origin,
    /// The REST call whose answer waits with it.
    pub call: Option<PendingCall>,
}

/// What the bot's answer means.
enum Verdict {
    Allow(Changes),
    Refuse(Refusal),
    Swallow,
}

/// What an allowing answer may change (34374, 34371).
#[derive(Default)]
struct Changes {
    body: Option<Value>,
    custom_data: Option<String>,
    refused: Vec<Account>,
}

impl World {
    /// Asks if the switch of `command` is on, and goes on at once if not.
    pub(super) fn ask(
        &mut self,
        now: Timestamp,
        command: &str,
        origin: Origin,
        group: Option<&GroupId>,
        body: Value,
        act: Act,
    ) -> Answered {
        if !self.is_on(command, &body) {
            return self.go_on(now, act, &origin, Changes::default());
        }
        let callback = self.compose(now, command, &origin, group, body);
        let id = callback.id;
        if !self.enqueue(now, callback) {
            return self.unanswered(now, act, &origin);
        }
        let waiting = act.waiting(id);
        self.suspended.insert(id, Suspended { act, origin, call: None });
        waiting
    }

    /// The bot's answer to a callback: HTTP status and body, or `None` when it did not come in time.
    /// An answer that 34354 would not accept is kept in `complaints`. Gives what came of the act
    /// that waited for it; `None` when none did.
    pub fn answer(
        &mut self,
        now: Timestamp,
        id: CallbackId,
        reply: Option<(u16, Vec<u8>)>,
    ) -> Option<Answered> {
        self.tick(now);
        let command = self.unanswered_commands.remove(&id).unwrap_or_default();
        let verdict = match reply {
            Some((status, body)) => read(&command, status, &body),
            None => Err("no answer in time".to_owned()),
        };
        if let Err(problem) = &verdict {
            self.complaints.push(format!("{command}: {problem}"));
        }
        let Suspended { act, origin, call } = self.suspended.remove(&id)?;
        let answered = match verdict {
            Ok(Verdict::Allow(changes)) => self.go_on(now, act, &origin, changes),
            Ok(Verdict::Refuse(refusal)) => act.refused(refusal),
            Ok(Verdict::Swallow) if matches!(act, Act::Emit) => {
                Answered::Emitted(Some(Refusal::new(2, "swallowed")))
            }
            Ok(Verdict::Swallow) => Answered::Said(Saying::Swallowed),
            Err(_) => self.unanswered(now, act, &origin),
        };
        let answered = match call {
            Some(call) => Answered::Rest(self.finish_waiting(call, &answered)),
            None => answered,
        };
        self.outcomes.insert(id, answered.clone());
        Some(answered)
    }

    /// The before callbacks that acts still wait for.
    pub fn waiting(&self) -> impl Iterator<Item = CallbackId> {
        self.suspended.keys().copied()
    }

    /// What came of the act that had waited for this callback.
    pub fn outcome(&self, id: CallbackId) -> Option<&Answered> {
        self.outcomes.get(&id)
    }

    /// Answers of the bot that Chat could not have used, in words.
    pub fn complaints(&self) -> &[String] {
        &self.complaints
    }

    fn unanswered(&mut self, now: Timestamp, act: Act, origin: &Origin) -> Answered {
        if self.settings.refuse_unanswered {
            return act.refused(Refusal::new(80003, "the callback failed or timed out"));
        }
        self.go_on(now, act, origin, Changes::default())
    }

    fn go_on(&mut self, now: Timestamp, act: Act, origin: &Origin, changes: Changes) -> Answered {
        match act {
            Act::Say(draft) => Answered::Said(self.deliver(now, rewritten(draft, changes), origin)),
            Act::SayPrivately(draft, to) => {
                Answered::Said(self.deliver_privately(now, &rewritten(draft, changes), &to, origin))
            }
            Act::Join { group, account } => Answered::Joined(self.enter(now, &group, &account)),
            Act::Invite { group, accounts } => {
                let refused = changes.refused;
                Answered::Joined(self.bring_in(now, &group, origin, accounts, &refused))
            }
            Act::Create(proposal) => Answered::Created(self.establish(now, *proposal, origin)),
            Act::OpenTopic(new) => Answered::Opened(self.establish_topic(now, *new, origin)),
            Act::Befriend { from, to } => {
                Answered::Befriended(self.become_friends(now, &from, &to, origin))
            }
            Act::Emit => Answered::Emitted(None),
        }
    }
}

fn rewritten(mut draft: Draft, changes: Changes) -> Draft {
    if let Some(body) = changes.body {
        draft.body = body;
    }
    if let Some(custom_data) = changes.custom_data {
        draft.custom_data = custom_data;
    }
    draft
}

/// Reads an answer (a.5 of the documents' common part, 34354); `Err` when Chat counts it as failed.
fn read(command: &str, status: u16, body: &[u8]) -> Result<Verdict, String> {
    if status != 200 {
        return Err(format!("HTTP status {status}"));
    }
    let body: Value = serde_json::from_slice(body).map_err(|_| "not JSON".to_owned())?;
    let info = body["ErrorInfo"].as_str().ok_or("no ErrorInfo")?;
    let code = body["ErrorCode"].as_i64().ok_or("no ErrorCode")?;
    if !matches!(body["ActionStatus"].as_str(), Some("OK" | "FAIL")) {
        return Err("ActionStatus is neither OK nor FAIL".to_owned());
    }
    if !asks(command) {
        return Ok(Verdict::Allow(Changes::default()));
    }
    if command.starts_with("Sns.") {
        return Ok(of_friends(&body));
    }
    let private = command.starts_with("C2C.");
    let own_codes = if private { 120_001..=130_000 } else { 10_100..=10_200 };
    match code {
        0 => changes(&body).map(Verdict::Allow),
        1 => {
            let code = if private { 20006 } else { 10016 };
            Ok(Verdict::Refuse(Refusal::new(code, "refused by the callback")))
        }
        2 if command.ends_with("BeforeSendMsg") => Ok(Verdict::Swallow),
        code if own_codes.contains(&code) => Ok(Verdict::Refuse(Refusal::new(code, info))),
        code => Err(format!("ErrorCode {code} means nothing for this command")),
    }
}

/// Friends are answered one by one in `ResultItem`; the overall code is ignored (43468).
fn of_friends(body: &Value) -> Verdict {
    let item = &body["ResultItem"][0];
    match item["ResultCode"].as_i64() {
        Some(code @ 38_000..=39_000) => {
            Verdict::Refuse(Refusal::new(code, item["ResultInfo"].as_str().unwrap_or_default()))
        }
        _ => Verdict::Allow(Changes::default()),
    }
}

fn changes(body: &Value) -> Result<Changes, String> {
    let message = match &body["MsgBody"] {
        Value::Null => None,
        Value::Array(elements) if elements.iter().all(is_element) => Some(body["MsgBody"].clone()),
        _ => return Err("MsgBody is no list of {MsgType, MsgContent}".to_owned()),
    };
    let refused = match &body["RefusedMembers_Account"] {
        Value::Null => Vec::new(),
        Value::Array(list) => list.iter().filter_map(Value::as_str).map(Account::from).collect(),
        _ => return Err("RefusedMembers_Account is no list".to_owned()),
    };
    Ok(Changes {
        body: message,
        custom_data: body["CloudCustomData"].as_str().map(str::to_owned),
        refused,
    })
}

/// Whether this is `{MsgType, MsgContent}`.
pub(super) fn is_element(element: &Value) -> bool {
    element["MsgType"].is_string() && element["MsgContent"].is_object()
}
