//! How long to wait after a failure: twice as long each time, with chance in it, and never less than was asked for.

use std::time::Duration;

/// The longest that a receiver may ask for.
const LONGEST_ASKED: Duration = Duration::from_secs(3600);

/// The wait after `attempts` failures in a row (1 or more). `chance` is any number: it chooses between half and all of
/// the wait, so that many destinations do not come back at the same moment.
pub(crate) fn wait(
    attempts: u32,
    first: Duration,
    longest: Duration,
    asked: Option<Duration>,
    chance: u64,
) -> Duration {
    let whole = first.saturating_mul(1 << attempts.saturating_sub(1).min(16)).min(longest);
    let half = whole / 2;
    let spread = half.mul_f64((chance % 1000) as f64 / 1000.0);
    (half + spread).max(asked.unwrap_or_default().min(LONGEST_ASKED))
}

/// Random enough for spreading.
pub(crate) fn chance() -> u64 {
    let mut bytes = [0; 8];
    let _ = aws_lc_rs::rand::fill(&mut bytes);
    u64::from_le_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(attempts: u32, asked: Option<u64>, chance: u64) -> f64 {
        let (first, longest) = (Duration::from_secs(1), Duration::from_secs(300));
        wait(attempts, first, longest, asked.map(Duration::from_secs), chance).as_secs_f64()
    }

    #[test]
    fn the_wait_doubles_up_to_its_end_and_has_chance_in_it() {
        assert_eq!((seconds(1, None, 0), seconds(2, None, 0), seconds(3, None, 0)), (0.5, 1.0, 2.0));
        assert!(seconds(3, None, 999) > 3.9 && seconds(40, None, 999) < 300.0 && seconds(40, None, 0) == 150.0);
    }

    #[test]
    fn what_the_receiver_asks_for_is_kept_within_an_hour() {
        assert_eq!((seconds(1, Some(120), 5), seconds(1, Some(999_999), 5)), (120.0, 3600.0));
    }
}
