//! As many passes of the network at a time as there are processors; who waits longer than its deadline is told so.

use std::{
    sync::{Condvar, Mutex, PoisonError},
    time::Instant,
};

pub struct Gate {
    free: Mutex<usize>,
    changed: Condvar,
}

/// One turn; over when dropped.
pub struct Turn<'g>(&'g Gate);

impl Gate {
    pub fn new(turns: usize) -> Self {
        Self { free: Mutex::new(turns.max(1)), changed: Condvar::new() }
    }

    /// A turn, or none by `deadline`.
    pub fn enter(&self, deadline: Instant) -> Option<Turn<'_>> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let left = deadline.checked_duration_since(Instant::now())?;
            if *free > 0 {
                *free -= 1;
                return Some(Turn(self));
            }
            free = self.changed.wait_timeout(free, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *self.0.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn nobody_waits_longer_than_the_deadline() {
        let gate = Gate::new(1);
        let soon = || Instant::now() + Duration::from_millis(20);
        let first = gate.enter(soon());
        assert!(first.is_some() && gate.enter(soon()).is_none());
        drop(first);
        assert!(gate.enter(Instant::now() + Duration::from_secs(60)).is_some());
    }
}
