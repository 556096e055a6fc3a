//! Purges audit entries that are older than `audit.retention_days`, whole sealed segments at a time.

use std::time::Duration;

use recorder::{PurgeRefused, PurgeRules};

use crate::{request::nobody, rooms::Rooms};

const EVERY: Duration = Duration::from_secs(6 * 3600);

/// Until the server stops; the first time a while after the start, when what is urgent is done.
pub async fn run(rooms: Rooms) {
    let days = rooms.config.audit.retention_days;
    let mut pause = Duration::from_secs(600);
    while days > 0 {
        if tokio::time::timeout(pause, rooms.shutdown.cancelled()).await.is_ok() {
            return;
        }
        pause = EVERY;
        if let Err(error) = once(&rooms, days).await {
            tracing::error!(%error, "audit entries were not purged; they will be");
        }
    }
}

/// R106: what is too old goes, and the trail says so.
pub async fn once(rooms: &Rooms, days: u64) -> Result<u64, PurgeRefused> {
    let system = authz::act_as_system("retention reads which chains there are");
    let heads = rooms.store.audit_heads(system).await.map_err(recorder::Error::from)?;
    let before = rooms.clock.now() - Duration::from_secs(days.saturating_mul(86_400));
    let rules = PurgeRules { minimum: rooms.config.audit.minimum_retention() };
    let mut gone = 0;
    for (chain, _) in heads {
        let purged = rooms.recorder.purge(&rooms.checkpoints, &chain, before, nobody(None), None, rules).await?;
        gone += purged.entries;
    }
    if gone > 0 {
        tracing::info!(entries = gone, "audit entries older than {days} days were purged");
    }
    Ok(gone)
}
