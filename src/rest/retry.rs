//! When a failed try is repeated: a pure function, with jitter that follows from the effect.

use std::time::Duration;

use super::Class;
use crate::clock::Timestamp;

/// The first pause; each further one is twice as long.
const FIRST: Duration = Duration::from_secs(1);
/// The longest pause.
const LONGEST: Duration = Duration::from_secs(300);
/// After this long, an effect is given up and becomes a dead letter.
const GIVE_UP: Duration = Duration::from_secs(24 * 3_600);
/// The same for codes that say so little that a refusal may hide behind them.
const GIVE_UP_BRIEFLY: Duration = Duration::from_secs(15 * 60);
/// Nothing is given up after fewer tries than this, about a minute of them: an effect that stood in
/// its lane for a day while Chat was away has had no chance yet.
const TRIES: u32 = 6;

/// The next try after one more failed than `tries`, or `None` when it is time to give up.
///
/// `jitter` is any number that belongs to the effect: effects that failed together do not come back
/// together, and a replay gives the same times.
pub fn next_try(
    tries: u32,
    class: Class,
    jitter: u64,
    first: Timestamp,
    now: Timestamp,
) -> Option<Timestamp> {
    let give_up = match class {
        Class::Done | Class::Refused => return None,
        Class::AgainBriefly => GIVE_UP_BRIEFLY,
        _ => GIVE_UP,
    };
    if tries >= TRIES && now.since(first) >= give_up {
        return None;
    }
    let pause = match class {
        Class::Wait(time) => time,
        _ => FIRST.saturating_mul(1 << tries.min(16)).min(LONGEST),
    };
    // Up to a quarter more, never less.
    let mixed = jitter.rotate_left(tries) ^ u64::from(tries).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let share = u32::try_from(mixed % 256).unwrap_or_default();
    Some(now + pause + pause * share / 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST_TRIED: Timestamp = Timestamp(1_000_000);

    fn pause(tries: u32) -> u128 {
        let next = next_try(tries, Class::Again, 0x1234_5678_9ABC_DEF0, FIRST_TRIED, FIRST_TRIED);
        next.unwrap().since(FIRST_TRIED).as_secs().into()
    }

    #[test]
    fn pauses_double_up_to_five_minutes() {
        assert!((1..=1).contains(&pause(0)));
        assert!((4..=5).contains(&pause(2)));
        assert!((64..=80).contains(&pause(6)));
        assert!((300..=375).contains(&pause(40)));
    }

    #[test]
    fn a_day_later_it_is_given_up_and_an_unknown_code_sooner() {
        let later = |seconds| FIRST_TRIED + Duration::from_secs(seconds);
        let next = |class, seconds| next_try(9, class, 7, FIRST_TRIED, later(seconds));
        assert!(next(Class::Again, 86_399).is_some());
        assert_eq!(next(Class::Again, 86_400), None);
        assert!(next(Class::AgainBriefly, 899).is_some());
        assert_eq!(next(Class::AgainBriefly, 900), None);
    }

    #[test]
    fn an_effect_that_waited_in_its_lane_for_days_still_gets_its_tries() {
        let late = FIRST_TRIED + Duration::from_secs(3 * 24 * 3_600);
        for class in [Class::Again, Class::AgainBriefly, Class::SlowDown] {
            let next = |tries| next_try(tries, class, 7, FIRST_TRIED, late);
            assert!((0..TRIES).all(|tries| next(tries).is_some()), "{class:?}");
            assert_eq!(next(TRIES), None, "{class:?}");
        }
    }

    #[test]
    fn what_is_done_or_refused_is_not_tried_again() {
        assert_eq!(next_try(0, Class::Done, 7, FIRST_TRIED, FIRST_TRIED), None);
        assert_eq!(next_try(0, Class::Refused, 7, FIRST_TRIED, FIRST_TRIED), None);
    }

    #[test]
    fn jitter_adds_up_to_a_quarter_and_never_takes_away() {
        for tries in [0, 3, 9, 40, u32::MAX] {
            let pause = FIRST.saturating_mul(1 << tries.min(16)).min(LONGEST);
            for effect in 0..500 {
                let next = next_try(tries, Class::Again, effect, FIRST_TRIED, FIRST_TRIED).unwrap();
                let taken = next.since(FIRST_TRIED);
                assert!(pause <= taken && taken <= pause * 5 / 4, "{tries}: {taken:?}");
            }
        }
    }

    #[test]
    fn the_same_effect_gives_the_same_time_and_another_one_another() {
        let next = |jitter| next_try(5, Class::Again, jitter, FIRST_TRIED, FIRST_TRIED);
        assert_eq!(next(11), next(11));
        assert_ne!(next(11), next(12));
    }

    #[test]
    fn a_time_that_chat_demands_is_kept() {
        let minute = Duration::from_secs(60);
        let next = next_try(0, Class::Wait(minute), 3, FIRST_TRIED, FIRST_TRIED).unwrap();
        assert!(next >= FIRST_TRIED + minute);
    }
}
