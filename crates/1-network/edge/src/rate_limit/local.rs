//! Windows in this process. Memory is bounded: past its capacity the least used keys are forgotten first, so that a
//! flood of new keys cannot wash out those of a client that is close to its limit.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use domain::Timestamp;

use super::{Key, Slots, Unavailable, Verdict, Window, WindowName, Windows};

const SHARDS: usize = 16;
/// How many keys are looked at when one must go.
const SAMPLE: usize = 24;

/// In-process windows for at most `capacity` keys.
#[derive(Debug)]
pub struct Local {
    shards: Vec<Mutex<Shard>>,
    per_shard: usize,
}

type Id = (WindowName, Key);

/// Tallies in a row, so that some can be drawn by lot, and where each stands.
#[derive(Debug, Default)]
struct Shard {
    places: HashMap<Id, usize>,
    tallies: Vec<(Id, Tally)>,
}

/// Times (or sub-buckets) with their counts, oldest first; only those that hold something.
#[derive(Debug, Default)]
struct Tally {
    slots: VecDeque<(i64, u32)>,
    total: u32,
    /// When all of it is forgotten, in microseconds.
    ends: i64,
}

impl Default for Local {
    fn default() -> Self {
        Self::new(200_000)
    }
}

impl Local {
    /// Remembers at most about `capacity` keys.
    pub fn new(capacity: usize) -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Self { shards, per_shard: (capacity / SHARDS).max(1) }
    }

    /// Counts one request at `now`. Never waits.
    pub fn take_now(&self, window: Window, key: Key, now: Timestamp) -> Verdict {
        let shard = &self.shards[usize::from(key.0[15]) % SHARDS];
        let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        shard.tally((window.name, key), self.per_shard, now.micros()).take(window, now.micros())
    }

    /// Keys remembered now.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().unwrap_or_else(PoisonError::into_inner).tallies.len()).sum()
    }
    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[async_trait::async_trait]
impl Windows for Local {
    async fn take(&self, window: Window, key: Key, now: Timestamp) -> Result<Verdict, Unavailable> {
        Ok(self.take_now(window, key, now))
    }
}

impl Shard {
    /// The tally of `id`; makes room for it when there are `most` already.
    fn tally(&mut self, id: Id, most: usize, now: i64) -> &mut Tally {
        let place = match self.places.get(&id) {
            Some(place) => *place,
            None => {
                if self.tallies.len() >= most {
                    self.make_room(now);
                }
                self.places.insert(id, self.tallies.len());
                self.tallies.push((id, Tally::default()));
                self.tallies.len() - 1
            }
        };
        &mut self.tallies[place].1
    }

    /// Forgets one of a few drawn by lot: one that has ended, else the one with the fewest counts.
    fn make_room(&mut self, now: i64) {
        let weight = |tally: &Tally| if tally.ends <= now { 0 } else { tally.total };
        let drawn = (0..SAMPLE).map(|_| rand::random_range(0..self.tallies.len()));
        if let Some(place) = drawn.min_by_key(|place| weight(&self.tallies[*place].1)) {
            let (gone, _) = self.tallies.swap_remove(place);
            self.places.remove(&gone);
            if let Some((moved, _)) = self.tallies.get(place) {
                self.places.insert(*moved, place);
            }
        }
    }
}

impl Tally {
    fn take(&mut self, window: Window, now: i64) -> Verdict {
        let length = window.micros();
        let Slots { unit, span } = window.slots(length);
        let slot = self.in_step(now.div_euclid(unit), span);
        while let Some((_, count)) = self.slots.pop_front_if(|(at, _)| *at <= slot - span) {
            self.total -= count;
        }
        let allowed = self.total < window.limit;
        if allowed {
            self.total += 1;
            match self.slots.back_mut() {
                Some((at, count)) if *at == slot => *count += 1,
                _ => self.slots.push_back((slot, 1)),
            }
        }
        let forgotten = |slot: i64| slot.saturating_add(span).saturating_mul(unit);
        self.ends = self.slots.back().map_or(now, |(at, _)| forgotten(*at));
        let until = if allowed { Some(self.ends) } else { self.slots.front().map(|(at, _)| forgotten(*at)) };
        let wait = until.unwrap_or(now + length).saturating_sub(now).max(0);
        Verdict {
            window,
            allowed,
            remaining: window.limit - self.total.min(window.limit),
            wait: Duration::from_micros(wait as u64),
        }
    }

    /// Time does not run backwards here. A clock that was set back a little is taken to stand still; one that was set
    /// back by more than a window has what was counted moved to the new present, so that nobody waits for the old one.
    fn in_step(&mut self, slot: i64, span: i64) -> i64 {
        match self.slots.back() {
            Some((newest, _)) if slot < newest - span => {
                self.slots = VecDeque::from([(slot, self.total)]);
                slot
            }
            Some((newest, _)) => slot.max(*newest),
            None => slot,
        }
    }
}
