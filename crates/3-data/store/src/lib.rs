//! The only SQL on NodeLoom's own database: SQLite embedded, or PostgreSQL for more than one machine.
//!
//! One file per noun; its rows are private, its methods are named like the question they answer and take a `Permit`,
//! so that team and environment are always in the `where` clause and a row of another team reads as absent. Changes go
//! through one writer per process, which puts many into one transaction together with their audit entries and events.
//!
//! This crate never decides who may do what, never seals or hashes (it stores what `vault` sealed and what the
//! [`Linker`] linked), never puts SQL together at run time, and never acknowledges what is not on disk.
//! Start reading in [`store`](Store), then `writer`, then any noun.
//!
//! # How a file here is written
//! ```ignore
//! use crate::{Effects, Result, Store, kernel::{row::Row, sql::binds}};
//!
//! #[derive(Debug, Clone, PartialEq)]
//! pub struct Note { pub id: NoteId, pub text: String, pub at: Timestamp }      // what callers see
//!
//! impl Store {
//!     /// A read: one question, team and environment in the `where` clause.
//!     pub async fn note(&self, permit: &Permit<ViewWorkflow>, id: NoteId) -> Result<Option<Note>> {
//!         let Scope { team, environment } = permit.scope();
//!         let row = self.db().optional(
//!             "SELECT id, text, at FROM notes WHERE team = $1 AND environment = $2 AND id = $3",
//!             binds![team, environment, id],
//!         ).await?;
//!         row.as_ref().map(note).transpose()
//!     }
//!
//!     /// A change. The closure may run more than once; all it knows is what it is given.
//!     pub async fn add_note(&self, permit: &Permit<EditWorkflow>, new: Note, effects: Effects) -> Result<()> {
//!         self.write(effects, (permit.scope(), new), |(scope, new), tx| Box::pin(async move {
//!             tx.run(
//!                 "INSERT INTO notes (id, team, environment, text, at) VALUES ($1, $2, $3, $4, $5)",
//!                 binds![new.id, scope.team, scope.environment, &new.text, new.at],
//!             ).await?;
//!             Ok(())
//!         })).await
//!     }
//! }
//!
//! fn note(row: &Row) -> Result<Note> {
//!     Ok(Note { id: row.get("id")?, text: row.get("text")?, at: row.get("at")? })
//! }
//! ```

mod audit;
mod backup;
mod backup_tables;
mod config;
mod dialect;
mod error;
mod events;
mod guardrails;
mod kernel;
pub mod mails;
mod migrate;
mod page;
pub mod people;
pub mod records;
pub mod runs;
pub mod siem;
mod store;
mod usage;
mod vault;
pub mod workflows;
mod writer;

pub use audit::{
    AuditAnchor, AuditFilter, AuditRow, AuditRowDraft, ChainHead, ChainKey, Checkpoint, Cosignature, Facets,
    IndexBlock, Linker, MOST_FACETS, MOST_SEARCHES, Posting, RawEntry, SavedSearch, StoredEntry, Tile,
};
pub use backup::{backup, dump, restore};
pub use config::{Location, StoreConfig};
pub use error::{Error, Result};
pub use events::News;
pub use guardrails::{GUARDRAIL_SETTING, GuardrailException, GuardrailReference};
pub use kernel::tx::Effects;
pub use migrate::{migrate, newest_schema, schema_fingerprint};
pub use page::{Cursor, LARGEST_PAGE, Page, PageRequest};
pub use store::Store;
pub use usage::{BILLING_SETTING, ModelTokens, UsageBy, UsageOf, Used};
pub use vault::{
    CredentialChange, CredentialRow, DataKeyRow, NewCredentialRow, OldVersion, SEALED_COLUMNS, SealedColumn,
    SealedCredential, SealedKey, SealedKind, SealedRow, UNDER_A_RUNS_KEY, grants, oauth,
};
