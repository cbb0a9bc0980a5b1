//! Our UserSig against Tencent's own generator for Python.
//!
//! Where `.ci/run` could install it (`pip install --target target/usersig-oracle tls-sig-api-v2`), tokens
//! of many inputs are compared. Elsewhere one token of that generator, recorded here, has to do.
#![expect(clippy::unwrap_used, reason = "a helper of a test fails by panicking, as the test does")]

use std::io::Read;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::read::ZlibDecoder;
use groupkeeper::chat::Account;
use groupkeeper::clock::Timestamp;
use groupkeeper::rest::usersig::{generate, generate_with_userbuf};
use secrecy::SecretString;
use serde_json::{Value, json};

const ORACLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/usersig-oracle");

/// Signs each input with Tencent's code, whose clock is made to show the wanted time.
const SCRIPT: &str = r#"
import base64, json, sys, TLSSigAPIv2
tokens = []
for i in json.loads(sys.argv[1]):
    TLSSigAPIv2.time.time = lambda: i["now"]
    api = TLSSigAPIv2.TLSSigAPIv2(i["app"], i["key"])
    if i["userbuf"] is None:
        tokens.append(api.gen_sig(i["account"], i["expire"]))
    else:
        tokens.append(api.gen_sig_with_userbuf(i["account"], i["expire"], bytes(i["userbuf"])))
print(json.dumps(tokens))
"#;

struct Input {
    app: u64,
    key: String,
    account: String,
    now: i64,
    expire: u64,
    userbuf: Option<Vec<u8>>,
}

impl Input {
    fn ours(&self) -> String {
        let key = SecretString::from(self.key.as_str());
        let account = Account::from(self.account.as_str());
        let now = Timestamp::from_secs(self.now);
        let expire = Duration::from_secs(self.expire);
        match &self.userbuf {
            None => generate(self.app, &key, &account, now, expire),
            Some(userbuf) => generate_with_userbuf(self.app, &key, &account, now, expire, userbuf),
        }
    }

    fn json(&self) -> Value {
        json!({ "app": self.app, "key": self.key, "account": self.account, "now": self.now,
                "expire": self.expire, "userbuf": self.userbuf })
    }
}

/// Inputs that differ in everything; the same ones in each run, so that a failure comes back.
fn inputs() -> Vec<Input> {
    let names = ["administrator", "bot & co", "管理员", "a\"b\\c", "@TIM#x", "0"];
    let mut state: u64 = 20_261_121;
    let mut next = |below: u64| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    (0..20)
        .map(|i| Input {
            app: 1_400_000_000 + next(300_000_000),
            key: (0..64).map(|_| char::from_digit(next(16) as u32, 16).unwrap()).collect(),
            account: names[i % names.len()].to_owned(),
            now: 1_500_000_000 + next(500_000_000) as i64,
            expire: 60 + next(15_552_000),
            userbuf: (i % 4 == 3).then(|| (0..next(40)).map(|_| next(256) as u8).collect()),
        })
        .collect()
}

/// The fields of a token. The compressed text itself differs between implementations of zlib.
fn decode(token: &str) -> Value {
    let text = token.replace('*', "+").replace('-', "/").replace('_', "=");
    let mut fields = String::new();
    let compressed = STANDARD.decode(text).unwrap();
    ZlibDecoder::new(&compressed[..]).read_to_string(&mut fields).unwrap();
    serde_json::from_str(&fields).unwrap()
}

/// Tencent's tokens for these inputs; `None` where its generator or Python is not installed.
fn by_tencent(inputs: &[Input]) -> Option<Vec<String>> {
    if !Path::new(ORACLE).is_dir() {
        return None;
    }
    let inputs = Value::from(inputs.iter().map(Input::json).collect::<Vec<_>>()).to_string();
    let mut python = Command::new("python3");
    python.args(["-c", SCRIPT, &inputs]).env("PYTHONPATH", ORACLE);
    let output = python.output().ok()?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "Tencent's generator failed: {complaint}");
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

#[test]
fn our_tokens_hold_what_tencents_generator_puts_into_them() {
    let inputs = inputs();
    let Some(theirs) = by_tencent(&inputs) else {
        eprintln!("Tencent's generator is not in {ORACLE}: compared with the recorded token only");
        return;
    };
    assert_eq!(theirs.len(), inputs.len());
    for (input, theirs) in inputs.iter().zip(&theirs) {
        assert_eq!(decode(&input.ours()), decode(theirs), "{}", input.json());
    }
}

#[test]
fn our_token_holds_what_the_recorded_one_does() {
    let recorded = "eJyrVgrxCdYrSy1SslJQMtIzUNJRAItkpqTmlWSmZUIkElNyM-Myi0uKEkvyi2BKilOyEwsKMlOACg\
                    xNDCDAECqXWlGQWZQKlDEzMLEwMICKlmTmgsQMzaGqYeLFmekgWwJCslKMwyqqHCMzjArMk8LTPFITywx\
                    DDcwSvaoijbQLCgIMtV18fFxNMlxtlWoBcDs1CA__";
    let input = Input {
        app: 1_400_000_001,
        key: "0123456789abcdef".repeat(4),
        account: "administrator".to_owned(),
        now: 1_700_000_000,
        expire: 604_800,
        userbuf: None,
    };
    assert_eq!(decode(&input.ours()), decode(recorded));
}
