//! Purges audit entries that are older than `audit.retention_days`, whole sealed segments at a time.

use std::time::Duration;

use recorder::{PurgeRefused, PurgeRules};

use crate::{request::nobody, rooms::Rooms};

const EVERY: Duration = Duration::from_secs(6 * 3600);

/// Until the server stops; the first time a while after the start, when what is urgent is done.
pub async fn run(rooms: Rooms) {
    let days = rooms.config.audit.retention_days;
    if days == 0 {
        return;
    }
    let mut pause = Duration::from_secs(600);
    loop {
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
    let waits = Duration::from_secs(rooms.config.audit.siem_wait_days.saturating_mul(86_400));
    let rules = PurgeRules { minimum: rooms.config.audit.minimum_retention(), waits: Some(before - waits) };
    let mut gone = 0;
    for (chain, _) in heads {
        match rooms.recorder.purge(&rooms.checkpoints, &chain, before, nobody(None), None, rules).await {
            Ok(purged) => gone += purged.entries,
            Err(refused @ PurgeRefused::NotDelivered { .. }) => {
                tracing::warn!(%chain, %refused, "a chain was not purged yet");
            }
            Err(refused) => return Err(refused),
        }
    }
    if gone > 0 {
        tracing::info!(entries = gone, "audit entries older than {days} days were purged");
    }
    Ok(gone)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]
mod tests {
    use super::*;
    use crate::{Config, start};

    /// R100: a year, unless the operator says otherwise, and nobody may have less kept.
    #[test]
    fn audit_entries_are_kept_for_a_year() {
        let audit = Config::default().audit;
        assert_eq!((audit.retention_days, audit.minimum_retention()), (365, Duration::from_secs(365 * 86_400)));
    }

    /// R106: what is too old goes by itself, and the trail says so and verifies.
    #[tokio::test(flavor = "multi_thread")]
    async fn what_is_too_old_goes_and_leaves_an_entry() {
        let folder = tempfile::TempDir::new().unwrap();
        let mut config = Config::default();
        config.data.folder = folder.path().join("data");
        config.audit.minimum_retention_days = 0;
        config.sandbox.enabled = false;
        let rooms = start::rooms(config, start::Role::Server).await.unwrap();
        let act = recorder::Act {
            scope: None,
            subject: nobody(None),
            request: None,
            operation: "test.act".to_owned(),
            target: None,
            detail: serde_json::json!({}),
        };
        rooms.recorder.refused(act).await.unwrap();
        rooms.checkpoints.issue().await.unwrap();
        assert_eq!(once(&rooms, 365).await.unwrap(), 0, "nothing is that old");
        let gone = once(&rooms, 0).await.unwrap();
        let report = rooms.verify_audit("system").await.unwrap();
        assert!(gone > 0 && report.is_intact(), "{}", report.render());
        assert_eq!(report.chains[0].purged.unwrap().through, gone);
        rooms.store.close().await;
    }
}
