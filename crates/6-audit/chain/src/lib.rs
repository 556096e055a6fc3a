//! The audit trail as mathematics: how an entry is spelt, linked, put into a tree, signed and checked.
//!
//! Two halves that share formats and no code. The writer ([`entry`], [`tree`], [`note`], [`checkpoint`]) turns drafts
//! into bytes; the verifier ([`verify`]) reads bytes with a decoder, a tree and a note parser of its own, so that a
//! mistake in one half shows in the other. docs/life-of-an-entry.md documents the formats well enough for a third
//! implementation, and docs/verify_audit.py is one.
//!
//! This crate never does I/O, never reads a clock, never draws a random number except to make a signing key, and
//! never sees a person's data unsealed. Start reading in [`entry`].

pub mod checkpoint;
pub mod entry;
pub mod note;
pub mod tiles;
pub mod tree;
pub mod verify;

pub use entry::{EntryFields, chain_name, chain_scope};

/// A SHA-256 digest.
pub type Hash = [u8; 32];
