//! Which database, and how hard to try. `server/config.rs` fills this; nothing here reads the environment.

use std::{net::IpAddr, path::PathBuf, str::FromStr, time::Duration};

use domain::Secret;
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use crate::{Error, Result};

/// Where the database is.
#[derive(Debug, Clone)]
pub enum Location {
    /// The embedded default: one file, made with mode 0600 when absent.
    Sqlite(PathBuf),
    /// `postgres://user:password@host:port/database?sslmode=verify-full`, for more than one machine.
    Postgres(Secret<String>),
}

/// Settings of a [`Store`](crate::Store). `StoreConfig::at(location)` has the defaults.
#[derive(Debug, Clone)]
pub struct StoreConfig {
    pub location: Location,
    /// Connections for reading. Default 4.
    pub readers: usize,
    /// Most changes in one transaction. Default 256.
    pub batch: usize,
    /// Changes that may wait; beyond that, callers wait to get in. Default 4096.
    pub queue: usize,
    /// How long a change is tried again while the database is away. Default 5 s.
    pub retry_window: Duration,
    /// Longest a transaction or a read may take before its connection is given up. Default 30 s.
    pub statement_timeout: Duration,
    /// Whether PostgreSQL on another machine may be spoken to without TLS. Default no.
    pub plain_tcp_allowed: bool,
}

impl StoreConfig {
    /// The defaults.
    pub const fn at(location: Location) -> Self {
        Self {
            location,
            readers: 4,
            batch: 256,
            queue: 4096,
            retry_window: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(30),
            plain_tcp_allowed: false,
        }
    }
    /// From `sqlite:<path>` or `postgres://…`.
    ///
    /// # Errors
    /// [`Error::Config`] when it is neither.
    pub fn from_url(url: &str) -> Result<Self> {
        if let Some(path) = url.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            return match path {
                "" => Err(Error::Config("the database URL names no file after `sqlite:`".to_owned())),
                path => Ok(Self::at(Location::Sqlite(PathBuf::from(path)))),
            };
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Self::at(Location::Postgres(Secret::new(url.to_owned()))));
        }
        Err(Error::Config("the database URL starts with neither `sqlite:` nor `postgres://`".to_owned()))
    }
}

/// Connection options for `url`. Outside this machine TLS is on and the certificate is checked, unless the URL names
/// another mode; a mode without TLS is refused unless `plain_allowed`.
pub(crate) fn postgres_options(url: &str, plain_allowed: bool) -> Result<PgConnectOptions> {
    let unreadable = |_| Error::Config("the PostgreSQL URL cannot be read".to_owned());
    let options = PgConnectOptions::from_str(url).map_err(unreadable)?;
    let options = options.statement_cache_capacity(512).application_name("nodeloom");
    if options.get_socket().is_some() || is_here(options.get_host()) {
        return Ok(options);
    }
    let named = url.contains("sslmode=") || url.contains("ssl-mode=");
    match options.get_ssl_mode() {
        PgSslMode::Require | PgSslMode::VerifyCa | PgSslMode::VerifyFull => Ok(options),
        _ if plain_allowed => Ok(options),
        _ if named => Err(Error::Config(format!(
            "PostgreSQL on {} would be spoken to without TLS: use sslmode=verify-full, or allow plain connections",
            options.get_host()
        ))),
        _ => Ok(options.ssl_mode(PgSslMode::VerifyFull)),
    }
}

fn is_here(host: &str) -> bool {
    host.starts_with('/')
        || host == "localhost"
        || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(url: &str, plain_allowed: bool) -> Result<&'static str, String> {
        postgres_options(url, plain_allowed).map_err(|e| e.to_string()).map(|o| match o.get_ssl_mode() {
            PgSslMode::VerifyFull => "verified",
            PgSslMode::Require | PgSslMode::VerifyCa => "tls",
            _ => "plain",
        })
    }

    /// R097: data on its way to a database elsewhere is encrypted unless the operator says otherwise.
    #[test]
    fn a_database_elsewhere_is_spoken_to_with_tls() {
        assert_eq!(mode("postgres://u@db.example/x", false), Ok("verified"));
        assert_eq!(mode("postgres://u@db.example/x?sslmode=require", false), Ok("tls"));
        assert!(mode("postgres://u@db.example/x?sslmode=disable", false).unwrap_err().contains("without TLS"));
        assert!(mode("postgres://u@10.0.0.7/x?sslmode=prefer", false).is_err());
        assert_eq!(mode("postgres://u@10.0.0.7/x?sslmode=disable", true), Ok("plain"));
    }

    #[test]
    fn a_database_here_may_be_plain() {
        assert_eq!(mode("postgres://u@127.0.0.1:5433/x", false), Ok("plain"));
        assert_eq!(mode("postgres://u@localhost/x?host=/run/pg", false), Ok("plain"));
    }

    #[test]
    fn another_kind_of_url_is_refused() {
        assert!(StoreConfig::from_url("mysql://x").is_err() && StoreConfig::from_url("sqlite:").is_err());
    }
}
