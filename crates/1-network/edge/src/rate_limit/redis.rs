//! Windows in Redis, shared by every process of an installation (R026): one short script, Redis's own time, the same
//! rules as [`Local`](super::Local). A tally expires by itself when nothing in it counts any more.
//!
//! One connection serves all tasks and one task keeps it. When Redis does not answer in time the connection is given
//! up at once and every question is [`Unavailable`] without waiting, until that task has it back; so nothing piles up
//! behind a Redis that hangs. What to do meanwhile is the caller's decision, never "let it through" here.

mod address;
mod session;
#[cfg(test)]
mod tests;

use std::{io, time::Duration};

use domain::Timestamp;
use tokio::{
    sync::watch,
    task::AbortHandle,
    time::{Instant, sleep, timeout},
};

use self::{
    address::Address,
    session::{Driver, Session, WINDOW},
};
use super::{Key, Unavailable, Verdict, Window, WindowName, Windows};
use crate::Error;

/// For reaching Redis, TLS and login included.
const CONNECT: Duration = Duration::from_secs(2);
/// For one answer.
const COMMAND: Duration = Duration::from_millis(250);
/// Between attempts to reach it: from the first, doubled each time, to the last.
const PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));
/// A connection that held this long was a good one: the next attempt comes after the first pause again.
const STEADY: Duration = Duration::from_secs(10);

/// Windows in a Redis-protocol store.
pub struct Redis {
    link: watch::Sender<Link>,
    keeper: AbortHandle,
}

/// The connection there is now; each has a number, so that only its own failure ends it.
#[derive(Clone, Default)]
struct Link {
    number: u64,
    session: Option<Session>,
}

impl Redis {
    /// Shares windows through the Redis at `url`: `rediss://user:password@host:6379/0`, or on this machine
    /// `redis://127.0.0.1:6379` or `redis+unix:///run/redis.sock`. Its certificate must come from a public authority or
    /// from one in `authorities` (PEM). Answers at once; the connection is made in the background, so this needs a
    /// tokio runtime. See [`Redis::reached`].
    ///
    /// # Errors
    /// [`Error::RedisAddress`], [`Error::RedisUnencrypted`] for a plain `redis://` to another machine (R016), and
    /// [`Error::RedisAuthorities`].
    pub fn open(url: &str, authorities: Option<&[u8]>) -> Result<Self, Error> {
        let address = Address::read(url, authorities)?;
        let link = watch::Sender::new(Link::default());
        let keeper = tokio::spawn(keep(address, link.clone())).abort_handle();
        Ok(Self { link, keeper })
    }

    /// Waits until Redis has answered, at most for `within`. False says that windows are not shared yet.
    pub async fn reached(&self, within: Duration) -> bool {
        let mut link = self.link.subscribe();
        let there = link.wait_for(|link| link.session.is_some());
        timeout(within, there).await.is_ok_and(|seen| seen.is_ok())
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

#[async_trait::async_trait]
impl Windows for Redis {
    /// `now` is not used: processes whose clocks differ would not agree, so Redis's clock decides.
    async fn take(&self, window: Window, key: Key, _now: Timestamp) -> Result<Verdict, Unavailable> {
        let Link { number, session } = self.link.borrow().clone();
        let session = session.ok_or(Unavailable)?;
        let failure = match timeout(COMMAND, session.take(window, key)).await {
            Ok(Ok(verdict)) => return Ok(verdict),
            Ok(Err(error)) => io::Error::other(error),
            Err(late) => late.into(),
        };
        if end(&self.link, number) {
            tracing::warn!(error = %failure, "Redis did not count a request; rate limits hold per process until it does");
        }
        Err(Unavailable)
    }
}

/// Ends connection `number`; false when it had ended already.
fn end(link: &watch::Sender<Link>, number: u64) -> bool {
    link.send_if_modified(|link| link.number == number && link.session.take().is_some())
}

/// Keeps a connection as long as it lives: connects, waits until it ends, connects again.
async fn keep(address: Address, link: watch::Sender<Link>) {
    let mut pause = PAUSE.0;
    let mut told = false;
    for number in 1.. {
        match timeout(CONNECT, connect(&address)).await.unwrap_or_else(|late| Err(late.into())) {
            Ok((session, driver)) => {
                tracing::info!(%address, "rate limits are shared through Redis");
                told = false;
                link.send_replace(Link { number, session: Some(session) });
                let since = Instant::now();
                lost(&link, driver, number).await;
                if since.elapsed() > STEADY {
                    pause = PAUSE.0;
                }
            }
            Err(error) if !told => {
                tracing::warn!(%address, %error, "Redis is not there; rate limits hold per process until it is");
                told = true;
            }
            Err(_) => {}
        }
        sleep(pause.mul_f64(rand::random_range(0.75..1.25))).await;
        pause = (pause * 2).min(PAUSE.1);
    }
}

/// A connection over which a request was counted: a Redis that can be reached but refuses to write is not there.
async fn connect(address: &Address) -> io::Result<(Session, Driver)> {
    let (session, mut driver) = Session::open(address, WINDOW).await?;
    let trial = Window::new(WindowName::Address, u32::MAX, Duration::from_secs(1));
    tokio::select! {
        counted = session.take(trial, Key::of(&["trial"])) => counted.map_err(io::Error::other)?,
        () = &mut driver => return Err(io::ErrorKind::ConnectionReset.into()),
    };
    Ok((session, driver))
}

/// Moves the connection's bytes until it breaks or is given up.
async fn lost(link: &watch::Sender<Link>, driver: Driver, number: u64) {
    let mut watched = link.subscribe();
    tokio::select! {
        () = driver => {}
        _ = watched.wait_for(|link| link.session.is_none()) => {}
    }
    if end(link, number) {
        tracing::warn!("the connection to Redis broke; rate limits hold per process until it is back");
    }
}
