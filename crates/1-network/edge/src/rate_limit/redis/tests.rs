//! The script against [`Local`], request for request, on times that are given: the script under test is the one that
//! ships, with its one question for the time replaced.

use std::sync::atomic::{AtomicU32, Ordering};

use ::redis::Cmd;
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use tokio::runtime::{Builder, Runtime};

use super::{super::Local, *};
use crate::Error;

const BASE: i64 = 1_700_000_000_000_000;

/// A Redis that is told what time it is.
struct Given {
    runtime: Runtime,
    session: Session,
}

impl Given {
    fn new() -> Self {
        assert_eq!(WINDOW.matches("redis.call('TIME')").count(), 1);
        let script = WINDOW.replace("redis.call('TIME')", "{ ARGV[5], ARGV[6] }").leak();
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let address = Address::read(&harness::servers::redis(), None).unwrap();
        let (session, driver) = runtime.block_on(Session::open(&address, script)).unwrap();
        runtime.spawn(driver);
        Self { runtime, session }
    }
    fn call(&self, window: Window, key: Key, at: i64) -> Cmd {
        let mut call = self.session.by_hash(window, key);
        call.arg((BASE + at) / 1_000_000).arg((BASE + at) % 1_000_000);
        call
    }
    fn take(&self, window: Window, key: Key, at: i64) -> Verdict {
        self.runtime.block_on(self.session.answer(window, &self.call(window, key, at))).unwrap()
    }
    /// Many at once, in order: (allowed, remaining, wait).
    fn take_all(&self, window: Window, key: Key, times: &[i64]) -> Vec<(bool, u32, u64)> {
        let mut pipe = ::redis::pipe();
        for at in times {
            pipe.add_command(self.call(window, key, *at));
        }
        self.runtime.block_on(pipe.query_async(&mut self.session.clone_connection())).unwrap()
    }
}

fn fresh_key() -> Key {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    Key::of(&["trace", &std::process::id().to_string(), &NEXT.fetch_add(1, Ordering::Relaxed).to_string()])
}
fn locally(local: &Local, window: Window, key: Key, at: i64) -> Verdict {
    local.take_now(window, key, Timestamp::from_micros(BASE + at))
}
fn micros(verdict: &Verdict) -> u64 {
    u64::try_from(verdict.wait.as_micros()).unwrap()
}

/// Times with gaps of every size, and now and then a clock that is set back, a little or by more than a window.
/// They pass faster than real time, so that no tally expires under the test.
fn traces() -> impl Strategy<Value = Vec<i64>> {
    let gap = prop_oneof![
        40 => 0..2_000_000i64,
        20 => 0..20_000_000i64,
        6 => 0..150_000_000i64,
        2 => -30_000_000..0i64,
        1 => -900_000_000..-150_000_000i64
    ];
    prop::collection::vec(gap, 1..120).prop_map(|gaps| {
        let sum = |at: &mut i64, gap| {
            *at += gap;
            Some(*at)
        };
        gaps.into_iter().scan(0, sum).collect()
    })
}

/// R026, R027: allowed, remaining and wait are the same in Redis and in this process, on the same trace.
#[test]
fn redis_and_local_agree_on_every_trace() {
    let redis = Given::new();
    let cases = (traces(), 0u32..15, 60_000_000u64..120_000_000);
    let mut runner = TestRunner::new(Config { cases: 60, failure_persistence: None, ..Config::default() });
    let agree = |(trace, limit, length): (Vec<i64>, u32, u64)| {
        for name in [WindowName::Api, WindowName::Authentication] {
            let (local, key) = (Local::default(), fresh_key());
            let window = Window::new(name, limit, Duration::from_micros(length));
            for at in &trace {
                prop_assert_eq!(
                    redis.take(window, key, *at),
                    locally(&local, window, key, *at),
                    "{:?} at {}",
                    name,
                    at
                );
            }
        }
        Ok(())
    };
    runner.run(&cases, agree).unwrap();
}

/// Issue 5, figures: 100,000 requests against the full log of those let through; never more than the limit in any
/// window (2 % more would be allowed), and in step with [`Local`].
#[test]
fn a_hundred_thousand_requests_against_the_full_log() {
    let (redis, limit, length) = (Given::new(), 600, 60_000_000);
    let trace: Vec<i64> = (0..100_000).map(|n| n * 3_000 + (n % 7) * 11).collect(); // 300 s at 333 a second
    let window = Window::new(WindowName::Api, limit, Duration::from_micros(length as u64));
    let (local, key) = (Local::default(), fresh_key());
    let mut log = Vec::new();
    for times in trace.chunks(1_000) {
        for (at, answer) in times.iter().zip(redis.take_all(window, key, times)) {
            let here = locally(&local, window, key, *at);
            assert_eq!(answer, (here.allowed, here.remaining, micros(&here)), "at {at}");
            log.extend(answer.0.then_some(*at));
        }
    }
    let most = (0..log.len()).map(|first| log[first..].partition_point(|at| at - log[first] < length)).max();
    assert!(most.unwrap() <= limit as usize, "{most:?}");
    println!("Redis: {} of 100,000 let through, {most:?} at most in a window of {limit}", log.len());
}

fn refused(url: &str) -> Error {
    Address::read(url, None).map(|address| address.to_string()).expect_err(url)
}

/// R016: another machine is spoken to under TLS or not at all, and the certificate check cannot be switched off.
#[test]
fn plain_redis_is_for_this_machine_only() {
    for url in [
        "redis://10.0.0.7",
        "redis://cache.example.com:6379/1",
        "valkey://[fd00::7]:6379",
        "redis://127.0.0.1.example.com",
    ] {
        assert!(matches!(refused(url), Error::RedisUnencrypted { .. }), "{url}");
    }
    for url in [
        "redis://127.0.0.1:6379",
        "redis://localhost/3",
        "redis://[::1]:7000",
        "redis+unix:///run/redis.sock?db=2",
        "rediss://cache.example.com",
        "rediss://:hidden@10.0.0.7:6380/1",
        "valkeys://[fd00::7]:6379",
    ] {
        assert!(Address::read(url, None).is_ok(), "{url}");
    }
}

#[test]
fn an_unreadable_address_is_refused_and_not_repeated() {
    for url in [
        "",
        "localhost",
        "http://localhost",
        "redis://",
        "redis://localhost/many",
        "redis://localhost:99999",
        "rediss://cache.example.com/#insecure",
        "rediss://cache.example.com/?tls=off",
        "rediss://cache.example.com#x",
        "rediss://0.0.0.0",
        "redis+unix://localhost?sock=x",
        "rediss://-_-./",
    ] {
        assert!(matches!(refused(url), Error::RedisAddress), "{url}");
    }
    for url in ["redis://user:hidden@10.0.0.7", "rediss://user:hidden@cache.example.com/many"] {
        let error = refused(url);
        assert!(!format!("{error} {error:?}").contains("hidden"), "{error:?}");
    }
    assert!(matches!(
        Address::read("rediss://cache.example.com", Some(b"-----BEGIN CERTIFICATE-----")).err(),
        Some(Error::RedisAuthorities)
    ));
}
