//! Hands mails to the operator's mail server, over TLS, through [`egress`].
//!
//! [`Mailer::send`] delivers one [`Mail`] or says why not, and whether trying again may help. `lettre` writes the
//! message; the conversation is our own ([`talk`]), because it must go through `egress` and because nothing that was
//! said before TLS may be believed after it.
//!
//! This crate never falls back to an unencrypted connection, never sends a password over one, never retries by itself
//! and never logs an address or a link. Start reading in [`Mailer`].

mod error;
mod mailer;
mod message;
mod talk;

pub use error::{Error, Stage};
pub use mailer::{Mailer, Settings, TlsMode};
pub use message::Mail;
