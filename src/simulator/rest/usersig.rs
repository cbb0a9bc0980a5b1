//! Checking a UserSig (`TLSSigAPIv2`, 34385). The simulator's own code: the bot signs with another.

use std::io::Read as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

use super::super::settings::{Refusal, Settings};
use crate::clock::Timestamp;

/// An honest token unpacks to a few hundred bytes; a zip bomb ends here.
const LONGEST: u64 = 16 * 1024;

/// Refused with 70002 (empty), 70003 (no token at all), 70013 (of another identifier), 70014 (of
/// another app), 70009 (made with another key) or 70001 (expired).
pub(super) fn check(
    settings: &Settings,
    now: Timestamp,
    identifier: &str,
    token: &str,
) -> Result<(), Refusal> {
    if token.is_empty() {
        return Err(Refusal::new(70002, "usersig is empty"));
    }
    let fields = unpack(token).ok_or_else(|| Refusal::new(70003, "usersig cannot be read"))?;
    let text = |name: &str| fields[name].as_str();
    let number = |name: &str| fields[name].as_i64();
    let (Some("2.0"), Some(signed_for), Some(app), Some(time), Some(expire), Some(sig)) = (
        text("TLS.ver"),
        text("TLS.identifier"),
        fields["TLS.sdkappid"].as_u64(),
        number("TLS.time"),
        number("TLS.expire"),
        text("TLS.sig"),
    ) else {
        return Err(Refusal::new(70003, "usersig lacks fields"));
    };
    if signed_for != identifier {
        return Err(Refusal::new(70013, "identifier differs from that in usersig"));
    }
    if app != settings.sdk_app_id {
        return Err(Refusal::new(70014, "sdkappid differs from that in usersig"));
    }
    let mut content = format!(
        "TLS.identifier:{signed_for}\nTLS.sdkappid:{app}\nTLS.time:{time}\nTLS.expire:{expire}\n"
    );
    if let Some(userbuf) = text("TLS.userbuf") {
        content.push_str(&format!("TLS.userbuf:{userbuf}\n"));
    }
    if !is_signed(&settings.secret_key, &content, sig) {
        return Err(Refusal::new(70009, "usersig was made with another key"));
    }
    if now.secs() > time.saturating_add(expire) {
        return Err(Refusal::new(70001, "usersig expired"));
    }
    Ok(())
}

/// Base64 with `*-_` for `+/=`, around zlib, around JSON.
fn unpack(token: &str) -> Option<Value> {
    let base64 = token.replace('*', "+").replace('-', "/").replace('_', "=");
    let packed = STANDARD.decode(base64).ok()?;
    let mut json = Vec::new();
    flate2::read::ZlibDecoder::new(&packed[..]).take(LONGEST).read_to_end(&mut json).ok()?;
    serde_json::from_slice(&json).ok()
}

fn is_signed(key: &str, content: &str, sig: &str) -> bool {
    let Ok(sig) = STANDARD.decode(sig) else { return false };
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.as_bytes()) else { return false };
    mac.update(content.as_bytes());
    mac.verify_slice(&sig).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    const KEY: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    /// Computed from the description in 34385: app 1400000001, `administrator`, at 1700000000 for 604800 s.
    const TOKEN: &str = "eJyrVgrxCdYrSy1SslJQMtIzUNJRAItkpqTmlWSmZUIkElNyM-Myi0uKEkvyi2BKilOyEwsKMlOACgxNDCDAECqXWlGQWZQKlDEzMLEwMICKlmTmgsQMzaGqYeLFmekgWwJCslKMwyqqHCMzjArMk8LTPFITywxDDcwSvaoijbQLCgIMtV18fFxNMlxtlWoBcDs1CA__";

    fn code(key: &str, app: u64, seconds: i64, identifier: &str, token: &str) -> i64 {
        let settings = Settings::new(app, "administrator", key);
        check(&settings, Timestamp::from_secs(seconds), identifier, token)
            .map_or_else(|refusal| refusal.code, |()| 0)
    }

    /// `TOKEN` with one field changed, packed again.
    fn tampered(field: &str, value: Value) -> String {
        let mut fields = unpack(TOKEN).unwrap();
        fields[field] = value;
        let mut packer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::new(6));
        packer.write_all(fields.to_string().as_bytes()).unwrap();
        let base64 = STANDARD.encode(packer.finish().unwrap());
        base64.replace('+', "*").replace('/', "-").replace('=', "_")
    }

    #[test]
    fn the_published_vector_is_accepted_until_it_expires() {
        assert_eq!(code(KEY, 1_400_000_001, 1_700_000_000, "administrator", TOKEN), 0);
        assert_eq!(code(KEY, 1_400_000_001, 1_700_604_800, "administrator", TOKEN), 0);
        assert_eq!(code(KEY, 1_400_000_001, 1_700_604_801, "administrator", TOKEN), 70001);
    }

    #[test]
    fn a_vector_with_userbuf_is_accepted() {
        let content = "TLS.identifier:administrator\nTLS.sdkappid:1400000001\n\
            TLS.time:1700000000\nTLS.expire:604800\nTLS.userbuf:YWJj\n";
        assert!(is_signed(KEY, content, "sJ3E5JydtWtxqnkjIy9AvZZppJH3gT/1qezf3JlGRI0="));
    }

    #[test]
    fn tampered_and_foreign_tokens_get_the_code_of_their_fault() {
        let at = 1_700_000_000;
        let app = 1_400_000_001;
        assert_eq!(code(KEY, app, at, "administrator", ""), 70002);
        assert_eq!(code(KEY, app, at, "administrator", "no token"), 70003);
        assert_eq!(code(KEY, app, at, "administrator", &TOKEN[..100]), 70003);
        assert_eq!(code(KEY, app, at, "somebody", TOKEN), 70013);
        assert_eq!(code(KEY, 1_400_000_002, at, "administrator", TOKEN), 70014);
        assert_eq!(code("another key", app, at, "administrator", TOKEN), 70009);
        let longer = tampered("TLS.expire", 60_480_000.into());
        assert_eq!(code(KEY, app, at, "administrator", &longer), 70009);
        let nobody = tampered("TLS.identifier", Value::Null);
        assert_eq!(code(KEY, app, at, "administrator", &nobody), 70003);
    }
}
