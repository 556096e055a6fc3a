//! What the command line can ask for, each from settings to end.

mod backup;
mod file_run;
mod keys;
mod serve;
mod siem;
mod trail;
mod user;

use std::path::PathBuf;

pub use backup::{backup, restore};
pub use file_run::run_file;
pub use keys::{keys_generate, keys_rotate, keys_status};
pub use serve::{serve, serve_rooms, setup_link, worker};
pub use siem::{SiemAct, siem};
pub use trail::{
    Claim, Trusted, audit_erase, audit_export, audit_key, audit_prove, audit_purge, audit_verify, audit_verify_file,
};
pub use user::{UserAct, user};

use crate::{Config, clock, start};

/// Why a command did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{path} could not be read or written")]
    Folder { path: PathBuf, source: std::io::Error },
    #[error("the database could not be opened or asked")]
    Store(#[from] store::Error),
    #[error("the encryption keys cannot be used")]
    Vault(#[from] vault::Error),
    #[error("the way out cannot be set up")]
    Egress(#[from] egress::Error),
    #[error("egress.allow_private is not right")]
    AllowRule(#[from] egress::InvalidRule),
    #[error("the network layer cannot be set up")]
    Edge(#[from] edge::Error),
    #[error("sign-in cannot be set up")]
    Identity(#[from] identity::Error),
    #[error("the audit trail could not be written")]
    Recorder(#[from] recorder::Error),
    #[error("the audit trail could not be verified")]
    Verify(#[from] recorder::VerifyError),
    #[error("the bundle could not be verified")]
    Bundle(#[from] recorder::BundleError),
    #[error("the run could not be started")]
    Engine(#[from] engine::Error),
    #[error("the address {address} could not be listened on")]
    Listen { address: std::net::SocketAddr, source: std::io::Error },
    #[error("{0}")]
    Start(String),
    #[error("the audit trail is NOT intact")]
    NotIntact,
}

/// Brings the database up to date.
///
/// # Errors
/// [`Error`].
pub async fn migrate(config: Config) -> Result<(), Error> {
    start::data_folder(&config)?;
    let applied = store::migrate(&start::store_config(&config)?, &clock()).await?;
    match applied.as_slice() {
        [] => println!("the database is up to date"),
        names => println!("applied {}", names.join(", ")),
    }
    Ok(())
}

/// The settings were read already; says so, and checks the keys too.
///
/// # Errors
/// [`Error`].
pub async fn config_check(config: Config) -> Result<(), Error> {
    if config.keys.root.is_some() || config.keys.root_file.is_some() {
        start::root_keys(&config)?;
    }
    start::store_config(&config)?;
    start::egress(&config)?;
    println!("the settings are right");
    Ok(())
}
