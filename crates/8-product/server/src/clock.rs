//! The one real clock of the house; everybody below is handed it.

use domain::{Clock, Timestamp};

/// The system's clock.
pub fn system() -> Clock {
    Clock::new(|| {
        #[allow(clippy::disallowed_methods, reason = "this is the one real clock")]
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    })
}
