//! When a failed call is tried again: back-off with jitter that the effect's id decides. Pure.

use std::time::Duration;

use super::error::Class;
use crate::clock::Timestamp;

/// The first pause, before jitter.
const FIRST: Duration = Duration::from_secs(1);

/// The longest pause, before jitter: with it, no pause is over 5 minutes.
const LONGEST: Duration = Duration::from_secs(240);

/// How long pauses go on, before jitter, until the effect is a dead letter. It is counted in pauses
/// and not by the clock: neither a bot that was down nor a lane that stood still uses it up.
const PATIENCE: Duration = Duration::from_secs(24 * 3600);

/// The tries of [`Class::AgainBriefly`]: about eight minutes.
pub const BRIEF_TRIES: u32 = 10;

/// When to try again after `attempt` tries (1 after the first) that ended with `class`; `None`: not
/// any more, the effect is a dead letter. The same effect and attempt always pause equally long.
pub fn next_try(attempt: u32, class: Class, effect_hash: u64, now: Timestamp) -> Option<Timestamp> {
    let attempt = attempt.max(1);
    let at_least = match class {
        Class::Done | Class::Refused => return None,
        Class::AgainBriefly if attempt >= BRIEF_TRIES => return None,
        _ if paused_before(attempt) >= PATIENCE => return None,
        // Nobody is quick to repair these: look in now and then.
        Class::Configuration | Class::Resign => LONGEST,
        Class::Wait(time) => time,
        Class::Again | Class::AgainBriefly | Class::SlowDown => Duration::ZERO,
    };
    Some(now + at_least.max(jittered(pause(attempt), attempt, effect_hash)))
}

/// The pause after this attempt, before jitter: 1 s, 2 s, 4 s, … [`LONGEST`].
fn pause(attempt: u32) -> Duration {
    let doubled = 1_u32.checked_shl(attempt - 1).unwrap_or(u32::MAX);
    FIRST.saturating_mul(doubled).min(LONGEST)
}

/// The sum of the pauses before this attempt.
fn paused_before(attempt: u32) -> Duration {
    (1..attempt).map(pause).take(1_000).sum()
}

/// Three to five quarters of a pause.
fn jittered(pause: Duration, attempt: u32, effect_hash: u64) -> Duration {
    let share = mix(effect_hash ^ u64::from(attempt)) % 1_001;
    let per_mille = 750 + u32::try_from(share / 2).unwrap_or(0);
    pause * per_mille / 1_000
}

/// Spreads neighbouring numbers over all of u64 (the finaliser of `SplitMix64`).
fn mix(number: u64) -> u64 {
    let number = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_700_000_000_000);

    fn pause_after(attempt: u32, class: Class, hash: u64) -> Option<Duration> {
        next_try(attempt, class, hash, NOW).map(|at| at.since(NOW))
    }

    fn tries(class: Class) -> (u32, Duration) {
        let mut total = Duration::ZERO;
        for attempt in 1.. {
            match pause_after(attempt, class, 7) {
                Some(pause) => total += pause,
                None => return (attempt, total),
            }
        }
        unreachable!("every class gives up");
    }

    #[test]
    fn pauses_double_from_one_second_to_five_minutes_give_or_take_a_quarter() {
        for (attempt, seconds) in [(1, 1), (2, 2), (3, 4), (8, 128), (9, 240), (50, 240)] {
            for hash in 0..200 {
                let pause = pause_after(attempt, Class::Again, hash).unwrap();
                let middle = Duration::from_secs(seconds);
                assert!(middle * 3 / 4 <= pause && pause <= middle * 5 / 4, "{attempt}: {pause:?}");
            }
        }
    }

    #[test]
    fn the_effect_decides_its_pauses_and_different_effects_differ() {
        let pauses = (0..100).map(|hash| pause_after(9, Class::Again, hash)).collect::<Vec<_>>();
        assert_eq!(pauses[3], pause_after(9, Class::Again, 3));
        let mut distinct = pauses.clone();
        distinct.sort();
        distinct.dedup();
        assert!(distinct.len() > 80, "{} of 100", distinct.len());
    }

    #[test]
    fn trying_goes_on_for_about_a_day() {
        let day = Duration::from_secs(24 * 3600);
        for class in [Class::Again, Class::SlowDown, Class::Configuration] {
            let (tries, total) = tries(class);
            assert!((day * 9 / 10..=day * 12 / 10).contains(&total), "{class:?}: {total:?}");
            assert!((360..=370).contains(&tries), "{class:?}: {tries}");
        }
    }

    #[test]
    fn a_code_that_nobody_documented_is_tried_for_minutes() {
        let (tries, total) = tries(Class::AgainBriefly);
        assert_eq!(tries, BRIEF_TRIES);
        assert!(total < Duration::from_secs(11 * 60), "{total:?}");
    }

    #[test]
    fn what_is_done_or_refused_is_not_tried_again() {
        assert_eq!(next_try(1, Class::Done, 7, NOW), None);
        assert_eq!(next_try(1, Class::Refused, 7, NOW), None);
    }

    #[test]
    fn a_wait_is_kept_and_a_wrong_configuration_is_not_hammered_at() {
        let minute = Duration::from_secs(60);
        assert_eq!(pause_after(1, Class::Wait(minute), 7), Some(minute));
        assert!(pause_after(20, Class::Wait(minute), 7) > Some(minute));
        assert!(pause_after(1, Class::Configuration, 7) >= Some(4 * minute));
    }

    #[test]
    fn attempts_beyond_all_counting_are_no_accident() {
        assert_eq!(next_try(u32::MAX, Class::Again, u64::MAX, NOW), None);
        assert_eq!(next_try(0, Class::Again, 7, NOW), next_try(1, Class::Again, 7, NOW));
    }
}
