//! Whether a callback comes from Chat. Sees the query and the time, never the body.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use super::query::Query;
use crate::clock::Timestamp;

/// How long `RequestTime` is believed when nothing else is configured (64412).
pub const DEFAULT_WINDOW: Duration = Duration::from_secs(60);

/// What a callback must show to be let in.
#[derive(Clone, Debug)]
pub struct Gate {
    /// Every callback must name this app (all callback pages ask to check it).
    pub sdk_app_id: u64,
    /// Tokens of the callback authentication; several while one is being rotated. With none,
    /// signatures are not looked at.
    pub tokens: Vec<SecretString>,
    /// How far `RequestTime` may lie from now, either way.
    pub window: Duration,
}

/// Why a callback was not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// `SdkAppid` is missing or names another app.
    WrongApp,
    /// `Sign` or `RequestTime` is missing.
    Unsigned,
    /// `Sign` was made with none of the tokens.
    Forged,
    /// Signed rightly, but `RequestTime` lies outside the window.
    Stale,
}

impl Gate {
    /// Checks the app, then the signature, then its age: `Sign = hex(SHA256(Token ‖ RequestTime))`
    /// with `RequestTime` exactly as the query has it (34354).
    pub fn check(&self, query: &Query<'_>, now: Timestamp) -> Result<(), Refused> {
        if query.sdk_app_id.parse() != Ok(self.sdk_app_id) {
            return Err(Refused::WrongApp);
        }
        if self.tokens.is_empty() {
            return Ok(());
        }
        if query.sign.is_empty() || query.request_time.is_empty() {
            return Err(Refused::Unsigned);
        }
        if !self.is_signed(query) {
            return Err(Refused::Forged);
        }
        let Ok(seconds) = query.request_time.parse::<i64>() else {
            return Err(Refused::Stale);
        };
        let distance = now.0.abs_diff(Timestamp::from_secs(seconds).0);
        if u128::from(distance) > self.window.as_millis() {
            return Err(Refused::Stale);
        }
        Ok(())
    }

    /// Every token is tried, and every comparison takes the same time: neither how much of a guess
    /// was right nor which token it was can be measured.
    fn is_signed(&self, query: &Query<'_>) -> bool {
        let given = query.sign.to_ascii_lowercase();
        let matching = self.tokens.iter().fold(Choice::from(0), |matching, token| {
            let token = token.expose_secret();
            let expected = signature(token, &query.request_time);
            // An empty token would let in whoever can compute a digest.
            let usable = Choice::from(u8::from(!token.is_empty()));
            matching | (usable & expected.as_bytes().ct_eq(given.as_bytes()))
        });
        bool::from(matching)
    }
}

/// 64 lower-case hex digits of `SHA256(token ‖ request_time)`.
fn signature(token: &str, request_time: &str) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digest = Sha256::new().chain_update(token).chain_update(request_time).finalize();
    let digit = |half: u8| char::from(DIGITS[usize::from(half & 0xf)]);
    digest.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of 34354.
    const SIGN: &str = "17773bc39a671d7b9aa835458704d2a6db81360a5940292b587d6d760d484061";
    const REQUEST_TIME: i64 = 1_669_872_112;

    fn gate(tokens: &[&str]) -> Gate {
        Gate {
            sdk_app_id: 1_400_000_000,
            tokens: tokens.iter().map(|token| SecretString::from(*token)).collect(),
            window: DEFAULT_WINDOW,
        }
    }

    fn signed() -> Query<'static> {
        Query {
            sdk_app_id: "1400000000".into(),
            sign: SIGN.into(),
            request_time: REQUEST_TIME.to_string().into(),
            ..Query::default()
        }
    }

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp(REQUEST_TIME * 1000 + milliseconds)
    }

    #[test]
    fn the_documented_signature_is_accepted() {
        assert_eq!(signature("xxxxyyyy", "1669872112"), SIGN);
        assert_eq!(gate(&["xxxxyyyy"]).check(&signed(), at(0)), Ok(()));
    }

    #[test]
    fn either_of_two_tokens_is_accepted() {
        assert_eq!(gate(&["new", "xxxxyyyy"]).check(&signed(), at(0)), Ok(()));
        assert_eq!(gate(&["xxxxyyyy", "old"]).check(&signed(), at(0)), Ok(()));
        assert_eq!(gate(&["new", "newer"]).check(&signed(), at(0)), Err(Refused::Forged));
    }

    #[test]
    fn the_window_is_closed_at_both_ends_and_includes_its_edges() {
        let gate = gate(&["xxxxyyyy"]);
        assert_eq!(gate.check(&signed(), at(60_000)), Ok(()));
        assert_eq!(gate.check(&signed(), at(60_001)), Err(Refused::Stale));
        assert_eq!(gate.check(&signed(), at(-60_000)), Ok(()));
        assert_eq!(gate.check(&signed(), at(-60_001)), Err(Refused::Stale));
    }

    #[test]
    fn the_signature_covers_the_time() {
        let query = Query { request_time: (REQUEST_TIME + 1).to_string().into(), ..signed() };
        assert_eq!(gate(&["xxxxyyyy"]).check(&query, at(0)), Err(Refused::Forged));
    }

    #[test]
    fn a_signature_that_is_cut_or_prolonged_is_forged() {
        for sign in [&SIGN[..63], &format!("{SIGN}0"), "é"] {
            let query = Query { sign: sign.into(), ..signed() };
            assert_eq!(gate(&["xxxxyyyy"]).check(&query, at(0)), Err(Refused::Forged));
        }
    }

    #[test]
    fn a_callback_without_signature_is_let_in_only_when_there_is_no_token() {
        let query = Query { sign: String::new().into(), ..signed() };
        assert_eq!(gate(&["xxxxyyyy"]).check(&query, at(0)), Err(Refused::Unsigned));
        assert_eq!(gate(&[]).check(&query, at(0)), Ok(()));
    }

    #[test]
    fn an_empty_token_lets_nobody_in() {
        let query = Query { sign: signature("", "1669872112").into(), ..signed() };
        assert_eq!(gate(&[""]).check(&query, at(0)), Err(Refused::Forged));
    }

    #[test]
    fn another_app_is_refused_even_when_signed() {
        for app in ["1400000001", "", "14e8", "-1"] {
            let query = Query { sdk_app_id: app.into(), ..signed() };
            assert_eq!(gate(&["xxxxyyyy"]).check(&query, at(0)), Err(Refused::WrongApp), "{app}");
        }
    }

    #[test]
    fn a_time_that_is_no_number_or_absurd_is_stale_however_well_signed() {
        for time in ["soon", "9223372036854775807", "-9223372036854775808"] {
            let query = Query {
                sign: signature("xxxxyyyy", time).into(),
                request_time: time.into(),
                ..signed()
            };
            assert_eq!(gate(&["xxxxyyyy"]).check(&query, at(0)), Err(Refused::Stale), "{time}");
        }
    }

    #[test]
    fn tokens_do_not_show_in_debug_output() {
        assert!(!format!("{:?}", gate(&["xxxxyyyy"])).contains("xxxxyyyy"));
    }
}
