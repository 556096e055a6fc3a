//! Short names for what nearly every test needs.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use authz::{Action, Actor, Narrowing, Permit, SystemPermit, act_as_system};
use domain::{Clock, Environment, Principal, Role, Scope, TeamId, Timestamp, UserId};
use uuid::Uuid;

/// The UUID with this number.
pub fn uuid(n: u128) -> Uuid {
    Uuid::from_u128(n)
}
/// The team with this number.
pub fn team(n: u128) -> TeamId {
    TeamId::from_uuid(uuid(n))
}
/// The user with this number.
pub fn user(n: u128) -> UserId {
    UserId::from_uuid(uuid(n))
}
/// Production of the team with this number.
pub fn scope(n: u128) -> Scope {
    Scope { team: team(n), environment: Environment::Production }
}
/// A permit for user 1 as an admin in production of the team with this number.
pub fn permit<A: Action>(n: u128) -> Permit<A> {
    permit_for(scope(n))
}
/// A permit for user 1 as an admin there.
pub fn permit_for<A: Action>(scope: Scope) -> Permit<A> {
    Actor::new(Principal::User { id: user(1) }, scope, Role::Admin, Narrowing::default()).may().unwrap()
}
/// NodeLoom itself.
pub fn system() -> SystemPermit {
    act_as_system("a test")
}

/// A clock that goes on only when told; it begins on 2026-01-01.
#[derive(Debug, Clone)]
pub struct TestClock(Arc<AtomicI64>);

impl Default for TestClock {
    fn default() -> Self {
        Self(Arc::new(AtomicI64::new(1_767_225_600_000_000)))
    }
}
impl TestClock {
    pub fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(i64::try_from(by.as_micros()).unwrap(), Ordering::SeqCst);
    }
    /// As the house knows it.
    pub fn clock(&self) -> Clock {
        let clock = self.clone();
        Clock::new(move || clock.now())
    }
}
