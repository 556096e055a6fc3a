//! Which secrets a run has used: whoever goes on with it hides them in whatever comes back.

use domain::RunId;
use uuid::Uuid;

use crate::{
    Effects, Result, Store,
    kernel::{sql::binds, tx::Tx},
};

/// Secrets that a run has used, under the run's own key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunSecrets {
    pub run: RunId,
    /// What they are sealed for besides the run.
    pub id: Uuid,
    pub sealed: Vec<u8>,
}

impl Store {
    /// Keeps them until the run ends, together with `effects`: the entry that says that a credential was used.
    pub async fn keep_run_secrets(&self, secrets: RunSecrets, effects: Effects) -> Result<()> {
        self.write(effects, secrets, |secrets, tx| {
            Box::pin(async move {
                tx.run(
                    "insert into run_secrets (run, id, sealed) values ($1, $2, $3) on conflict do nothing",
                    binds![secrets.run, secrets.id, &secrets.sealed],
                )
                .await?;
                Ok(())
            })
        })
        .await
    }

    /// Those of a run that has not ended.
    pub async fn run_secrets(&self, run: RunId) -> Result<Vec<RunSecrets>> {
        let rows = self.db().all("select id, sealed from run_secrets where run = $1", binds![run]).await?;
        rows.iter().map(|row| Ok(RunSecrets { run, id: row.get("id")?, sealed: row.get("sealed")? })).collect()
    }
}

/// The run has ended.
pub(super) async fn forget(tx: &mut Tx, run: RunId) -> Result<()> {
    tx.run("delete from run_secrets where run = $1", binds![run]).await?;
    Ok(())
}
