//! One connection to Redis, and the script that is run over it.

use std::{future::Future, io, pin::Pin, sync::Arc, time::Duration};

use ::redis::{
    AsyncConnectionConfig, Cmd, ErrorKind, RedisError, RedisResult, ServerErrorKind, aio::MultiplexedConnection,
};

use super::{COMMAND, address::Address};
use crate::{
    Verdict, Window,
    rate_limit::{Key, Slots},
};

/// The whole of a window's rules: see the file.
pub(super) const WINDOW: &str = include_str!("window.lua");
/// Longest window that the script is asked for, a century: its numbers are exact up to 2^53.
const LONGEST: i64 = 100 * 366 * 24 * 3600 * 1_000_000;

/// A connection that has answered. Cheap to clone; requests of many tasks share it.
#[derive(Clone)]
pub(super) struct Session {
    connection: MultiplexedConnection,
    script: &'static str,
    hash: Arc<str>,
}

/// What moves bytes for a [`Session`]; ends when the connection does, and ends the connection when dropped.
pub(super) type Driver = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Session {
    /// Connects, signs in and leaves the script with Redis.
    pub(super) async fn open(address: &Address, script: &'static str) -> io::Result<(Self, Driver)> {
        let config = AsyncConnectionConfig::new().set_response_timeout(Some(COMMAND)).set_connection_timeout(None);
        let wire = address.connect().await?;
        let opened = MultiplexedConnection::new_with_config(address.login(), wire, config).await;
        let (mut connection, driver) = opened.map_err(io::Error::other)?;
        let mut driver: Driver = Box::pin(driver);
        let mut load = Cmd::new();
        load.arg("SCRIPT").arg("LOAD").arg(script);
        let hash: String = tokio::select! {
            answer = load.query_async(&mut connection) => answer.map_err(io::Error::other)?,
            () = &mut driver => return Err(io::ErrorKind::ConnectionReset.into()),
        };
        Ok((Self { connection, script, hash: hash.into() }, driver))
    }

    /// Counts one request at Redis's own time. Redis may have forgotten the script (a restart behind a proxy, SCRIPT
    /// FLUSH): then it gets it again.
    pub(super) async fn take(&self, window: Window, key: Key) -> RedisResult<Verdict> {
        match self.answer(window, &self.by_hash(window, key)).await {
            Err(error) if forgotten(&error) => self.answer(window, &self.by_text(window, key)).await,
            answered => answered,
        }
    }

    pub(super) fn by_hash(&self, window: Window, key: Key) -> Cmd {
        call("EVALSHA", &self.hash, window, key)
    }
    fn by_text(&self, window: Window, key: Key) -> Cmd {
        call("EVAL", self.script, window, key)
    }

    #[cfg(test)]
    pub(super) fn clone_connection(&self) -> MultiplexedConnection {
        self.connection.clone()
    }
    pub(super) async fn answer(&self, window: Window, call: &Cmd) -> RedisResult<Verdict> {
        let (allowed, remaining, wait): (bool, u32, u64) = call.query_async(&mut self.connection.clone()).await?;
        Ok(Verdict { window, allowed, remaining, wait: Duration::from_micros(wait) })
    }
}

fn forgotten(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoScript)
}

fn call(command: &str, script: &str, window: Window, key: Key) -> Cmd {
    let length = window.micros().min(LONGEST);
    let Slots { unit, span } = window.slots(length);
    let mut call = Cmd::new();
    call.arg(command).arg(script).arg(1).arg(name(window, key)).arg(window.limit).arg(unit).arg(span).arg(length);
    call
}

/// The tally's name in Redis. What comes from outside is in the hash only; a window of another length has another
/// tally, so that settings may change while several processes run.
fn name(window: Window, key: Key) -> String {
    use std::fmt::Write as _;
    let mut name = format!("nodeloom:rate:v1:{}:{}:", window.name.as_str(), window.micros());
    for byte in key.bytes() {
        _ = write!(name, "{byte:02x}");
    }
    name
}
