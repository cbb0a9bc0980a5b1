//! The answer to a before callback.

use serde::{Deserialize, Serialize};

use crate::chat::Account;

/// What Chat is told. After callbacks are always answered with [`Verdict::Allow`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    #[default]
    Allow,
    /// Refused; `code` 10100–10200 reaches the client together with the text, without one Chat uses its own.
    Reject { code: Option<i64>, text: String },
    /// Swallowed: the sender is told that it was sent.
    Drop,
    /// Allowed with another text.
    Replace { text: String },
    /// An invitation goes ahead without these (34371).
    RefuseInvited { accounts: Vec<Account> },
}
