//! Signed callbacks, rendered once: for each request only digits are written into a copy.

use std::time::{SystemTime, UNIX_EPOCH};

use sha2::{Digest, Sha256};

pub const APP: u64 = 1_400_000_000;
pub const TOKEN: &str = "benchmark-token";
/// Numbers are written with ten digits: `MsgSeq` is a number, and must not begin with a zero.
const FIRST: u64 = 1_000_000_000;
const PATH: &str = "/callback";

/// Which callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A text that no rule minds.
    Message,
    /// One of the staff joins: the shipped rule promotes them.
    Join,
}

/// A request with places for what differs.
pub struct Template {
    bytes: Vec<u8>,
    /// Places of ten digits: the number of the request.
    numbers: Vec<usize>,
    /// Places of five digits: the group.
    groups: Vec<usize>,
    sign: usize,
    times: Vec<usize>,
    /// The second that it is signed for.
    signed: u64,
    /// Over how many groups requests are spread.
    spread: u64,
}

impl Template {
    pub fn new(kind: Kind, spread: u64) -> Self {
        let (command, body) = match kind {
            Kind::Message => ("Group.CallbackAfterSendMsg", message()),
            Kind::Join => ("Group.CallbackAfterNewMemberJoin", join()),
        };
        let text = format!(
            "POST {PATH}?SdkAppid={APP}&CallbackCommand={command}&contenttype=json\
             &ClientIP=203.0.113.7&OptPlatform=iOS&Sign={}&RequestTime={} HTTP/1.1\r\n\
             Host: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            "s".repeat(64),
            "t".repeat(10),
            body.len(),
        );
        let all = |what: &str| text.match_indices(what).map(|(at, _)| at).collect::<Vec<_>>();
        let (numbers, groups) = (all("##########"), all("@@@@@"));
        let (sign, times) = (all(&"s".repeat(64))[0], all(&"t".repeat(10)));
        Self { bytes: text.into_bytes(), numbers, groups, sign, times, signed: 0, spread }
    }

    /// Writes request `number` over `out`, signed for now.
    pub fn render(&mut self, number: u64, out: &mut Vec<u8>) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        if now != self.signed {
            self.sign(now);
        }
        out.clear();
        out.extend_from_slice(&self.bytes);
        for place in &self.numbers {
            digits(FIRST + number, &mut out[*place..*place + 10]);
        }
        for place in &self.groups {
            digits(number % self.spread, &mut out[*place..*place + 5]);
        }
    }

    /// `Sign = hex(SHA256(Token ‖ RequestTime))` (34354); one second of requests shares one.
    fn sign(&mut self, now: u64) {
        let time = now.to_string();
        let digest = Sha256::new().chain_update(TOKEN).chain_update(&time).finalize();
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        self.bytes[self.sign..self.sign + 64].copy_from_slice(hex.as_bytes());
        for place in &self.times {
            self.bytes[*place..*place + 10].copy_from_slice(time.as_bytes());
        }
        self.signed = now;
    }
}

/// The body of 34375.
fn message() -> String {
    r###"{"CallbackCommand":"Group.CallbackAfterSendMsg","GroupId":"@TGS#load@@@@@","Type":"Public","From_Account":"member_##########","Operator_Account":"member_##########","Random":123456,"MsgSeq":##########,"MsgTime":tttttttttt,"OnlineOnlyFlag":0,"MsgBody":[{"MsgType":"TIMTextElem","MsgContent":{"Text":"Shall we meet at noon, where the old bridge was?"}}],"CloudCustomData":"","EventTime":"tttttttttt123"}"###
        .to_owned()
}

/// The body of 34372.
fn join() -> String {
    r###"{"CallbackCommand":"Group.CallbackAfterNewMemberJoin","GroupId":"@TGS#load@@@@@","Type":"Public","JoinType":"Apply","Operator_Account":"staff_##########","NewMemberList":[{"Member_Account":"staff_##########"}],"EventTime":"tttttttttt123"}"###
        .to_owned()
}

/// Writes the number so that it fills the place.
fn digits(mut number: u64, place: &mut [u8]) {
    for digit in place.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

/// The number of the request that a REST call follows from: it stands in the member's account.
pub fn number_in(body: &[u8]) -> Option<u64> {
    let at = super::http::find(body, b"staff_")? + 6;
    let number = std::str::from_utf8(body.get(at..at + 10)?).ok()?.parse::<u64>().ok()?;
    number.checked_sub(FIRST)
}
