//! Delivers a team's audit entries, security events and checkpoints to its SIEM: Splunk, Datadog, Elasticsearch or a
//! signed webhook.
//!
//! The database knows for each destination how far delivery is ([`store::siem`]); one sender at a time holds its lease,
//! reads what comes after the cursor, hands it over, and only then moves the cursor on. So whatever dies, what was not
//! acknowledged is sent again: at least once, in order, without a gap. Every event carries its sequence, its hash, the
//! hash of the one before and an id, so that a receiver can tell a repetition from a loss.
//!
//! What it never does: skip an event quietly (what a receiver refuses for good is a dead letter, with its reason), go
//! around `egress`, keep a secret unsealed, or hold more in memory than two batches a destination.
//! Start reading in [`Siem`], then `sender` (one destination), `deliver` (one batch) and `exporters` (one vendor each).

mod backoff;
mod config;
mod deliver;
mod error;
mod event;
mod exporters;
mod installation;
mod read;
mod sender;
mod siem;

pub use config::{Batch, Invalid, Secrets, Setup, Start, Streams, To};
pub use error::Error;
pub use event::{Event, SCHEMA};
pub use siem::{Parts, Settings, Siem, Status, Tried};
