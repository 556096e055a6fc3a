//! Verifying and exporting the audit trail.

use std::{fs::File, io::BufReader, path::Path};

use domain::Clock;
use recorder::{Checkpoints, Report, VerifierKey, verify_bundle, verify_online};
use store::{ChainKey, Store};
use vault::Vault;

use crate::{Config, clock, start};

use super::Error;

fn print(report: &Report, json: bool) -> Result<(), Error> {
    // Not the same as a trail that was tampered with, and not intact either.
    if report.chains.is_empty() && report.checkpoints == 0 && report.bad_checkpoint.is_none() && !json {
        return Err(Error::Start("nothing was verified: there is no audit entry here yet".to_owned()));
    }
    if json {
        println!("{}", serde_json::to_string(report).unwrap_or_default());
    } else {
        print!("{}", report.render());
    }
    if report.is_intact() { Ok(()) } else { Err(Error::NotIntact) }
}

fn key(text: &str) -> Result<VerifierKey, Error> {
    VerifierKey::parse(text)
        .map_err(|_| Error::Start("the public key is not one: expected <name>+<id>+<key>".to_owned()))
}

/// Whatever signs here; opening the vault needs the root key.
async fn signer(config: &Config, store: &Store, clock: &Clock) -> Result<Checkpoints, Error> {
    let (roots, _) = start::root_keys(config)?;
    let vault = Vault::start(&roots, store.clone()).await?;
    start::checkpoints(config, &vault, store, clock).await
}

/// Verifies the database, and the checkpoints that were filed beside it.
///
/// # Errors
/// [`Error::NotIntact`] when something is wrong.
pub async fn audit_verify(config: Config, public_key: Option<&str>, json: bool) -> Result<(), Error> {
    let clock = clock();
    let store = start::store(&config, &clock).await?;
    let checkpoints = signer(&config, &store, &clock).await?;
    let key = key(public_key.unwrap_or(&checkpoints.verifier_key()))?;
    let mut filed = File::open(config.data.folder.join("checkpoints.jsonl")).ok().map(BufReader::new);
    let report = verify_online(&store, key, filed.as_mut().map(|lines| lines as _)).await?;
    store.close().await;
    print(&report, json)
}

/// Verifies an exported bundle with nothing but the public key.
///
/// # Errors
/// As [`audit_verify`].
pub fn audit_verify_bundle(bundle: &Path, public_key: Option<&str>, json: bool) -> Result<(), Error> {
    let file = File::open(bundle).map_err(|source| Error::Folder { path: bundle.to_owned(), source })?;
    let report = verify_bundle(BufReader::new(file), public_key.map(key).transpose()?.as_ref())?;
    if public_key.is_none() {
        eprintln!("note: the public key came with the bundle; give --public-key to be sure whose it is");
    }
    print(&report, json)
}

/// Writes every chain with its checkpoints and the public key.
///
/// # Errors
/// [`Error`].
pub async fn audit_export(config: Config, file: &Path) -> Result<(), Error> {
    let clock = clock();
    let store = start::store(&config, &clock).await?;
    let checkpoints = signer(&config, &store, &clock).await?;
    let heads = store.audit_heads(authz::act_as_system("the operator exports the audit trail")).await?;
    let chains: Vec<ChainKey> = heads.into_iter().map(|(chain, _)| chain).collect();
    let wrong = |source| Error::Folder { path: file.to_owned(), source };
    let mut out = tokio::io::BufWriter::new(tokio::fs::File::create_new(file).await.map_err(wrong)?);
    let written = recorder::export_chains(&store, &checkpoints, &chains, &mut out).await?;
    store.close().await;
    println!("wrote {written} entries of {} chains; public key {}", chains.len(), checkpoints.verifier_key());
    Ok(())
}
