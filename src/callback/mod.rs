//! Where Chat calls us: limit, authenticate, decode, reply, in that order (34354).

pub mod admission;
pub mod authenticate;
mod body;
pub mod busy;
pub mod decode;
pub mod query;
mod regulars;
pub mod reply;
pub mod router;
pub mod source;
pub mod watch;

pub use admission::{Admission, Limits};
pub use authenticate::Gate;
pub use busy::Busy;
pub use decode::{Decoded, Incomplete, OverLimit, decode};
pub use query::Query;
pub use reply::{Answering, reply};
pub use router::{CallbackSettings, Entrance, OverBudget, router};
pub use source::Sources;
pub use watch::{Answered, Lost, Seen, Watch};
