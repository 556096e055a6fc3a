//! Jitter for the pause before the next attempt; its source is passed in.

use std::time::Duration;

/// A half of `ceiling` plus `fraction` (0 to 1) of the other half, so that many runs that failed together do not return
/// together. The ceiling grows with the attempts: `workflow::Retry` says how.
pub(crate) fn jittered(ceiling: Duration, fraction: f64) -> Duration {
    ceiling.mul_f64(0.5 + fraction.clamp(0.0, 1.0) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_takes_at_most_half_away() {
        let millis = |fraction| jittered(Duration::from_millis(400), fraction).as_millis();
        assert_eq!([0.0, 0.5, 1.0, 7.0].map(millis), [200, 300, 400, 400]);
    }
}
