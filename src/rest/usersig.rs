//! UserSig: the signature of the app admin in every URL (34385, `TLSSigAPIv2`).

use std::io::Write;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use sha2::Sha256;

use crate::chat::Account;
use crate::clock::Timestamp;

/// How long our own signatures are valid. Tencent asks for a day and more (34348).
pub const EXPIRE: Duration = Duration::from_secs(7 * 24 * 3600);

/// Codes after which a signature must not be used again, whatever else follows from them (34348).
pub const FORGET: [i64; 6] = [70001, 70003, 70005, 70009, 70013, 70014];

/// Signs for `account`: valid from `now` for `expire` (whole seconds). The key is the text from
/// Tencent's console, used as it stands and not decoded.
pub fn generate(
    sdk_app_id: u64,
    key: &SecretString,
    account: &Account,
    now: Timestamp,
    expire: Duration,
) -> String {
    token(sdk_app_id, key, account, now, expire, None)
}

/// Like [`generate`], with the privileges of a room in `userbuf`, which the signature covers.
pub fn generate_with_userbuf(
    sdk_app_id: u64,
    key: &SecretString,
    account: &Account,
    now: Timestamp,
    expire: Duration,
    userbuf: &[u8],
) -> String {
    token(sdk_app_id, key, account, now, expire, Some(STANDARD.encode(userbuf)))
}

fn token(
    sdk_app_id: u64,
    key: &SecretString,
    account: &Account,
    now: Timestamp,
    expire: Duration,
    userbuf: Option<String>,
) -> String {
    let (time, expire) = (now.secs(), expire.as_secs());
    let mut content = format!(
        "TLS.identifier:{account}\nTLS.sdkappid:{sdk_app_id}\nTLS.time:{time}\nTLS.expire:{expire}\n"
    );
    let mut fields = json!({
        "TLS.ver": "2.0",
        "TLS.identifier": account,
        "TLS.sdkappid": sdk_app_id,
        "TLS.expire": expire,
        "TLS.time": time,
    });
    if let Some(userbuf) = userbuf {
        content.push_str(&format!("TLS.userbuf:{userbuf}\n"));
        fields["TLS.userbuf"] = json!(userbuf);
    }
    fields["TLS.sig"] = json!(sign(key, &content));
    // Not the URL-safe alphabet of RFC 4648: Tencent has its own.
    STANDARD
        .encode(compress(fields.to_string().as_bytes()))
        .replace('+', "*")
        .replace('/', "-")
        .replace('=', "_")
}

#[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
fn sign(key: &SecretString, content: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.expose_secret().as_bytes())
        .expect("HMAC takes keys of any length");
    mac.update(content.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

#[expect(clippy::expect_used, reason = "writing into a Vec cannot fail")]
fn compress(text: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).and_then(|()| encoder.finish()).expect("writing into a Vec cannot fail")
}

/// Signs for one account and keeps the signature until half its life is over.
#[derive(Debug)]
pub struct Signer {
    sdk_app_id: u64,
    key: SecretString,
    account: Account,
    expire: Duration,
    kept: Mutex<Option<Kept>>,
}

#[derive(Debug)]
struct Kept {
    token: SecretString,
    made: Timestamp,
}

impl Signer {
    /// A signer whose signatures live for [`EXPIRE`].
    pub fn new(sdk_app_id: u64, key: SecretString, account: Account) -> Self {
        Self { sdk_app_id, key, account, expire: EXPIRE, kept: Mutex::new(None) }
    }

    /// The present signature, a new one when the kept one has lived half its life or was made in
    /// the future (the machine's clock was set back).
    pub fn token(&self, now: Timestamp) -> SecretString {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = kept.as_ref()
            && kept.made <= now
            && now < kept.made + self.expire / 2
        {
            return kept.token.clone();
        }
        let token = generate(self.sdk_app_id, &self.key, &self.account, now, self.expire);
        let token = SecretString::from(token);
        *kept = Some(Kept { token: token.clone(), made: now });
        token
    }

    /// Drops the kept signature: Chat did not accept it.
    pub fn forget(&self) {
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
