//! What was reckoned lately, by a digest under a key of this process: nobody can aim at a collision, and nothing of a
//! text can be read out of it.

use std::{
    collections::HashMap,
    hash::{BuildHasher, Hasher, RandomState},
    sync::{Arc, Mutex, PoisonError},
};

/// Bounded: when the younger half is full, the older half goes.
pub struct Cache<V> {
    keys: [RandomState; 2],
    most: usize,
    halves: Mutex<Halves<V>>,
}

struct Halves<V> {
    young: HashMap<u128, Arc<V>>,
    old: HashMap<u128, Arc<V>>,
}

impl<V> Cache<V> {
    pub fn new(most: usize) -> Self {
        Self {
            keys: [RandomState::new(), RandomState::new()],
            most: most / 2,
            halves: Mutex::new(Halves { young: HashMap::new(), old: HashMap::new() }),
        }
    }

    pub fn key(&self, ids: impl Iterator<Item = u32>) -> u128 {
        let mut hashers = self.keys.each_ref().map(BuildHasher::build_hasher);
        for id in ids {
            hashers.iter_mut().for_each(|hasher| hasher.write_u32(id));
        }
        let [high, low] = hashers.map(|hasher| u128::from(hasher.finish()));
        high << 64 | low
    }

    pub fn get(&self, key: u128) -> Option<Arc<V>> {
        let mut halves = self.halves.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = halves.young.get(&key) {
            return Some(Arc::clone(found));
        }
        let found = halves.old.remove(&key)?;
        halves.young.insert(key, Arc::clone(&found));
        Some(found)
    }

    pub fn put(&self, key: u128, value: V) -> Arc<V> {
        let value = Arc::new(value);
        let mut halves = self.halves.lock().unwrap_or_else(PoisonError::into_inner);
        if halves.young.len() >= self.most {
            halves.old = std::mem::take(&mut halves.young);
        }
        halves.young.insert(key, Arc::clone(&value));
        value
    }
}
