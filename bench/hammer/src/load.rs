//! Connections that each send the next request when the answer to the last has come.

use std::{
    fs,
    io::Write,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use hammer::client::{Connection, Error};
use http::Method;
use tokio_rustls::TlsConnector;

use crate::Options;

pub struct Shared {
    options: Options,
    tls: TlsConnector,
    from: Instant,
    until: Instant,
    number: AtomicU64,
    log: Option<Mutex<fs::File>>,
}

#[derive(Default)]
pub struct Samples {
    pub micros: Vec<u64>,
    pub errors: u64,
    pub first_error: Option<String>,
}

impl Shared {
    pub fn new(options: Options, tls: TlsConnector, warm: Duration, measure: Duration) -> Arc<Self> {
        let from = Instant::now() + warm;
        let log = options
            .log
            .as_ref()
            .and_then(|path| fs::File::options().create(true).append(true).open(path).ok())
            .map(Mutex::new);
        Arc::new(Self { options, tls, from, until: from + measure, number: AtomicU64::new(0), log })
    }
}

/// Sends one request after another until the time is over.
pub async fn connection(shared: Arc<Shared>) -> Samples {
    let mut samples = Samples::default();
    while Instant::now() < shared.until {
        if let Err(error) = one_connection(&shared, &mut samples).await {
            samples.errors += 1;
            samples.first_error.get_or_insert_with(|| error.to_string());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    samples
}

async fn one_connection(shared: &Shared, samples: &mut Samples) -> Result<(), Error> {
    let mut connection = Connection::open(shared.options.address, &shared.tls, shared.options.key.clone()).await?;
    while Instant::now() < shared.until {
        let number = shared.number.fetch_add(1, Ordering::Relaxed);
        let path = &shared.options.path[(number as usize) % shared.options.path.len()];
        let body = shared.options.body.replace("{n}", &number.to_string());
        let start = Instant::now();
        let (status, answer) = connection.ask(Method::POST, path, body).await?;
        let end = Instant::now();
        if !status.is_success() {
            samples.errors += 1;
            samples.first_error.get_or_insert_with(|| {
                format!("{status} {}", String::from_utf8_lossy(&answer[..answer.len().min(300)]))
            });
        } else if start >= shared.from && end <= shared.until {
            samples.micros.push(end.duration_since(start).as_micros() as u64);
        }
        if let (Some(log), true) = (&shared.log, status.is_success())
            && let Ok(mut file) = log.lock()
        {
            file.write_all(&answer)?;
            file.write_all(b"\n")?;
        }
    }
    Ok(())
}
