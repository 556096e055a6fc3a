//! Data keys, wrapped by a root key that is not here.

use authz::SystemPermit;

use crate::{Effects, Result, Store, kernel::sql::binds};

/// A wrapped data key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataKeyRow {
    pub id: u32,
    pub purpose: String,
    pub wrapped: Vec<u8>,
    /// The one of its purpose that seals; the others only open.
    pub active: bool,
}

impl Store {
    /// All data keys, by id.
    pub async fn data_keys(&self, _system: SystemPermit) -> Result<Vec<DataKeyRow>> {
        let rows = self.db().all("SELECT id, purpose, wrapped, active FROM data_keys ORDER BY id", binds![]).await?;
        let read = |row: &crate::kernel::row::Row| {
            Ok(DataKeyRow {
                id: row.get("id")?,
                purpose: row.get("purpose")?,
                wrapped: row.get("wrapped")?,
                active: row.get("active")?,
            })
        };
        rows.iter().map(read).collect()
    }

    /// Keeps a new data key, unless its id or the active place of its purpose is taken; says whether it was kept.
    pub async fn keep_data_key(&self, _system: SystemPermit, key: DataKeyRow) -> Result<bool> {
        let now = self.now();
        self.write(Effects::none(), (key, now), |(key, now), tx| {
            Box::pin(async move {
                let kept = tx
                    .run(
                        "INSERT INTO data_keys (id, purpose, wrapped, active, at) VALUES ($1, $2, $3, $4, $5) \
                         ON CONFLICT DO NOTHING",
                        binds![key.id, &key.purpose, &key.wrapped, key.active, *now],
                    )
                    .await?;
                Ok(kept > 0)
            })
        })
        .await
    }

    /// Replaces the wrapping of data keys, all at once: how a root key is retired.
    pub async fn rewrap_data_keys(&self, _system: SystemPermit, keys: Vec<DataKeyRow>, effects: Effects) -> Result<()> {
        self.write(effects, keys, |keys, tx| {
            Box::pin(async move {
                for key in keys {
                    tx.run("UPDATE data_keys SET wrapped = $2 WHERE id = $1", binds![key.id, &key.wrapped]).await?;
                }
                Ok(())
            })
        })
        .await
    }
}
