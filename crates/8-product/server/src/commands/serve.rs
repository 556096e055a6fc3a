//! The server and the worker, from start to a clean end.

use std::time::Duration;

use edge::{Limits, Tls, local_authority::LocalAuthority};
use tokio::{net::TcpListener, signal::unix::SignalKind, task::JoinSet};
use tracing_subscriber::EnvFilter;

use crate::{
    Config,
    config::LogFormat,
    demo, request_path,
    rooms::Rooms,
    start::{self, Role},
};

use super::Error;

/// The server's own log, on standard error.
fn start_log(config: &Config) {
    let filter = EnvFilter::try_new(&config.log.level).unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()));
    // A second start in one process (tests) keeps the first log.
    let _ = match config.log.format {
        LogFormat::Json => log.json().try_init(),
        LogFormat::Text => log.try_init(),
    };
}

/// Serves until SIGTERM or SIGINT, then lets what is under way come to its end.
///
/// # Errors
/// [`Error`]: it did not start.
pub async fn serve(config: Config) -> Result<(), Error> {
    start_log(&config);
    let rooms = start::rooms(config, Role::Server).await?;
    let stop = rooms.shutdown.clone();
    tokio::spawn(async move {
        until_told_to_stop().await;
        stop.cancel();
    });
    let told = rooms.clone();
    serve_rooms(rooms, move |address| greet(&told, address)).await
}

/// What a person who started it wants to know.
fn greet(rooms: &Rooms, address: std::net::SocketAddr) {
    let reach =
        if address.ip().is_loopback() { "reachable from this machine only" } else { "reachable from the network" };
    println!("ready on {} ({reach})", rooms.config.server.public_url);
    let folder = rooms.config.data.folder.display();
    if rooms.config.tls.certificate_file.is_none() {
        println!(
            "  certificate authority  {folder}/ca.pem   (curl --cacert {folder}/ca.pem {}/readyz)",
            rooms.config.server.public_url
        );
    }
    if demo::profile(rooms).exists() {
        println!("  command line profile   {folder}/cli.toml   (nodeloom workflow list)");
    }
    match &rooms.sandbox {
        None => println!("  code nodes             off: they fail with a clear error"),
        Some(sandbox) => {
            let (guarantees, backend) = (sandbox.guarantees(), &sandbox.choice().backend);
            let weaker: Vec<_> = guarantees
                .0
                .iter()
                .filter(|measured| measured.strength != sandbox::Strength::Held)
                .map(|m| m.guarantee.name())
                .collect();
            match (sandbox.ready(), weaker.as_slice()) {
                (Err(error), _) => println!("  code nodes             will not run on this host: {error}"),
                (Ok(()), []) => println!("  code nodes             run in containers ({backend}) with every guarantee"),
                (Ok(()), weaker) => println!(
                    "  code nodes             run in containers ({backend}); weaker on this host: {} (nodeloom sandbox probe)",
                    weaker.join(", ")
                ),
            }
        }
    }
    if rooms.config.models.local_chat.is_none() {
        println!("  local chat model       none: set models.local_chat to use provider \"local\"");
    }
}

/// The same for rooms that are open; `ready` is told the address once requests are taken.
///
/// # Errors
/// [`Error`].
pub async fn serve_rooms(rooms: Rooms, ready: impl FnOnce(std::net::SocketAddr)) -> Result<(), Error> {
    let config = rooms.config.clone();
    let tls = open_tls(&rooms)?;
    let service = request_path::service(&rooms)?;
    let address = config.server.listen;
    let listener = TcpListener::bind(address).await.map_err(|source| Error::Listen { address, source })?;
    let address = listener.local_addr().map_err(|source| Error::Listen { address, source })?;
    demo::first_start(&rooms).await?;
    let mut loops = work(&rooms).await?;
    let fresh = tls.clone().keep_fresh(rooms.clock.clone(), Duration::from_secs(30));
    let stop = rooms.shutdown.clone();
    loops.spawn(async move {
        stop.run_until_cancelled(fresh).await;
    });
    if let Some(plain) = config.server.redirect_listen {
        let plain = TcpListener::bind(plain).await.map_err(|source| Error::Listen { address: plain, source })?;
        loops.spawn(edge::redirect_to_https(
            plain,
            address.port(),
            Limits::default(),
            rooms.shutdown.clone().cancelled_owned(),
        ));
    }
    ready(address);
    let limits = Limits { max_connections: config.server.max_connections, ..Limits::default() };
    edge::serve(listener, &tls, service, limits, rooms.shutdown.clone().cancelled_owned()).await;
    finish(rooms, loops).await;
    Ok(())
}

/// Drives runs of the same database until told to stop.
///
/// # Errors
/// [`Error`]: it did not start.
pub async fn worker(config: Config) -> Result<(), Error> {
    start_log(&config);
    if config.database.url.is_none() {
        return Err(Error::Start(
            "workers share a PostgreSQL database: set database.url. With SQLite the server drives its own runs"
                .to_owned(),
        ));
    }
    let rooms = start::rooms(config, Role::Worker).await?;
    let loops = work(&rooms).await?;
    println!("working");
    until_told_to_stop().await;
    rooms.shutdown.cancel();
    finish(rooms, loops).await;
    Ok(())
}

/// A new set-up link, while nobody is an admin yet.
///
/// # Errors
/// [`Error`].
pub async fn setup_link(config: Config) -> Result<(), Error> {
    let rooms = start::rooms(config, Role::Server).await?;
    let link = demo::set_up_link(&rooms).await?;
    rooms.store.close().await;
    match link {
        Some(link) => println!("{link}"),
        None => return Err(Error::Start("there is an account already; an admin invites others".to_owned())),
    }
    Ok(())
}

fn open_tls(rooms: &Rooms) -> Result<Tls, Error> {
    let settings = &rooms.config.tls;
    Ok(match (&settings.certificate_file, &settings.key_file) {
        (Some(certificate), Some(key)) => Tls::from_files(certificate, key)?,
        _ => {
            let authority = LocalAuthority::open(&rooms.config.data.folder, &settings.local_names, rooms.clock.now())?;
            Tls::from_local_authority(authority, &rooms.clock)?
        }
    })
}

/// Everything that goes on beside requests.
async fn work(rooms: &Rooms) -> Result<JoinSet<()>, Error> {
    let mut loops = JoinSet::new();
    let shutdown = rooms.shutdown.clone();
    let engine = rooms.engine.clone();
    let (worker, heartbeat, timers) = (engine.clone(), engine.clone(), engine);
    let stop = shutdown.clone();
    loops.spawn(async move { worker.run_worker(stop).await });
    let stop = shutdown.clone();
    loops.spawn(async move { heartbeat.run_heartbeat(stop).await });
    let stop = shutdown.clone();
    loops.spawn(async move { timers.run_timers(stop).await });
    loops.spawn(rooms.checkpoints.clone().run(shutdown.clone().cancelled_owned()));
    loops.spawn(rooms.recorder.clone().run_index(shutdown.clone().cancelled_owned()));
    loops.spawn(crate::audit_retention::run(rooms.clone()));
    loops.spawn(crate::siem::run(rooms.clone()));
    loops.spawn(crate::workers::keep_keys(rooms.clone()));
    loops.spawn(crate::workers::keep_connections(rooms.clone()));
    loops.spawn(rooms.post.clone().deliver(rooms.shutdown.clone()));
    let recorder = rooms.recorder.clone();
    loops.spawn(async move {
        while !shutdown.is_cancelled() {
            let _ = tokio::time::timeout(Duration::from_secs(60), shutdown.cancelled()).await;
            if let Err(error) = recorder.enter_refusals().await {
                tracing::warn!(%error, "refusals were not entered; they will be");
            }
        }
    });
    Ok(loops)
}

async fn finish(rooms: Rooms, mut loops: JoinSet<()>) {
    let all = async { while loops.join_next().await.is_some() {} };
    if tokio::time::timeout(Duration::from_secs(20), all).await.is_err() {
        tracing::warn!("some background work did not end in time and was stopped");
        loops.abort_all();
    }
    rooms.store.close().await;
}

async fn until_told_to_stop() {
    let mut terminate = match tokio::signal::unix::signal(SignalKind::terminate()) {
        Ok(signal) => signal,
        Err(error) => {
            tracing::error!(%error, "signals cannot be heard");
            return std::future::pending().await;
        }
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    tracing::info!("stopping");
}
