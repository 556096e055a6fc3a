//! What goes on beside requests for the vault's sake.

use std::time::Duration;

use crate::rooms::Rooms;

/// Looks for data keys that a rotation elsewhere has made active; a rotation waits longer than this.
const KEYS_EVERY: Duration = Duration::from_secs(5);
/// Looks for tokens that are near their end.
const TOKENS_EVERY: Duration = Duration::from_secs(30);

/// Until the server stops.
pub async fn keep_keys(rooms: Rooms) {
    while tokio::time::timeout(KEYS_EVERY, rooms.shutdown.cancelled()).await.is_err() {
        if let Err(error) = rooms.vault.refresh().await {
            tracing::warn!(%error, "the data keys could not be read again; those that are loaded stay");
        }
    }
}

/// Until the server stops.
pub async fn keep_connections(rooms: Rooms) {
    while tokio::time::timeout(TOKENS_EVERY, rooms.shutdown.cancelled()).await.is_err() {
        if let Err(error) = rooms.connections.keep_fresh().await {
            tracing::warn!(code = error.code(), "connections could not be looked after");
        }
    }
}
