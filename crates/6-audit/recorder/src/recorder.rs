//! [`Recorder`]: from a draft to a sealed entry that the store can link.

use std::sync::{Arc, Mutex};

use chain::entry;
use domain::{AuditDraft, AuditId, AuditResult, AuditSubject, Clock, Json, Secret, Timestamp};
use serde_json::json;
use store::{AuditRowDraft, ChainKey, Effects, Store};
use vault::Vault;

use crate::{Error, anonymous::Refusals, body::Body, subjects, subjects::Subjects};

/// A detail's greatest length as canonical JSON. A longer one is replaced by its length and hash.
pub const MAX_DETAIL: usize = 64 * 1024;
const MAX_OPERATION: usize = 128;
const MAX_TARGET: usize = 512;
const MAX_USER_AGENT: usize = 256;

/// Records. Cheap to clone; all clones share what they remember.
#[derive(Clone)]
pub struct Recorder {
    pub(crate) rooms: Arc<Rooms>,
}

pub(crate) struct Rooms {
    pub store: Store,
    pub vault: Vault,
    pub clock: Clock,
    pub subjects: Subjects,
    pub refusals: Mutex<Refusals>,
    /// Whose turn it is to take entries over into the index.
    pub indexing: tokio::sync::Mutex<()>,
}

impl Recorder {
    /// A recorder over a store that was opened with a [`ChainLinker`](crate::ChainLinker).
    pub fn new(store: Store, vault: Vault, clock: Clock) -> Self {
        let subjects = Subjects::new(store.clone(), vault.clone());
        Self {
            rooms: Arc::new(Rooms {
                store,
                vault,
                clock,
                subjects,
                refusals: Mutex::default(),
                indexing: tokio::sync::Mutex::default(),
            }),
        }
    }

    /// Seals drafts, so that they can be stored with whatever change they are about: put the answer into the change's
    /// [`Effects`]. Nothing is stored yet.
    ///
    /// # Errors
    /// [`Error`]: the change must not happen. Retrying is safe.
    pub async fn prepare(&self, drafts: Vec<AuditDraft>) -> Result<Vec<AuditRowDraft>, Error> {
        let mut rows = Vec::with_capacity(drafts.len());
        let mut last: Option<(String, ([u8; 32], Arc<vault::SubjectKey>))> = None;
        for draft in drafts {
            let name = subjects::name(&draft.subject, draft.at);
            let (pseudonym, key) = match &last {
                Some((known, found)) if *known == name => found.clone(),
                _ => self.rooms.subjects.key(&name).await?,
            };
            rows.push(seal(draft, pseudonym, &key)?);
            last = Some((name, (pseudonym, key)));
        }
        Ok(rows)
    }
    /// Stores drafts that belong to no other change; durable when it returns.
    ///
    /// # Errors
    /// [`Error`]: nothing was stored.
    pub async fn record(&self, drafts: Vec<AuditDraft>) -> Result<(), Error> {
        let rows = self.prepare(drafts).await?;
        Ok(self.rooms.store.record(Effects::audited(rows)).await?)
    }
    /// Tells in a detail whether a secret changed, without telling the secret.
    pub fn fingerprint(&self, secret: &Secret<String>) -> Json {
        let hash = self.rooms.vault.keyed_hash("secret", secret.expose().as_bytes());
        json!({"keyed_hash": hex::encode(&hash[..16])})
    }
    pub(crate) fn now(&self) -> Timestamp {
        self.rooms.clock.now()
    }
    pub(crate) fn draft(&self, scope: Option<domain::Scope>, subject: AuditSubject, operation: &str) -> AuditDraft {
        let at = self.now();
        AuditDraft {
            id: new_id(at),
            scope,
            at,
            subject,
            request: None,
            operation: operation.to_owned(),
            target: None,
            result: AuditResult::Intent,
            intent: None,
            duration_micros: None,
            detail: Json::Null,
        }
    }
}
impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Recorder")
    }
}

/// A new id for an entry.
pub(crate) fn new_id(at: Timestamp) -> AuditId {
    let mut entropy = [0; 10];
    // an id that is not random is still unique enough for an entry; its place in the chain is what names it
    let _ = aws_lc_rs::rand::fill(&mut entropy);
    AuditId::new(at, entropy)
}

fn seal(draft: AuditDraft, pseudonym: [u8; 32], key: &vault::SubjectKey) -> Result<AuditRowDraft, Error> {
    let chain = draft.scope.map_or(ChainKey::System, ChainKey::Of);
    let mut subject = draft.subject;
    subject.user_agent = subject.user_agent.map(|text| clip(text, MAX_USER_AGENT));
    let plain = Secret::new(serde_json::to_vec(&subject).map_err(|_| Error::Corrupt("a subject"))?);
    let sealed = key.seal(&chain.to_string(), &draft.id.uuid().into_bytes(), plain.expose())?;
    let detail = canonical(&draft.detail);
    let mut salt = [0; 16];
    aws_lc_rs::rand::fill(&mut salt).map_err(|_| vault::Error::Random)?;
    let commitment = entry::commit(&salt, detail.as_bytes());
    let duration_micros = draft.duration_micros;
    let body = Body { duration_micros, subject: &sealed, salt, commitment, detail: detail.as_bytes() }.write();
    Ok(AuditRowDraft {
        chain,
        id: draft.id,
        at: draft.at,
        operation: clip(draft.operation, MAX_OPERATION),
        target: draft.target.map(|target| clip(target, MAX_TARGET)),
        result: draft.result,
        request: draft.request,
        intent: draft.intent,
        subject: Some(pseudonym),
        body,
    })
}

fn canonical(detail: &Json) -> String {
    let text = entry::canonical_json(detail);
    if text.len() <= MAX_DETAIL {
        return text;
    }
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    entry::canonical_json(&json!({"too_long": true, "bytes": text.len(), "sha256": hex::encode(hash)}))
}

/// At most `most` bytes, without NUL (PostgreSQL cannot store it) and cut between characters.
fn clip(mut text: String, most: usize) -> String {
    text.retain(|c| c != '\0');
    if text.len() > most {
        let end = (0..=most).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        text.truncate(end);
    }
    text
}
