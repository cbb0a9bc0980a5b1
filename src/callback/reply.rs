//! What Chat is told: Tencent's answer to a callback. Always HTTP 200 and JSON (34354).

use std::borrow::Cow;

use serde::Serialize;

use crate::chat::Account;
use crate::decision::Verdict;

/// Codes of our own that reach the client after a refusal in a group (34368, 34374).
const GROUP_CODES: std::ops::RangeInclusive<i64> = 10_100..=10_200;
/// The same for private messages (34364).
const PRIVATE_CODES: std::ops::RangeInclusive<i64> = 120_001..=130_000;
/// Refused without a code of our own.
const REJECTED: i64 = 1;
/// Swallowed, messages only.
const SWALLOWED: i64 = 2;

/// Which answers a command understands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answering {
    /// An after callback, or one that we do not know: OK, and Chat does not look at it.
    After,
    /// A before callback that no event stands for: allowed, whoever asks.
    Allow,
    /// Creating a group or topic, applying to join: allowed or refused (34368, 34370, 49463).
    Group,
    /// Inviting: some of the invited can be refused (34371).
    Invite,
    /// A message in a group: refused, swallowed or rewritten (34374).
    GroupMessage,
    /// A private message: the same with codes of its own (34364).
    PrivateMessage,
    /// Making friends: one item for each of these (43467, 43468).
    Friends(Vec<Account>),
}

/// What nearly every callback is answered, as it is written.
const ALLOWED: &str = r#"{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":""}"#;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Envelope<'a> {
    action_status: &'static str,
    error_code: i64,
    error_info: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    msg_body: Option<[TextElement<'a>; 1]>,
    #[serde(rename = "RefusedMembers_Account", skip_serializing_if = "Option::is_none")]
    refused: Option<&'a [Account]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result_item: Option<Vec<ResultItem<'a>>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct TextElement<'a> {
    msg_type: &'static str,
    msg_content: TextContent<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct TextContent<'a> {
    text: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ResultItem<'a> {
    #[serde(rename = "To_Account")]
    to: &'a Account,
    result_code: i64,
    result_info: &'static str,
}

impl<'a> Envelope<'a> {
    fn new(action_status: &'static str, error_code: i64, error_info: &'a str) -> Self {
        Self {
            action_status,
            error_code,
            error_info,
            msg_body: None,
            refused: None,
            result_item: None,
        }
    }

    fn json(&self) -> String {
        // These shapes have no map and no foreign `Serialize`, so this cannot fail; were it to,
        // "allowed" is what Chat falls back to by itself.
        serde_json::to_string(self).unwrap_or_else(|_| ALLOWED.to_owned())
    }
}

/// The JSON text for a verdict.
///
/// A verdict that the command does not understand is answered with the nearest one that it does: a
/// message can be swallowed, anything else that is to be dropped is refused without a word; a code
/// outside the command's range becomes 1; what cannot be rewritten is allowed.
pub fn reply(answering: &Answering, verdict: &Verdict) -> Cow<'static, str> {
    let mut envelope = Envelope::new("OK", 0, "");
    match answering {
        Answering::After | Answering::Allow => return ALLOWED.into(),
        Answering::Friends(targets) => {
            let item = |to| ResultItem { to, result_code: 0, result_info: "" };
            envelope.result_item = Some(targets.iter().map(item).collect());
        }
        Answering::Group | Answering::Invite => match verdict {
            Verdict::Reject { code, text } => refuse(&mut envelope, *code, text, &GROUP_CODES),
            Verdict::Drop => envelope.error_code = REJECTED,
            Verdict::RefuseInvited { accounts } if *answering == Answering::Invite => {
                envelope.refused = Some(accounts);
            }
            Verdict::Allow | Verdict::Replace { .. } | Verdict::RefuseInvited { .. } => {}
        },
        Answering::GroupMessage | Answering::PrivateMessage => match verdict {
            Verdict::Reject { code, text } => {
                let private = *answering == Answering::PrivateMessage;
                let codes = if private { &PRIVATE_CODES } else { &GROUP_CODES };
                refuse(&mut envelope, *code, text, codes);
            }
            Verdict::Drop => envelope.error_code = SWALLOWED,
            Verdict::Replace { text } => {
                let msg_content = TextContent { text };
                envelope.msg_body = Some([TextElement { msg_type: "TIMTextElem", msg_content }]);
            }
            Verdict::Allow | Verdict::RefuseInvited { .. } => {}
        },
    }
    envelope.json().into()
}

fn refuse<'a>(
    envelope: &mut Envelope<'a>,
    code: Option<i64>,
    text: &'a str,
    codes: &std::ops::RangeInclusive<i64>,
) {
    envelope.error_code = code.filter(|code| codes.contains(code)).unwrap_or(REJECTED);
    envelope.error_info = text;
}

/// The JSON text for a request that was not taken.
pub(super) fn failure(info: &str) -> String {
    Envelope::new("FAIL", 1, info).json()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OK: &str = r#"{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":""}"#;

    fn reject(code: Option<i64>) -> Verdict {
        Verdict::Reject { code, text: "no \"links\"".into() }
    }

    #[test]
    fn allowing_is_plain_ok_for_every_command() {
        for answering in [
            Answering::After,
            Answering::Allow,
            Answering::Group,
            Answering::Invite,
            Answering::GroupMessage,
            Answering::PrivateMessage,
        ] {
            assert_eq!(reply(&answering, &Verdict::Allow), OK, "{answering:?}");
        }
    }

    #[test]
    fn an_after_callback_is_answered_ok_whatever_the_verdict() {
        assert_eq!(reply(&Answering::After, &reject(Some(10_150))), OK);
        assert_eq!(reply(&Answering::After, &Verdict::Drop), OK);
    }

    #[test]
    fn a_refusal_carries_its_code_and_text() {
        let refused = r#"{"ActionStatus":"OK","ErrorCode":10100,"ErrorInfo":"no \"links\""}"#;
        assert_eq!(reply(&Answering::GroupMessage, &reject(Some(10_100))), refused);
        assert_eq!(reply(&Answering::Group, &reject(Some(10_100))), refused);
    }

    #[test]
    fn a_refusal_without_a_code_or_with_one_that_chat_does_not_take_is_1() {
        let refused = r#"{"ActionStatus":"OK","ErrorCode":1,"ErrorInfo":"no \"links\""}"#;
        for code in [None, Some(10_099), Some(10_201), Some(120_001), Some(0)] {
            assert_eq!(reply(&Answering::GroupMessage, &reject(code)), refused, "{code:?}");
        }
        for code in [None, Some(10_100), Some(120_000), Some(130_001)] {
            assert_eq!(reply(&Answering::PrivateMessage, &reject(code)), refused, "{code:?}");
        }
    }

    #[test]
    fn private_messages_have_codes_of_their_own() {
        let refused = r#"{"ActionStatus":"OK","ErrorCode":120001,"ErrorInfo":"no \"links\""}"#;
        assert_eq!(reply(&Answering::PrivateMessage, &reject(Some(120_001))), refused);
    }

    #[test]
    fn a_dropped_message_is_swallowed_and_a_dropped_request_refused() {
        let code = |code| format!(r#"{{"ActionStatus":"OK","ErrorCode":{code},"ErrorInfo":""}}"#);
        assert_eq!(reply(&Answering::GroupMessage, &Verdict::Drop), code(2));
        assert_eq!(reply(&Answering::PrivateMessage, &Verdict::Drop), code(2));
        assert_eq!(reply(&Answering::Group, &Verdict::Drop), code(1));
        assert_eq!(reply(&Answering::Invite, &Verdict::Drop), code(1));
    }

    #[test]
    fn a_rewritten_message_is_one_text_element() {
        let verdict = Verdict::Replace { text: "***".into() };
        let expected = concat!(
            r#"{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":"","#,
            r#""MsgBody":[{"MsgType":"TIMTextElem","MsgContent":{"Text":"***"}}]}"#
        );
        assert_eq!(reply(&Answering::GroupMessage, &verdict), expected);
        assert_eq!(reply(&Answering::PrivateMessage, &verdict), expected);
        assert_eq!(reply(&Answering::Group, &verdict), OK);
    }

    #[test]
    fn only_an_invitation_can_go_ahead_without_some() {
        let verdict = Verdict::RefuseInvited { accounts: vec!["ann".into(), "bob".into()] };
        let expected = concat!(
            r#"{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":"","#,
            r#""RefusedMembers_Account":["ann","bob"]}"#
        );
        assert_eq!(reply(&Answering::Invite, &verdict), expected);
        assert_eq!(reply(&Answering::Group, &verdict), OK);
    }

    #[test]
    fn every_friend_to_be_gets_an_item() {
        let answering = Answering::Friends(vec!["ann".into(), "bob".into()]);
        let expected = concat!(
            r#"{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":"","ResultItem":["#,
            r#"{"To_Account":"ann","ResultCode":0,"ResultInfo":""},"#,
            r#"{"To_Account":"bob","ResultCode":0,"ResultInfo":""}]}"#
        );
        assert_eq!(reply(&answering, &Verdict::Allow), expected);
    }

    #[test]
    fn a_failure_says_so_in_the_same_shape() {
        let expected = r#"{"ActionStatus":"FAIL","ErrorCode":1,"ErrorInfo":"refused"}"#;
        assert_eq!(failure("refused"), expected);
    }
}
