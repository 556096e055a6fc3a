//! Time as a parameter: whoever needs "now" again and again is handed a [`Clock`]; `server` makes the real one,
//! tests make one they can turn.

use std::{fmt, sync::Arc};

use crate::Timestamp;

/// Tells the time. Cheap to clone. This crate has no clock of its own; the function inside is given by the caller.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// A clock that asks `now`.
    pub fn new(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }
    /// The time now.
    pub fn now(&self) -> Timestamp {
        (self.0)()
    }
}
impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}
