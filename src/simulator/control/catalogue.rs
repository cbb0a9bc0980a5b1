//! Everything that can be done, each with an example: what `GET /control` answers.

use serde_json::{Value, json};

/// A verb, what it does, and fields that it takes.
struct Verb {
    name: &'static str,
    what: &'static str,
    example: &'static str,
}

const fn verb(name: &'static str, what: &'static str, example: &'static str) -> Verb {
    Verb { name, what, example }
}

/// All verbs, in the order in which one would try them.
#[rustfmt::skip]
const VERBS: &[Verb] = &[
    verb("group", "makes a group; untold, unless `silent` is false", r#"{"id":"cats","type":"Public","owner":"olga","members":["ann",{"id":"bob","role":"admin"}]}"#),
    verb("dismiss", "the owner dismisses the group", r#"{"group":"cats","by":"olga"}"#),
    verb("rename", "somebody renames the group", r#"{"group":"cats","by":"olga","name":"dogs"}"#),
    verb("set_info", "changes name, introduction, notification, face_url", r#"{"group":"cats","by":"olga","notification":"be kind"}"#),
    verb("set_attributes", "sets attributes besides those there are; none clears all", r#"{"group":"cats","by":"olga","set":{"level":"3"}}"#),
    verb("create_topic", "makes a topic of a Community; the answer names it", r#"{"group":"@TGS#_cats","by":"olga","name":"toys"}"#),
    verb("rename_topic", "renames a topic", r#"{"group":"@TGS#_cats","by":"olga","topic":"@TGS#_cats@TOPIC#_toys","name":"games"}"#),
    verb("dismiss_topic", "dismisses a topic", r#"{"group":"@TGS#_cats","by":"olga","topic":"@TGS#_cats@TOPIC#_toys"}"#),
    verb("join", "somebody applies to join", r#"{"group":"cats","account":"zoe"}"#),
    verb("approve", "an admin lets an applicant in", r#"{"group":"cats","by":"olga","account":"zoe"}"#),
    verb("invite", "a member brings others in", r#"{"group":"cats","by":"administrator","accounts":["zoe","yan"]}"#),
    verb("leave", "a member quits", r#"{"group":"cats","account":"ann"}"#),
    verb("kick", "an admin removes members", r#"{"group":"cats","by":"olga","accounts":["ann"]}"#),
    verb("change_owner", "the owner hands the group over", r#"{"group":"cats","by":"olga","to":"ann"}"#),
    verb("set_role", "the owner makes an admin, or a member again", r#"{"group":"cats","by":"olga","account":"ann","role":"admin"}"#),
    verb("set_name_card", "somebody sets a name card", r#"{"group":"cats","by":"ann","account":"ann","card":"Ann"}"#),
    verb("mute", "an admin mutes a member; never told", r#"{"group":"cats","by":"olga","account":"ann","seconds":600}"#),
    verb("unmute", "an admin lifts a mute by hand; never told", r#"{"group":"cats","by":"olga","account":"ann"}"#),
    verb("mute_all", "an admin mutes everybody, or lifts that; never told", r#"{"group":"cats","by":"olga","on":true}"#),
    verb("ban", "an admin bans from an AVChatRoom; never told", r#"{"group":"live","by":"olga","accounts":["ann"],"seconds":600}"#),
    verb("unban", "an admin lets back into an AVChatRoom; never told", r#"{"group":"live","by":"olga","accounts":["ann"]}"#),
    verb("unseen", "changes a member as after a lost callback: role (owner, admin, member, outside), joined_at, name_card, last_message_at, muted_seconds", r#"{"group":"cats","account":"ann","role":"owner"}"#),
    verb("crowd", "adds so many members untold: prefix000000, prefix000001, …", r#"{"group":"cats","prefix":"fan","count":1000}"#),
    verb("say", "a member says something", r#"{"group":"cats","account":"ann","text":"hello"}"#),
    verb("say_privately", "somebody writes to somebody", r#"{"from":"ann","to":"bob","text":"hello"}"#),
    verb("recall", "takes a message back", r#"{"group":"cats","by":"ann","sequence":1}"#),
    verb("read", "a member's client sends read receipts", r#"{"group":"cats","account":"bob","sequences":[1]}"#),
    verb("read_private", "somebody has read what somebody wrote", r#"{"account":"bob","peer":"ann"}"#),
    verb("withdraw", "takes a private message back", r#"{"from":"ann","to":"bob","sequence":1}"#),
    verb("set_online", "somebody connects, or loses the connection", r#"{"account":"ann","online":false}"#),
    verb("delete_account", "an account is deleted and leaves everything without a word", r#"{"account":"ann"}"#),
    verb("set_profile", "somebody changes the own profile", r#"{"account":"ann","items":{"Tag_Profile_IM_Nick":"Ann"}}"#),
    verb("befriend", "somebody befriends somebody", r#"{"from":"ann","to":"bob"}"#),
    verb("unfriend", "ends a friendship", r#"{"from":"ann","to":"bob"}"#),
    verb("block", "somebody blocks somebody", r#"{"from":"ann","to":"bob"}"#),
    verb("unblock", "no longer", r#"{"from":"ann","to":"bob"}"#),
    verb("create_room", "makes a room: conference or live", r#"{"room":"r1","kind":"live","owner":"olga"}"#),
    verb("enter_room", "somebody enters a room", r#"{"room":"r1","account":"ann"}"#),
    verb("leave_room", "somebody leaves a room", r#"{"room":"r1","account":"ann"}"#),
    verb("kick_from_room", "puts somebody out of a room", r#"{"room":"r1","by":"olga","account":"ann"}"#),
    verb("change_room_owner", "the owner hands a room over", r#"{"room":"r1","by":"olga","to":"ann"}"#),
    verb("rename_room", "renames a room", r#"{"room":"r1","by":"olga","name":"the den"}"#),
    verb("destroy_room", "ends a room", r#"{"room":"r1","by":"olga"}"#),
    verb("lose_connection", "somebody in a room loses the connection", r#"{"room":"r1","account":"ann"}"#),
    verb("regain_connection", "and has it again", r#"{"room":"r1","account":"ann"}"#),
    verb("take_seat", "somebody takes a seat of a room", r#"{"room":"r1","account":"ann","seat":0}"#),
    verb("leave_seat", "and leaves it", r#"{"room":"r1","account":"ann","seat":0}"#),
    verb("set_metadata", "sets metadata of a Live room; null deletes", r#"{"room":"r1","by":"olga","set":{"theme":"dark"}}"#),
    verb("emit", "sends any callback with this body", r#"{"command":"State.StateChange","body":{"Info":{"Action":"Login","To_Account":"ann","Reason":"Register"}}}"#),
    verb("fault", "makes something go wrong from now on; see `faults`", r#"{"on":"change_group_owner","times":2,"kind":{"status":502}}"#),
    verb("clear_faults", "ends all faults", "{}"),
    verb("quirks", "habits in which the documents differ; those not named are off", r#"{"ownerless":"absent","event_time":"text"}"#),
    verb("callbacks", "switches callbacks on and off; refuse_unanswered; retries in seconds", r#"{"off":["State.StateChange"],"retries":[0,60]}"#),
    verb("clock", "moves the simulator's clock", r#"{"seconds":600}"#),
];

/// Kinds of faults with an example each.
#[rustfmt::skip]
const FAULTS: &[(&str, &str)] = &[
    (r#"{"status":502}"#, "REST: this HTTP status; nothing is applied"),
    (r#"{"code":60007}"#, "REST: this ErrorCode; nothing is applied"),
    (r#""hang""#, "REST: no answer, for ever; nothing is applied"),
    (r#""refuse_connection""#, "REST: the connection is cut at once; nothing is applied"),
    (r#""apply_then_drop_reply""#, "REST: applied, and then the connection is cut"),
    (r#""apply_then_hang""#, "REST: applied, and then no answer, for ever"),
    (r#"{"slow":{"seconds":4}}"#, "REST: applied, and answered that much later"),
    (r#""garble_answer""#, "REST: applied; half of the answer comes"),
    (r#"{"partial":{"every":2}}"#, "REST: each n-th entry of the command's list fails"),
    (r#""drop_message""#, "send_group_msg: answered 0 with MsgDropReason, not delivered"),
    (r#"{"stale_reads":{"seconds":30}}"#, "REST reads: see what was when the fault began"),
    (r#""lose""#, "callbacks: never sent"),
    (r#""duplicate""#, "callbacks: sent twice"),
    (r#"{"delay":{"seconds":60}}"#, "callbacks: sent that much later"),
    (r#""reorder""#, "callbacks: sent behind all others that wait"),
    (r#""garble""#, "callbacks: half of the body is sent"),
    (r#""wrong_sign""#, "callbacks: signed with another token"),
    (r#""wrong_app""#, "callbacks: with another SdkAppid"),
    (r#"{"old_sign":{"seconds":90}}"#, "callbacks: signed that long ago"),
    (r#"{"skew":{"milliseconds":-5000}}"#, "callbacks: EventTime is off"),
];

/// Each verb, what it does, and an example of its fields.
pub(in crate::simulator) fn verbs()
-> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    VERBS.iter().map(|verb| (verb.name, verb.what, verb.example))
}

/// What `GET /control` answers.
pub(in crate::simulator) fn catalogue() -> Value {
    let parsed = |text: &str| serde_json::from_str(text).unwrap_or(Value::Null);
    let verb = |verb: &Verb| json!({ "post": format!("/control/{}", verb.name), "does": verb.what, "example": parsed(verb.example) });
    let fault = |(kind, what): &(&str, &str)| json!({ "kind": parsed(kind), "does": what });
    json!({
        "verbs": VERBS.iter().map(verb).collect::<Value>(),
        "faults": FAULTS.iter().map(fault).collect::<Value>(),
        "fault_fields": {
            "on": "a glob over the REST command, service/command, or CallbackCommand",
            "kind": "one of `faults`",
            "times": "how often; for ever without it",
            "seconds": "for how long; for ever without it",
            "about": "a glob over the group or room",
            "sparing": "the first so many that fit are spared",
            "every": "of those that fit, each n-th only",
        },
        "get": ["/control", "/control/state", "/control/calls"],
    })
}

#[cfg(test)]
mod tests {
    use super::super::words::Act;
    use super::*;

    fn read(name: &str, fields: &str) -> Result<Act, String> {
        let fields: Value = serde_json::from_str(fields).unwrap();
        serde_json::from_value(json!({ name: fields })).map_err(|error| error.to_string())
    }

    #[test]
    fn every_example_is_understood() {
        for verb in VERBS {
            let read = read(verb.name, verb.example);
            assert!(read.is_ok(), "{}: {}", verb.name, read.err().unwrap_or_default());
        }
        for (kind, _) in FAULTS {
            let fields = format!(r#"{{"on":"*","kind":{kind}}}"#);
            assert!(read("fault", &fields).is_ok(), "{kind}");
        }
    }

    /// The names that an error of reading lists as those there are.
    fn known(error: &str) -> Vec<String> {
        let (_, list) = error.split_once("expected one of ").unwrap();
        list.split('`').skip(1).step_by(2).map(str::to_owned).collect()
    }

    #[test]
    fn nothing_that_can_be_done_is_left_out() {
        let acts = known(&read("", "{}").err().unwrap());
        let mut listed: Vec<&str> = VERBS.iter().map(|verb| verb.name).collect();
        listed.sort_unstable();
        let mut acts: Vec<&str> = acts.iter().map(String::as_str).collect();
        acts.sort_unstable();
        assert_eq!(listed, acts);
        let kinds = known(&read("fault", r#"{"on":"*","kind":"no such"}"#).err().unwrap());
        assert_eq!(kinds.len(), FAULTS.len());
    }
}
