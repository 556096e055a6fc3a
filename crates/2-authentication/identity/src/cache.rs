//! What storage said a moment ago. Nothing is believed for longer than [`MAX_AGE`], so a revocation is effective
//! everywhere within it; this process also forgets at once what it revokes itself.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use domain::Timestamp;

/// Revocation is effective within this.
pub(crate) const MAX_AGE: Duration = Duration::from_secs(4);

#[derive(Debug)]
pub(crate) struct Recent<K, V> {
    entries: Mutex<HashMap<K, (Timestamp, V)>>,
    capacity: usize,
}

impl<K: Eq + Hash + Clone, V: Clone> Recent<K, V> {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { entries: Mutex::new(HashMap::new()), capacity }
    }

    /// What was read less than [`MAX_AGE`] ago. A clock that was set back makes it unknown, not eternal.
    pub(crate) fn get(&self, key: &K, now: Timestamp) -> Option<V> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.get(key).filter(|(read_at, _)| fresh(*read_at, now)).map(|(_, value)| value.clone())
    }

    /// `read_at` is when the question was asked, not when the answer came.
    pub(crate) fn put(&self, key: K, value: V, read_at: Timestamp) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= self.capacity && !entries.contains_key(&key) {
            entries.retain(|_, (at, _)| fresh(*at, read_at));
            if entries.len() >= self.capacity {
                entries.clear();
            }
        }
        entries.insert(key, (read_at, value));
    }

    pub(crate) fn forget(&self, key: &K) {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
    pub(crate) fn forget_all(&self) {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

fn fresh(read_at: Timestamp, now: Timestamp) -> bool {
    read_at <= now && now.since(read_at) < MAX_AGE
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(1_000_000_000 + seconds * 1_000_000)
    }

    #[test]
    fn nothing_is_believed_for_five_seconds() {
        let recent = Recent::new(10);
        recent.put(1, "a", at(0));
        assert_eq!(recent.get(&1, at(3)), Some("a"));
        assert_eq!(recent.get(&1, at(4)), None);
        assert_eq!(recent.get(&1, at(-1)), None);
    }

    #[test]
    fn it_stays_within_its_capacity() {
        let recent = Recent::new(10);
        (0..1000).for_each(|key| recent.put(key, key, at(0)));
        assert!(recent.entries.lock().unwrap().len() <= 10);
    }
}
