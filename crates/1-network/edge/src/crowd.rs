//! How many connections each address holds open.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use crate::address::{TrustedProxies, counted_as};

/// Counts connections by address, so that one client cannot hold every slot.
#[derive(Debug, Clone)]
pub(crate) struct Crowd {
    most: usize,
    exempt: TrustedProxies,
    open: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// A connection's place, given back when it ends.
#[derive(Debug)]
pub(crate) struct Place(Option<(Crowd, IpAddr)>);

impl Crowd {
    pub(crate) fn new(most: usize, exempt: TrustedProxies) -> Self {
        Self { most, exempt, open: Arc::default() }
    }

    /// A place for one more connection of `address`, or `None` when it holds as many as it may.
    pub(crate) fn enter(&self, address: IpAddr) -> Option<Place> {
        if self.exempt.contains(address) {
            return Some(Place(None));
        }
        let key = counted_as(address);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let held = open.entry(key).or_default();
        if *held >= self.most {
            return None;
        }
        *held += 1;
        Some(Place(Some((self.clone(), key))))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some((crowd, key)) = self.0.take() else { return };
        let mut open = crowd.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = open.get_mut(&key) {
            *held = held.saturating_sub(1);
            if *held == 0 {
                open.remove(&key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_holds_so_many_connections_and_no_more() {
        let crowd = Crowd::new(2, TrustedProxies::new(["10.0.0.9"]).unwrap());
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let first = crowd.enter(address("192.0.2.1")).unwrap();
        let _second = crowd.enter(address("::ffff:192.0.2.1")).unwrap();
        assert!(crowd.enter(address("192.0.2.1")).is_none());
        let _other = crowd.enter(address("192.0.2.2")).unwrap();
        drop(first);
        assert!(crowd.enter(address("192.0.2.1")).is_some());
        let proxied: Vec<_> = (0..9).map(|_| crowd.enter(address("10.0.0.9")).unwrap()).collect();
        drop((proxied, _second, _other));
        assert!(crowd.open.lock().unwrap().is_empty(), "nothing is kept of who is gone");
    }
}
