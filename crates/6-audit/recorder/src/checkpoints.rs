//! Signs where all chains stand, every few minutes and on demand, whether or not anything happened.

use std::{
    io::{Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use authz::{SystemPermit, act_as_system};
use chain::{
    checkpoint::{Head, Issued, Log},
    note::SigningKey,
    tree::{CompactRange, Tree},
};
use domain::Clock;
use serde::{Deserialize, Serialize};
use store::{ChainKey, Checkpoint, Store};
use tokio::sync::Mutex;

use crate::Error;

/// How checkpoints are made.
#[derive(Debug)]
pub struct CheckpointsConfig {
    pub key: SigningKey,
    /// Lines are appended here too; keep a copy of it on another machine, where nobody who can write the database can
    /// write it.
    pub file: PathBuf,
    /// The server takes it from `audit.checkpoint_seconds` (300).
    pub every: Duration,
}

/// Makes checkpoints. Cheap to clone.
#[derive(Clone)]
pub struct Checkpoints {
    pub(crate) store: Store,
    clock: Clock,
    config: Arc<CheckpointsConfig>,
    pub(crate) state: Arc<Mutex<State>>,
}

#[derive(Default)]
pub(crate) struct State {
    log: Log,
    /// The same log whole, for proofs; filled when the first one is asked for.
    pub(crate) tree: Tree,
    /// Number of the last checkpoint in the file; unknown until it was read.
    filed: Option<u64>,
}

/// A checkpoint as it is stored and filed: one line of JSON.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Record {
    pub number: u64,
    pub note: String,
    /// Lines of all heads.
    pub heads: String,
}

const SYSTEM: SystemPermit = act_as_system("checkpoints cover all chains");
const PAGE: u32 = 500;
/// How often another server may be faster before this one gives up until the next time.
const MAX_RACES: u32 = 8;

impl Checkpoints {
    /// Nothing is read or written before the first checkpoint.
    pub fn new(store: Store, clock: Clock, config: CheckpointsConfig) -> Self {
        Self { store, clock, config: Arc::new(config), state: Arc::default() }
    }
    /// The public key, to be given to whoever verifies.
    pub fn verifier_key(&self) -> String {
        self.config.key.verifier_key()
    }
    /// Signs where all chains stand now.
    ///
    /// # Errors
    /// [`Error::Unavailable`]: there is no new checkpoint. [`Error::CheckpointFile`]: there is one, and the file lacks
    /// it until the next time.
    pub async fn issue(&self) -> Result<Issued, Error> {
        let mut state = self.state.lock().await;
        for _ in 0..MAX_RACES {
            self.catch_up(&mut state.log).await?;
            let heads = self.heads().await?;
            let at = self.clock.now();
            let issued = state.log.next(&self.config.key, at, heads);
            let record = Record { number: issued.number, note: issued.note.clone(), heads: issued.heads.clone() };
            let line = serde_json::to_vec(&record).map_err(|_| Error::Corrupt("a checkpoint"))?;
            let seq = i64::try_from(issued.number).map_err(|_| Error::Corrupt("a checkpoint"))?;
            let checkpoint = Checkpoint { seq, at, root: issued.root, note: line.clone() };
            self.store.keep_checkpoint(SYSTEM, ChainKey::System, checkpoint).await?;
            // another server may have taken this number: then theirs is in the log, and ours comes after it
            let kept = self.store.checkpoints(SYSTEM, &ChainKey::System, seq, 1).await?;
            if kept.first().is_some_and(|kept| kept.note == line) {
                state.log.accept(&issued.note).map_err(|_| Error::Corrupt("a checkpoint"))?;
                self.file(&mut state).await?;
                return Ok(issued);
            }
        }
        Err(Error::Unavailable(store::Error::Refused { what: "other servers sign checkpoints all the time" }))
    }
    /// Issues one now and then one every [`CheckpointsConfig::every`], until `stop`; a last one at the end. Failures
    /// are logged and tried again the next time.
    pub async fn run(self, stop: impl Future<Output = ()> + Send) {
        tokio::pin!(stop);
        let mut stopped = false;
        while !stopped {
            if let Err(error) = self.issue().await {
                tracing::warn!(%error, "no audit checkpoint this time");
            }
            tokio::select! {
                () = tokio::time::sleep(self.config.every) => {}
                () = &mut stop => stopped = true,
            }
        }
        if let Err(error) = self.issue().await {
            tracing::warn!(%error, "no last audit checkpoint");
        }
    }

    async fn catch_up(&self, log: &mut Log) -> Result<(), Error> {
        loop {
            let next = i64::try_from(log.size() + 1).map_err(|_| Error::Corrupt("a checkpoint"))?;
            let page = self.store.checkpoints(SYSTEM, &ChainKey::System, next, PAGE).await?;
            let last = page.len() < PAGE as usize;
            for checkpoint in page {
                let record = read_record(&checkpoint.note).ok_or(Error::Corrupt("a checkpoint"))?;
                if record.number != log.size() + 1 {
                    return Err(Error::Corrupt("checkpoints with a gap"));
                }
                log.accept(&record.note).map_err(|_| Error::Corrupt("a checkpoint"))?;
            }
            if last {
                return Ok(());
            }
        }
    }
    async fn heads(&self) -> Result<Vec<Head>, Error> {
        let heads = self.store.audit_heads(SYSTEM).await?;
        let read = |(chain, head): (ChainKey, store::ChainHead)| {
            let size = u64::try_from(head.seq).ok()?;
            let root = CompactRange::restore(size, &head.tree).ok()?.root();
            Some(Head { chain: chain.to_string(), size, hash: head.hash, root })
        };
        heads
            .into_iter()
            .filter(|(_, head)| head.seq > 0)
            .map(|head| read(head).ok_or(Error::Corrupt("a chain's head")))
            .collect()
    }
    /// Appends to the file whatever it lacks.
    async fn file(&self, state: &mut State) -> Result<(), Error> {
        let path = self.config.file.clone();
        let filed = match state.filed {
            Some(filed) => filed,
            None => on_blocking_thread(move || last_number(&path)).await?,
        };
        let mut lines = Vec::new();
        let mut number = filed;
        while number < state.log.size() {
            let next = i64::try_from(number + 1).map_err(|_| Error::Corrupt("a checkpoint"))?;
            for checkpoint in self.store.checkpoints(SYSTEM, &ChainKey::System, next, PAGE).await? {
                lines.extend_from_slice(&checkpoint.note);
                lines.push(b'\n');
                number = u64::try_from(checkpoint.seq).map_err(|_| Error::Corrupt("a checkpoint"))?;
            }
        }
        let path = self.config.file.clone();
        on_blocking_thread(move || append(&path, &lines)).await?;
        state.filed = Some(number);
        Ok(())
    }
}
impl std::fmt::Debug for Checkpoints {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Checkpoints({})", self.config.key.name())
    }
}

pub(crate) fn read_record(line: &[u8]) -> Option<Record> {
    serde_json::from_slice(line).ok()
}

async fn on_blocking_thread<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T, Error> {
    let joined = tokio::task::spawn_blocking(work).await;
    joined.map_err(std::io::Error::other).and_then(|done| done).map_err(Error::CheckpointFile)
}

/// The number of the last checkpoint in the file. The last line may have been cut off by a crash: it does not count.
fn last_number(path: &Path) -> std::io::Result<u64> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error),
    };
    let end = bytes.iter().rposition(|byte| *byte == b'\n').unwrap_or(0);
    Ok(bytes[..end].split(|byte| *byte == b'\n').filter_map(read_record).map(|record| record.number).max().unwrap_or(0))
}

fn append(path: &Path, lines: &[u8]) -> std::io::Result<()> {
    let mut file = std::fs::OpenOptions::new().create(true).append(true).read(true).open(path)?;
    // ends a line that a crash cut off; verifiers pass over what is not a record
    if file.metadata()?.len() > 0 {
        let mut last = [0];
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
        if last != *b"\n" {
            file.write_all(b"\n")?;
        }
    }
    file.write_all(lines)?;
    file.sync_data()
}
