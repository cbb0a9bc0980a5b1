//! What goes wrong between the bot and Chat, now.

use std::time::Duration;

use groupkeeper::clock::Timestamp;

use crate::rng::Rng;

/// One way in which a REST call can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// No connection: the call cannot have arrived.
    Unreachable,
    /// No answer; the call has not arrived.
    LostRequest,
    /// No answer; the call has been carried out.
    LostReply,
    /// 502 of something in between; not carried out.
    BadGateway,
    /// 502, carried out all the same.
    BadGatewayApplied,
    /// An `ErrorCode`; not carried out.
    Code(i64),
}

/// The weather: calm by default.
#[derive(Clone, Debug)]
pub struct Weather {
    /// Nothing is reached until then.
    pub down_until: Timestamp,
    /// What hits calls until when, so many of a thousand.
    pub bursts: Vec<(Trouble, Timestamp, u64)>,
    /// How long a call or a callback is on its way, one direction.
    pub latency: (u64, u64),
    /// Of a thousand callbacks, so many are sent twice, are lost, or come late.
    pub duplicate: u64,
    pub lose: u64,
    pub delay: u64,
    /// How late, at most.
    pub latest: Duration,
    /// Callbacks overtake each other.
    pub reorder: bool,
    /// Chat sends again what was not answered with 200.
    pub again: bool,
}

impl Default for Weather {
    fn default() -> Self {
        Self {
            down_until: Timestamp::default(),
            bursts: Vec::new(),
            latency: (1, 1),
            duplicate: 0,
            lose: 0,
            delay: 0,
            latest: Duration::ZERO,
            reorder: false,
            again: true,
        }
    }
}

impl Weather {
    /// What hits a call that goes out at this time.
    pub fn hits(&mut self, now: Timestamp, rng: &mut Rng) -> Option<Trouble> {
        if now < self.down_until {
            return Some(Trouble::Unreachable);
        }
        self.bursts.retain(|(_, until, _)| now < *until);
        self.bursts.iter().find(|(_, _, rate)| rng.chance(*rate)).map(|(trouble, ..)| *trouble)
    }

    /// Ends everything that passes by itself; how far Chat is away stays.
    pub fn clear(&mut self) {
        let latency = self.latency;
        *self = Self { latency, ..Self::default() };
    }
}
