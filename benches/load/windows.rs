//! How many calls fall into one second, wherever that second begins.

use std::time::{Duration, Instant};

/// Calls in a sliding second: the fewest (of seconds wholly between first and last call), the most, and
/// the mean rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sliding {
    pub fewest: usize,
    pub most: usize,
    pub mean: f64,
}

const SECOND: Duration = Duration::from_secs(1);

/// Looks at the seconds that begin just after and that end just before each call: between these, the
/// number does not change.
pub fn sliding(times: &[Instant]) -> Option<Sliding> {
    let (first, last) = (*times.first()?, *times.last()?);
    if last - first < SECOND {
        return None;
    }
    let (mut most, mut fewest) = (0, usize::MAX);
    let (mut end, mut closed_end) = (0, 0);
    for (begin, time) in times.iter().enumerate() {
        while end < times.len() && times[end] < *time + SECOND {
            end += 1;
        }
        most = most.max(end - begin);
        // The second that begins just behind this call, and ends with the one a second later.
        if *time + SECOND <= last {
            while closed_end < times.len() && times[closed_end] <= *time + SECOND {
                closed_end += 1;
            }
            fewest = fewest.min(closed_end - begin - 1);
        }
    }
    let mean = (times.len() - 1) as f64 / (last - first).as_secs_f64();
    Some(Sliding { fewest, most, mean })
}
