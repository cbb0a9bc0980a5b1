//! How many calls fall into one second, wherever that second begins.

use std::time::{Duration, Instant};

/// Calls in a sliding second: the fewest (of seconds that begin a second after the first call or later and
/// end before the last; what there was, if it was all over sooner), the most, and the mean rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sliding {
    pub fewest: usize,
    pub most: usize,
    pub mean: f64,
}

const SECOND: Duration = Duration::from_secs(1);

/// Looks at the seconds that begin just after and that end just before each call: between these, the
/// number does not change.
pub fn sliding(times: &[Instant]) -> Sliding {
    let (Some(first), Some(last)) = (times.first().copied(), times.last().copied()) else {
        return Sliding { fewest: 0, most: 0, mean: 0.0 };
    };
    let (mut most, mut fewest) = (0, times.len());
    let (mut end, mut closed_end) = (0, 0);
    for (begin, time) in times.iter().enumerate() {
        while end < times.len() && times[end] < *time + SECOND {
            end += 1;
        }
        most = most.max(end - begin);
        // The second that begins just behind this call, and ends with the one a second later.
        if *time >= first + SECOND && *time + SECOND <= last {
            while closed_end < times.len() && times[closed_end] <= *time + SECOND {
                closed_end += 1;
            }
            fewest = fewest.min(closed_end - begin - 1);
        }
    }
    let mean = (times.len() - 1) as f64 / (last - first).as_secs_f64();
    Sliding { fewest, most, mean }
}
