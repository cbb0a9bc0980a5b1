//! The REST side: who may call, how often, which command, and the envelope of the answer.

mod accounts;
mod attributes;
mod fields;
mod groups;
mod live;
mod marks;
mod member_reads;
mod members;
mod messages;
mod mutes;
mod network;
mod ownership;
mod partial;
mod profiles;
mod query;
mod reads;
mod room_bans;
mod room_config;
mod rooms;
mod speaking;
mod table;
mod topics;
mod usersig;

use std::time::Duration;

use serde_json::{Value, json};

use super::asks::{Answered, Creating, Joining, Saying};
use super::callbacks::{CallbackId, Origin};
use super::faults::FaultKind;
use super::quirks::with_old_names;
use super::rates::CallRecord;
use super::settings::Refusal;
use super::topics::Opening;
use super::world::World;
use crate::chat::Account;
use crate::clock::Timestamp;
use partial::Failing;
use query::Query;
use table::Command;
pub use table::commands;
pub(super) use table::is_read;

/// An answer may have so many bytes (10018, 34348).
const LONGEST_ANSWER: usize = 1024 * 1024;

/// What the caller gets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RestAnswer {
    /// HTTP status; 200 for every answer of the application, 0 when there is no answer (yet).
    pub status: u16,
    pub body: Vec<u8>,
    /// What to do to the connection instead of answering.
    pub fault: Option<RestFault>,
    /// The answer comes that much later.
    pub delay: Option<Duration>,
    /// The call waits for the bot's answer to this callback; its own comes from `World::answer`.
    pub waiting: Option<CallbackId>,
}

/// What happens to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestFault {
    /// Nothing, for ever.
    Hang,
    /// It is cut.
    Drop,
}

/// One authenticated call.
pub(super) struct Call<'a> {
    pub now: Timestamp,
    pub origin: Origin,
    pub query: &'a Query,
    /// What was sent, `body` among it.
    pub record: &'a CallRecord,
}

/// What a command says.
pub(super) enum Reply {
    /// Done; these fields go into the answer.
    Done(Value),
    /// The bot is asked first.
    Waiting(CallbackId),
}

/// A call whose answer waits for the bot's.
#[derive(Debug)]
pub(super) struct PendingCall {
    record: CallRecord,
    fault: Option<FaultKind>,
    failing: Option<Failing>,
}

impl World {
    /// One POST. `path` is `/v4/{service}/{command}`; `query` is what follows the question mark.
    pub fn rest(&mut self, now: Timestamp, path: &str, query: &str, body: &[u8]) -> RestAnswer {
        self.tick(now);
        let path = path.trim_start_matches('/');
        let (service, command) =
            path.strip_prefix("v4/").unwrap_or(path).split_once('/').unwrap_or_default();
        let json = serde_json::from_slice(body);
        let is_json = json.is_ok();
        let body: Value = json.unwrap_or(Value::Null);
        let fault = self.faults.rest(now, service, command, about(&body));
        if fault == Some(FaultKind::RefuseConnection) {
            return RestAnswer { fault: Some(RestFault::Drop), ..RestAnswer::default() };
        }
        let query = Query::parse(query);
        let mut record = CallRecord {
            at: now,
            service: service.to_owned(),
            command: command.to_owned(),
            identifier: Account::from(query.as_ref().map_or("", |query| query.get("identifier"))),
            body,
            error_code: 0,
            status: 200,
            fault: fault.as_ref().map(|fault| format!("{fault:?}")),
        };
        let count = self.rates.call(now, &format!("{service}/{command}"));
        match &fault {
            Some(FaultKind::Status(status)) => {
                record.status = *status;
                self.calls.push(record);
                return RestAnswer { status: *status, ..RestAnswer::default() };
            }
            Some(FaultKind::Hang) => {
                self.calls.push(record);
                return RestAnswer { fault: Some(RestFault::Hang), ..RestAnswer::default() };
            }
            _ => {}
        }
        let (result, failing) = match &fault {
            Some(FaultKind::Code(code, info)) => (Err(Refusal::new(*code, info.as_str())), None),
            fault => self.understood(&record, query, is_json, count, fault.as_ref()),
        };
        match result {
            Ok(Reply::Waiting(id)) => {
                if let Some(suspended) = self.suspended.get_mut(&id) {
                    suspended.call = Some(PendingCall { record, fault, failing });
                }
                RestAnswer { waiting: Some(id), ..RestAnswer::default() }
            }
            Ok(Reply::Done(value)) => self.finish(record, Ok(value), fault.as_ref(), failing),
            Err(refusal) => self.finish(record, Err(refusal), fault.as_ref(), failing),
        }
    }

    /// A call that came through: who calls, how often, which command, and what it says; with the
    /// entries of its list that a fault takes out.
    fn understood(
        &mut self,
        record: &CallRecord,
        query: Result<Query, Refusal>,
        is_json: bool,
        count: usize,
        fault: Option<&FaultKind>,
    ) -> (Result<Reply, Refusal>, Option<Failing>) {
        let now = record.at;
        let checked = query.and_then(|query| {
            let origin = self.authenticate(now, &query)?;
            let entry = table::find(&record.service, &record.command)?;
            if entry.name != "GetIPList" && !query.get("nettype").is_empty() {
                return Err(Refusal::new(60002, "unexpected query parameter nettype"));
            }
            self.obey_rate(now, entry, count)?;
            if is_json { Ok((query, origin, entry)) } else { Err(not_json()) }
        });
        let (query, origin, entry) = match checked {
            Ok(checked) => checked,
            Err(refusal) => return (Err(refusal), None),
        };
        match fault {
            Some(FaultKind::DropMessage) if entry.name == "send_group_msg" => {
                let reply = said(&Saying::Dropped, record);
                (reply, None)
            }
            Some(FaultKind::Partial { every }) => {
                let mut part = record.clone();
                let failing = partial::split(entry.name, *every, &mut part.body);
                let all = failing.is_some() && is_emptied(&part.body, &record.body);
                let reply = if all {
                    Ok(Reply::Done(json!({})))
                } else {
                    self.run(entry, &Call { now, origin, query: &query, record: &part })
                };
                (reply, failing)
            }
            _ => (self.run(entry, &Call { now, origin, query: &query, record }), None),
        }
    }

    /// The query as 34620 wants it.
    fn authenticate(&self, now: Timestamp, query: &Query) -> Result<Origin, Refusal> {
        let app = query.get("sdkappid");
        if app.is_empty() {
            return Err(Refusal::new(60012, "sdkappid is missing"));
        }
        if app.parse() != Ok(self.settings.sdk_app_id) {
            return Err(Refusal::new(60006, "sdkappid is not that of this app"));
        }
        if query.get("random").parse::<u32>().is_err() || query.get("contenttype") != "json" {
            return Err(Refusal::new(60002, "random is no u32, or contenttype is not json"));
        }
        let identifier = query.get("identifier");
        if identifier.is_empty() {
            return Err(Refusal::new(60004, "identifier is missing"));
        }
        if self.settings.check_usersig {
            usersig::check(&self.settings, now, identifier, query.get("usersig"))?;
        }
        let identifier = Account::from(identifier);
        if !self.is_app_admin(&identifier) {
            return Err(Refusal::new(60010, "identifier is not an app admin"));
        }
        Ok(Origin::rest(&identifier))
    }

    /// 60007 over the rate; `Alert.RequestOverLimit` over 80 % of it (60256).
    fn obey_rate(&mut self, now: Timestamp, entry: &Command, count: usize) -> Result<(), Refusal> {
        if !self.settings.enforce_rates {
            return Ok(());
        }
        if entry.per_second >= 5 && count == entry.per_second * 4 / 5 + 1 {
            let body = json!({
                "ServiceName": entry.service,
                "Command": entry.name,
                "Request": count,
                "Limit": entry.per_second,
            });
            let origin = Origin { operator: Account::from(""), platform: "RESTAPI" };
            self.tell(now, "Alert.RequestOverLimit", &origin, None, body);
        }
        if count > entry.per_second {
            return Err(Refusal::new(60007, "the command is called too often"));
        }
        Ok(())
    }

    fn run(&mut self, entry: &Command, call: &Call) -> Result<Reply, Refusal> {
        if !entry.reads || !self.faults.is_stale(call.now, entry.name) {
            return (entry.run)(self, call);
        }
        self.swap_old();
        let reply = (entry.run)(self, call);
        self.swap_old();
        reply
    }

    fn swap_old(&mut self) {
        if let Some((groups, rooms)) = &mut self.old {
            std::mem::swap(&mut self.groups, groups);
            std::mem::swap(&mut self.rooms, rooms);
        }
    }

    /// The answer of a call that had waited for the bot.
    pub(super) fn finish_waiting(&mut self, call: PendingCall, answered: &Answered) -> RestAnswer {
        let result = match reply(answered, &call.record) {
            Ok(Reply::Done(value)) => Ok(value),
            Ok(Reply::Waiting(_)) => Err(Refusal::new(10002, "asked twice")),
            Err(refusal) => Err(refusal),
        };
        self.finish(call.record, result, call.fault.as_ref(), call.failing)
    }

    fn finish(
        &mut self,
        mut record: CallRecord,
        mut result: Result<Value, Refusal>,
        fault: Option<&FaultKind>,
        failing: Option<Failing>,
    ) -> RestAnswer {
        if let (Some(failing), Ok(value)) = (failing, &mut result)
            && let Err(refusal) = failing.told_in(&record.command, value)
        {
            result = Err(refusal);
        }
        let old_name = record.command == "get_group_shutted_uin";
        if let (Ok(value), true) = (&mut result, old_name || self.settings.quirks.old_mute_names) {
            with_old_names(value);
        }
        let mut body = envelope(&record, result);
        let mut text = body.to_string().into_bytes();
        if text.len() > LONGEST_ANSWER {
            body = envelope(&record, Err(Refusal::new(10018, "the answer is over 1 MB")));
            text = body.to_string().into_bytes();
        }
        record.error_code = body["ErrorCode"].as_i64().unwrap_or(0);
        self.calls.push(record);
        let mut answer = RestAnswer { status: 200, body: text, ..RestAnswer::default() };
        match fault {
            Some(FaultKind::ApplyThenDropReply) => answer.fault = Some(RestFault::Drop),
            Some(FaultKind::ApplyThenHang) => answer.fault = Some(RestFault::Hang),
            Some(FaultKind::Slow { by }) => answer.delay = Some(*by),
            Some(FaultKind::GarbleAnswer) => answer.body.truncate(answer.body.len() / 2),
            _ => {}
        }
        answer
    }
}

/// Who a query says that it comes from; empty when it cannot be read.
pub(super) fn caller(query: &str) -> Account {
    Account::from(Query::parse(query).unwrap_or_default().get("identifier"))
}

/// The group or room that a call is about.
fn about(body: &Value) -> Option<&str> {
    let fields = [&body["GroupId"], &body["RoomId"], &body["RoomInfo"]["RoomId"]];
    fields.into_iter().find_map(Value::as_str).or_else(|| body["GroupIdList"][0].as_str())
}

/// Whether a list that had entries has none any more.
fn is_emptied(part: &Value, whole: &Value) -> bool {
    let Some(fields) = part.as_object() else { return false };
    fields.iter().any(|(name, value)| {
        value.as_array().is_some_and(Vec::is_empty)
            && whole[name].as_array().is_some_and(|list| !list.is_empty())
    })
}

fn not_json() -> Refusal {
    Refusal::new(60003, "the body is not JSON")
}

/// The three fields of every answer; rooms add `RequestId` and wrap what they say in `Response`.
fn envelope(record: &CallRecord, result: Result<Value, Refusal>) -> Value {
    let in_room = table::is_room_service(&record.service);
    let (mut body, code, info) = match result {
        Ok(fields) if in_room && fields != json!({}) => {
            (json!({ "Response": fields }), 0, String::new())
        }
        Ok(fields) => (fields, 0, String::new()),
        Err(refusal) => (json!({}), refusal.code, refusal.info),
    };
    body["ActionStatus"] = json!(if code == 0 { "OK" } else { "FAIL" });
    body["ErrorCode"] = json!(code);
    body["ErrorInfo"] = json!(info);
    if in_room {
        body["RequestId"] = json!(format!("sim-{}", record.at.0));
    }
    body
}

/// What a REST call says about an act that may have waited.
fn reply(answered: &Answered, record: &CallRecord) -> Result<Reply, Refusal> {
    match answered {
        Answered::Said(saying) => said(saying, record),
        Answered::Joined(Joining::Waiting(id)) | Answered::Created(Creating::Waiting(id)) => {
            Ok(Reply::Waiting(*id))
        }
        Answered::Joined(Joining::Invited(results)) => {
            let one = |(account, result): &(Account, u8)| json!({ "Member_Account": account, "Result": result });
            let list: Value = results.iter().map(one).collect();
            Ok(Reply::Done(json!({ "MemberList": list })))
        }
        Answered::Opened(opening) => match opening {
            Opening::Waiting(id) => Ok(Reply::Waiting(*id)),
            Opening::Opened(id) => Ok(Reply::Done(json!({ "TopicId": id }))),
            Opening::Refused(refusal) => Err(refusal.clone()),
        },
        Answered::Created(Creating::Created(id)) => Ok(Reply::Done(json!({ "GroupId": id }))),
        Answered::Joined(Joining::Refused(refusal))
        | Answered::Created(Creating::Refused(refusal)) => Err(refusal.clone()),
        _ => Err(Refusal::new(10002, "the act ended as another one")),
    }
}

fn said(saying: &Saying, record: &CallRecord) -> Result<Reply, Refusal> {
    let (sequence, at) = match saying {
        Saying::Waiting(id) => return Ok(Reply::Waiting(*id)),
        Saying::Refused(refusal) => return Err(refusal.clone()),
        Saying::Sent { sequence, at } => (*sequence, *at),
        // The sender believes that it was sent.
        Saying::Swallowed | Saying::Dropped => (0, record.at),
    };
    let mut body = json!({ "MsgTime": at.secs() });
    if record.service == "openim" {
        let random = &record.body["MsgRandom"];
        body["MsgKey"] = json!(format!("{sequence}_{random}_{}", at.secs()));
    } else {
        body["MsgSeq"] = json!(sequence);
        body["MsgDropReason"] = json!(if *saying == Saying::Dropped { "MsgFreqCtrl" } else { "" });
    }
    Ok(Reply::Done(body))
}

/// Nothing but the envelope.
fn done() -> Reply {
    Reply::Done(json!({}))
}
