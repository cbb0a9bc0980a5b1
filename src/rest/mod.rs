//! Where we call Chat: commands and replies, errors, UserSig, rates and retries. Only `client` sends.

pub mod call;
pub mod catalog;
pub mod client;
mod codes;
pub mod error;
mod pace;
pub mod rate;
mod rates;
pub mod region;
pub mod reply;
pub mod retry;
pub mod usersig;

pub use call::{AppRead, Call, MemberChange, Page, RoomRead};
pub use client::{App, Chat, Client, HttpTransport, Transport};
pub use error::{CallError, Class, Failure, classify};
pub use rates::Rates;
pub use reply::Reply;
