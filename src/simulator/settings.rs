//! What the app of the simulated Chat is configured to, and how Chat says no.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use super::callbacks::all_commands;
use super::quirks::Quirks;
use crate::chat::Account;

/// The console's side of one app.
#[derive(Clone)]
pub struct Settings {
    /// `SDKAppID`.
    pub sdk_app_id: u64,
    /// App admins: whom `identifier` may name.
    pub admins: Vec<Account>,
    /// The key that each UserSig is made with (34385): the hex text itself, not what it encodes.
    pub secret_key: String,
    /// The token of callback authentication (34354); `None` leaves `Sign` out.
    pub callback_token: Option<String>,
    /// Whether REST calls need a valid UserSig.
    pub check_usersig: bool,
    /// Whether REST calls over the rate are refused.
    pub enforce_rates: bool,
    /// Callback commands whose switch is on.
    pub callbacks: BTreeSet<String>,
    /// Where callbacks of Conference rooms go (60729); `None`: to the URL of Chat.
    pub conference: Option<OwnUrl>,
    /// Where callbacks of Live rooms go (64418); `None`: to the URL of Chat.
    pub live: Option<OwnUrl>,
    /// When an after callback that timed out is sent again, counted from the time-out, if the
    /// console's switch is on. 34354 gives neither number nor times.
    pub retries: Vec<Duration>,
    /// What `GetIPList` lists (36742).
    pub addresses: Vec<String>,
    /// Groups that may be made a day, less those dismissed (33529).
    pub daily_groups: u32,
    pub quirks: Quirks,
    /// "Do not deliver" when a before callback fails or times out (34354); Chat's default is to deliver.
    pub refuse_unanswered: bool,
}

impl Settings {
    /// One app admin, everything checked, every callback on, no callback authentication.
    pub fn new(sdk_app_id: u64, admin: &str, secret_key: &str) -> Self {
        Self {
            sdk_app_id,
            admins: vec![Account::from(admin)],
            secret_key: secret_key.to_owned(),
            callback_token: None,
            check_usersig: true,
            enforce_rates: true,
            callbacks: all_commands().map(str::to_owned).collect(),
            conference: None,
            live: None,
            retries: vec![Duration::ZERO],
            addresses: vec!["127.0.0.1".to_owned()],
            daily_groups: 10_000,
            quirks: Quirks::default(),
            refuse_unanswered: false,
        }
    }

    /// The same with the switches of all before callbacks off.
    pub fn without_asking(mut self) -> Self {
        self.callbacks.retain(|command| !super::callbacks::asks(command));
        self
    }
}

/// Where the callbacks of one room service go, and what they are signed with.
#[derive(Clone, PartialEq, Eq)]
pub struct OwnUrl {
    pub url: String,
    /// `None` leaves `Sign` out.
    pub token: Option<String>,
    /// `IsTokenEnable` (69528).
    pub token_enabled: bool,
    /// `CallbackCommandList`; empty: all.
    pub commands: BTreeSet<String>,
}

impl OwnUrl {
    /// All commands to this URL, signed when there is a token.
    pub fn new(url: &str, token: Option<&str>) -> Self {
        Self {
            url: url.to_owned(),
            token: token.map(str::to_owned),
            token_enabled: token.is_some(),
            commands: BTreeSet::new(),
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("sdk_app_id", &self.sdk_app_id)
            .field("admins", &self.admins)
            .field("check_usersig", &self.check_usersig)
            .field("enforce_rates", &self.enforce_rates)
            .finish_non_exhaustive()
    }
}

/// Chat's no: an error code of 34348 and its words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub code: i64,
    pub info: String,
}

impl Refusal {
    pub(super) fn new(code: i64, info: impl Into<String>) -> Self {
        Self { code, info: info.into() }
    }

    /// 10004: a parameter is wrong.
    pub(super) fn parameter(info: impl Into<String>) -> Self {
        Self::new(10004, info)
    }

    /// 10007: not permitted, or not in this group type.
    pub(super) fn permission(info: impl Into<String>) -> Self {
        Self::new(10007, info)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code, self.info)
    }
}

impl std::error::Error for Refusal {}
