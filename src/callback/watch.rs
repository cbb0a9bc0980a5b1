//! How callbacks were answered, for whoever counts them.

use std::net::IpAddr;
use std::time::Duration;

use axum::http::StatusCode;

use super::authenticate::Refused;
use super::decode::{Incomplete, OverLimit};
use crate::chat::GroupId;

/// What became of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answered {
    /// Decided and on disk.
    Taken,
    /// A before callback whose decision took too long: answered as configured, decided all the same.
    OverBudget,
    /// None of the paths that Chat calls.
    NotFound,
    /// Another method than POST.
    WrongMethod,
    /// `SdkAppid` is not ours.
    WrongApp,
    /// `Sign` or `RequestTime` is missing.
    Unsigned,
    /// `Sign` fits no token.
    Forged,
    /// `RequestTime` lies outside the window.
    Stale,
    /// Everything is right but the address that it comes from.
    WrongSource,
    /// Where room callbacks come without a signature, something else came.
    WrongPath,
    /// The body is over the limit.
    TooLarge,
    /// The body tells of more events than are taken at once.
    TooMany,
    /// The body did not arrive in time.
    TooSlow,
    /// The body is not a JSON object, or broke off.
    Garbled,
    /// More came than can be decided in time.
    Shed,
    /// The pipeline did not take it; nothing of it is kept.
    NotTaken,
    /// The pipeline panicked: a fault of ours.
    Panicked,
}

impl Answered {
    /// All of them, so that each can be counted from zero.
    pub const ALL: [Answered; 17] = [
        Self::Taken,
        Self::OverBudget,
        Self::NotFound,
        Self::WrongMethod,
        Self::WrongApp,
        Self::Unsigned,
        Self::Forged,
        Self::Stale,
        Self::WrongSource,
        Self::WrongPath,
        Self::TooLarge,
        Self::TooMany,
        Self::TooSlow,
        Self::Garbled,
        Self::Shed,
        Self::NotTaken,
        Self::Panicked,
    ];

    /// The name under which it is counted.
    pub fn name(self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::OverBudget => "over_budget",
            Self::NotFound => "not_found",
            Self::WrongMethod => "wrong_method",
            Self::WrongApp => "wrong_app",
            Self::Unsigned => "unsigned",
            Self::Forged => "forged",
            Self::Stale => "stale",
            Self::WrongSource => "wrong_source",
            Self::WrongPath => "wrong_path",
            Self::TooLarge => "too_large",
            Self::TooMany => "too_many",
            Self::TooSlow => "too_slow",
            Self::Garbled => "garbled",
            Self::Shed => "shed",
            Self::NotTaken => "not_taken",
            Self::Panicked => "panicked",
        }
    }

    /// Whether the caller was not let in, whatever it brought.
    pub fn is_refusal(self) -> bool {
        self.status() == StatusCode::FORBIDDEN
    }

    /// The HTTP status it is answered with. Chat takes anything but 200 as a failure (34354).
    pub fn status(self) -> StatusCode {
        match self {
            Self::Taken | Self::OverBudget => StatusCode::OK,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::WrongMethod => StatusCode::METHOD_NOT_ALLOWED,
            Self::WrongApp
            | Self::Unsigned
            | Self::Forged
            | Self::Stale
            | Self::WrongSource
            | Self::WrongPath => StatusCode::FORBIDDEN,
            Self::TooLarge | Self::TooMany => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Garbled => StatusCode::BAD_REQUEST,
            Self::Shed | Self::NotTaken => StatusCode::SERVICE_UNAVAILABLE,
            Self::Panicked => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// What the caller is told. One text for all that is refused, so that a stranger learns nothing
    /// about the tokens, the app or the clock.
    pub fn info(self) -> &'static str {
        match self {
            Self::Taken | Self::OverBudget => "",
            Self::NotFound => "no callback is taken here",
            Self::WrongMethod => "callbacks are sent with POST",
            Self::WrongApp
            | Self::Unsigned
            | Self::Forged
            | Self::Stale
            | Self::WrongSource
            | Self::WrongPath => "refused",
            Self::TooLarge => "the body is too large",
            Self::TooMany => "too many events in one callback",
            Self::TooSlow => "the body did not arrive in time",
            Self::Garbled => "the body is not a JSON object",
            Self::Shed => "too busy, try again",
            Self::NotTaken => "not taken, try again",
            Self::Panicked => "internal error",
        }
    }
}

impl From<Refused> for Answered {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::WrongApp => Self::WrongApp,
            Refused::Unsigned => Self::Unsigned,
            Refused::Forged => Self::Forged,
            Refused::Stale => Self::Stale,
        }
    }
}

/// One answered request, as it is counted. Every text in it comes from a fixed set, so that nobody
/// outside can make a metric grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// A command of Tencent's lists, or `other`.
    pub command: &'static str,
    /// The name of the entrance that it came to, or `none`.
    pub entrance: &'static str,
    pub answered: Answered,
    /// From the first look at the request to its answer.
    pub took: Duration,
    /// The query and the body named different commands; the query's was taken.
    pub disagreed: bool,
    /// A known command lacked what its event needs, and was kept as a `callback` event.
    pub incomplete: bool,
    /// Where it came from, as far as it can be told; for a log, never for a label.
    pub origin: Option<IpAddr>,
}

/// A callback that was let in and not taken: nobody knows what it would have told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost {
    /// A command of Tencent's lists, or `other`.
    pub command: &'static str,
    pub why: Answered,
    /// The group that it was about, where that could be read.
    pub group: Option<GroupId>,
}

/// Counts callbacks.
pub trait Watch: Send + Sync {
    /// Told once for every request, when its answer is known.
    fn callback(&self, seen: Seen);

    /// Told of every callback that was let in and not taken, even when Chat has hung up meanwhile.
    fn lost(&self, lost: &Lost);

    /// Told of every callback that was let in and does not fit its command: nothing but a `callback` event
    /// comes of it.
    fn incomplete(&self, incomplete: &Incomplete);

    /// Told when Chat, let in, warns that a REST command is called too often.
    fn over_limit(&self, over: &OverLimit);
}
