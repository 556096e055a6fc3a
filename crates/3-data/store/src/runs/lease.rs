//! Who drives a run, and for how long without a sign of life.

use domain::{LeaseId, RunId, Timestamp};

use super::Wish;
use crate::{
    Result,
    kernel::{sql::binds, tx::Tx},
};

/// A worker's hold on a run. The epoch grows with every claim: a write with an old one touches nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunLease {
    pub run: RunId,
    pub owner: LeaseId,
    pub epoch: i64,
}

/// What a worker hears about a run that it still holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beat {
    pub lease: RunLease,
    pub wish: Option<(Wish, String)>,
}

/// Begins every write of a worker: extends the lease to `until`, or says `None` when it is lost. `progress` says that a
/// step has been finished since the claim, so that earlier claims do not count against the run any more.
pub(crate) async fn fence(tx: &mut Tx, lease: &RunLease, until: Timestamp, progress: bool) -> Result<Option<Beat>> {
    let row = tx
        .optional(
            "update runs set due_at = $4, claims = case when $5 then 0 else claims end \
             where id = $1 and lease_owner = $2 and lease_epoch = $3 and status = 'running' \
             returning wish, wish_reason",
            binds![lease.run, lease.owner, lease.epoch, until, progress],
        )
        .await?;
    row.map(|row| Ok(Beat { lease: *lease, wish: Wish::read(&row)? })).transpose()
}

/// The sign of life: extends every lease of `owner` to `until` in one statement and says which runs those are. A run
/// that is missing from the answer has been lost.
pub(crate) async fn heartbeat(tx: &mut Tx, owner: LeaseId, until: Timestamp) -> Result<Vec<Beat>> {
    let rows = tx
        .all(
            "update runs set due_at = $2 where lease_owner = $1 and status = 'running' \
             returning id, lease_epoch, wish, wish_reason",
            binds![owner, until],
        )
        .await?;
    rows.iter()
        .map(|row| {
            let lease = RunLease { run: row.get("id")?, owner, epoch: row.get("lease_epoch")? };
            Ok(Beat { lease, wish: Wish::read(row)? })
        })
        .collect()
}

/// At an orderly shutdown: whatever `owner` holds may be claimed at once, and the claim did not count.
pub(crate) async fn release_all(tx: &mut Tx, owner: LeaseId, now: Timestamp) -> Result<u64> {
    tx.run(
        "update runs set due_at = $2, lease_owner = null, claims = case when claims > 0 then claims - 1 else 0 end \
         where lease_owner = $1 and status = 'running'",
        binds![owner, now],
    )
    .await
}

/// One run, handed back: due at `due_at`.
pub(crate) async fn release(tx: &mut Tx, lease: &RunLease, due_at: Timestamp) -> Result<()> {
    tx.run(
        "update runs set due_at = $4, lease_owner = null \
         where id = $1 and lease_owner = $2 and lease_epoch = $3 and status = 'running'",
        binds![lease.run, lease.owner, lease.epoch, due_at],
    )
    .await?;
    Ok(())
}
