//! Who is asking: passwords, sessions, API keys, set-up links, CSRF and cooldowns.
//!
//! [`Identity::authenticate`] turns the credentials of a request into a [`Caller`], and [`Caller::actor`] turns a caller
//! into an [`authz::Actor`] for one team and environment. This crate never decides by role and never knows SQL or an HTTP
//! status: what it needs from storage stands in [`ports`], what can go wrong in [`Error`]. Secrets are shown once and
//! stored as hashes. Start reading in [`caller`], then [`session`].

pub mod access;
pub mod api_key;
mod cache;
pub mod caller;
pub mod cookies;
pub mod cooldown;
pub mod csrf;
pub mod email;
mod error;
pub mod invitation;
pub mod keys;
pub mod mail_links;
#[cfg(any(test, feature = "testing"))]
pub mod memory;
pub mod password;
pub mod ports;
pub mod second_factor;
mod service;
pub mod session;
pub mod setup;
pub mod sign_in;
pub mod token;

pub use api_key::{ApiKeyRecord, KeyOwner, NewApiKey};
pub use caller::{Caller, Means};
pub use email::Email;
pub use error::{CsrfFault, Error, NotIdentified, PasswordFault};
pub use keys::Keys;
pub use password::{PasswordHash, Passwords};
pub use ports::{Member, Records, Unavailable};
pub use service::{Identity, Policy};
pub use session::SignedIn;
pub use token::TokenHash;
