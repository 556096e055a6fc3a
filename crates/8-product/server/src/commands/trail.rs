//! Verifying, proving, exporting, purging and erasing from the audit trail, on this machine.

use std::{
    fs::File,
    io::{BufReader, Write as _},
    path::Path,
};

use domain::Timestamp;
use recorder::{
    Checkpoints, EntryNamed, Proof, PurgeRules, Recorder, Report, VerifierKey, WitnessKey, verify_document,
    verify_witnessed,
};
use store::{ChainKey, Store};
use vault::Vault;

use crate::{Config, clock, request::nobody, start};

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

/// What somebody who verifies has on another way.
#[derive(Debug, Clone, Default)]
pub struct Trusted {
    /// Public key of the checkpoints, as text or as the name of a file that holds it.
    pub public_key: Option<String>,
    /// Keys of witnesses, likewise.
    pub witnesses: Vec<String>,
}

impl Trusted {
    fn key(&self) -> Result<Option<VerifierKey>, Error> {
        self.public_key.as_deref().map(|text| key(&text_or_file(text))).transpose()
    }
    fn witnesses(&self) -> Result<Vec<WitnessKey>, Error> {
        let parse = |text: &String| {
            WitnessKey::parse(&text_or_file(text))
                .map_err(|_| Error::Start(format!("{text} is no witness key: expected <name>+<id>+<key>")))
        };
        self.witnesses.iter().map(parse).collect()
    }
}

fn text_or_file(text: &str) -> String {
    if text.contains('+') {
        return text.to_owned();
    }
    std::fs::read_to_string(text).map_or_else(|_| text.to_owned(), |read| read.trim().to_owned())
}

fn key(text: &str) -> Result<VerifierKey, Error> {
    VerifierKey::parse(text)
        .map_err(|_| Error::Start("the public key is not one: expected <name>+<id>+<key>".to_owned()))
}

fn chain(text: &str) -> Result<ChainKey, Error> {
    let wrong = || Error::Start(format!("{text} names no chain: expected team_…/environment or system"));
    ChainKey::read(text).ok_or_else(wrong)
}

/// What the commands work with; opening the vault needs the root key.
struct Opened {
    store: Store,
    recorder: Recorder,
    checkpoints: Checkpoints,
}

async fn open(config: &Config) -> Result<Opened, Error> {
    let clock = clock();
    let store = start::store(config, &clock).await?;
    let (roots, _) = start::root_keys(config)?;
    let vault = Vault::start(&roots, store.clone()).await?;
    let checkpoints = start::checkpoints(config, &vault, &store, &clock).await?;
    let recorder = Recorder::new(store.clone(), vault, clock);
    Ok(Opened { store, recorder, checkpoints })
}

/// Verifies the database, and the checkpoints that were filed beside it.
///
/// # Errors
/// [`Error::NotIntact`] when something is wrong.
pub async fn audit_verify(config: Config, trusted: &Trusted, json: bool) -> Result<(), Error> {
    let rooms = open(&config).await?;
    let key = match trusted.key()? {
        Some(key) => key,
        None => key(&rooms.checkpoints.verifier_key())?,
    };
    let mut filed = File::open(config.data.folder.join("checkpoints.jsonl")).ok().map(BufReader::new);
    let filed = filed.as_mut().map(|lines| lines as _);
    let report = verify_witnessed(&rooms.store, key, &trusted.witnesses()?, filed, None).await?;
    rooms.store.close().await;
    print(&report, json)
}

/// Verifies an exported file (a bundle, a proof, JSON lines or CSV) with nothing but the public key.
///
/// # Errors
/// As [`audit_verify`].
pub fn audit_verify_file(file: &Path, trusted: &Trusted, json: bool) -> Result<(), Error> {
    let opened = File::open(file).map_err(|source| Error::Folder { path: file.to_owned(), source })?;
    let report = verify_document(BufReader::new(opened), trusted.key()?.as_ref(), &trusted.witnesses()?)?;
    if trusted.public_key.is_none() {
        eprintln!("note: the public key came with the file; give --public-key to be sure whose it is");
    }
    print(&report, json)
}

/// What is to be proven.
#[derive(Debug, Clone)]
pub enum Claim {
    /// An entry (`aud_…`, or its sequence) is in the chain.
    Entry { chain: String, entry: String },
    /// A checkpoint continues an earlier one.
    Consistency { chain: String, from: u64, to: Option<u64> },
}

/// Writes a proof, to be verified anywhere with [`audit_verify_file`].
///
/// # Errors
/// [`Error`].
pub async fn audit_prove(config: Config, claim: &Claim, out: Option<&Path>) -> Result<(), Error> {
    let rooms = open(&config).await?;
    let proof = match claim {
        Claim::Entry { chain: name, entry } => {
            let wrong = || Error::Start(format!("{entry} names no entry: expected aud_… or a sequence"));
            let entry = match entry.parse::<u64>() {
                Ok(sequence) => EntryNamed::Sequence(sequence),
                Err(_) => EntryNamed::Id(entry.parse().map_err(|_| wrong())?),
            };
            rooms.checkpoints.prove(&rooms.recorder, &chain(name)?, entry).await?
        }
        Claim::Consistency { chain: name, from, to } => {
            rooms.checkpoints.prove_consistency(&rooms.recorder, &chain(name)?, *from, *to).await?
        }
    };
    rooms.store.close().await;
    let proof = proof.ok_or_else(|| Error::Start("there is no such entry or checkpoint in this chain".to_owned()))?;
    write_proof(&proof, out)
}

fn write_proof(proof: &Proof, out: Option<&Path>) -> Result<(), Error> {
    let text = serde_json::to_string_pretty(proof).unwrap_or_default();
    match out {
        None => println!("{text}"),
        Some(path) => {
            let wrong = |source| Error::Folder { path: path.to_owned(), source };
            let mut file = File::create_new(path).map_err(wrong)?;
            file.write_all(text.as_bytes()).and_then(|()| file.write_all(b"\n")).map_err(wrong)?;
        }
    }
    Ok(())
}

/// Writes every chain with its checkpoints and the public key.
///
/// # Errors
/// [`Error`].
pub async fn audit_export(config: Config, file: &Path) -> Result<(), Error> {
    let rooms = open(&config).await?;
    let heads = rooms.store.audit_heads(authz::act_as_system("the operator exports the audit trail")).await?;
    let chains: Vec<ChainKey> = heads.into_iter().map(|(chain, _)| chain).collect();
    let wrong = |source| Error::Folder { path: file.to_owned(), source };
    let mut out = tokio::io::BufWriter::new(tokio::fs::File::create_new(file).await.map_err(wrong)?);
    let written = recorder::export_chains(&rooms.store, &rooms.checkpoints, &chains, &mut out).await?;
    rooms.store.close().await;
    println!("wrote {written} entries of {} chains; public key {}", chains.len(), rooms.checkpoints.verifier_key());
    Ok(())
}

/// Prints the public key that checkpoints are verified with.
///
/// # Errors
/// [`Error`].
pub async fn audit_key(config: Config) -> Result<(), Error> {
    let rooms = open(&config).await?;
    println!("{}", rooms.checkpoints.verifier_key());
    rooms.store.close().await;
    Ok(())
}

/// Purges entries before a moment: of one chain, or of all.
///
/// # Errors
/// [`Error`], also when the entries have to be kept.
pub async fn audit_purge(config: Config, before: &str, only: Option<&str>) -> Result<(), Error> {
    let wrong = || Error::Start(format!("{before} is no time: expected one such as 2025-01-01T00:00:00Z"));
    let before = Timestamp::parse(before).ok_or_else(wrong)?;
    let rooms = open(&config).await?;
    let chains = match only {
        Some(name) => vec![chain(name)?],
        None => {
            let heads = rooms.store.audit_heads(authz::act_as_system("the operator purges the audit trail")).await?;
            heads.into_iter().map(|(chain, _)| chain).collect()
        }
    };
    let rules = PurgeRules { minimum: config.audit.minimum_retention(), waits: None };
    for chain in chains {
        let purged = rooms.recorder.purge(&rooms.checkpoints, &chain, before, nobody(None), None, rules).await;
        let purged = purged.map_err(|refused| Error::Start(refused.to_string()))?;
        println!("{chain}: {} entries purged; gone through entry {}", purged.entries, purged.through);
    }
    rooms.checkpoints.issue().await?;
    rooms.store.close().await;
    Ok(())
}

/// Makes a person's data in every chain unreadable.
///
/// # Errors
/// [`Error`].
pub async fn audit_erase(config: Config, person: &str) -> Result<(), Error> {
    let wrong = || Error::Start(format!("{person} names no person: expected user_…"));
    let person = person.parse().map_err(|_| wrong())?;
    let rooms = open(&config).await?;
    let erased = rooms.recorder.erase(person, nobody(None)).await?;
    rooms.store.close().await;
    println!("{}", if erased { "erased" } else { "there was nothing to erase" });
    Ok(())
}
