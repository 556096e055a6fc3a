//! OAuth 2.0 connections: twelve providers, and any other, as data and the quirks that each needs.
//!
//! A connection is a credential of kind `oauth_token` with a grant beside it. Making one takes a browser to the provider
//! and back, held together by PKCE, a state that is used once, the browser's cookie and the session ([`connect`]).
//! Keeping one alive is refreshing its token before it expires, once for all workers that want it: a lease in the database
//! says who asks the provider, and everybody else takes what that one brought ([`refresh`]).
//!
//! This crate never logs a token, never follows a redirect of a token endpoint, never keeps half of an answer, and never
//! tells a provider's words to anybody: codes of errors are kept, texts are not. Start reading in [`provider`], then in
//! any file of `providers`.

mod clients;
pub mod connect;
mod error;
mod exchange;
mod probe;
pub mod provider;
mod providers;
pub mod refresh;
mod revoke;
mod service_account;
mod status;
mod words;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, Weak},
};

use domain::{Clock, CredentialId};
use egress::Egress;
use store::Store;
use vault::Vault;

pub use clients::{Client, ClientSettings, NewClient};
pub use connect::{Begun, Callback, Connect};
pub use error::{Error, ProviderError};
pub use probe::Tested;
pub use provider::Provider;
pub use providers::{all, find};
pub use revoke::Revoked;
pub use status::{Connection, Status};

/// Makes connections and keeps them alive. Cheap to clone.
#[derive(Clone)]
pub struct Connections {
    vault: Vault,
    store: Store,
    egress: Egress,
    clock: Clock,
    /// One at a time in this process, so that five hundred waiters are not five hundred questions to the database.
    gates: Arc<Mutex<HashMap<CredentialId, Weak<tokio::sync::Mutex<()>>>>>,
    /// What the key files of service accounts were exchanged for.
    service_tokens: Arc<Mutex<HashMap<CredentialId, service_account::Cached>>>,
}

impl Connections {
    /// `egress` is the way to the providers.
    pub fn new(vault: Vault, store: Store, egress: Egress, clock: Clock) -> Self {
        Self { vault, store, egress, clock, gates: Arc::default(), service_tokens: Arc::default() }
    }
    /// Where values are kept.
    pub const fn vault(&self) -> &Vault {
        &self.vault
    }
}
impl std::fmt::Debug for Connections {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Connections")
    }
}
