//! Data keys, wrapped by a root key that is not here.

use authz::SystemPermit;
use domain::Timestamp;

use crate::{Effects, Error, Result, Store, kernel::sql::binds};

/// A wrapped data key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataKeyRow {
    pub id: u32,
    pub purpose: String,
    pub wrapped: Vec<u8>,
    /// The one of its purpose that seals. Those before it only open; one after it stands by, so that every server has
    /// loaded it by the time it seals.
    pub active: bool,
    /// When it was made; [`Store::keep_data_key`] sets it.
    pub at: Timestamp,
}

impl Store {
    /// All data keys, by id.
    pub async fn data_keys(&self, _system: SystemPermit) -> Result<Vec<DataKeyRow>> {
        let rows =
            self.db().all("SELECT id, purpose, wrapped, active, at FROM data_keys ORDER BY id", binds![]).await?;
        let read = |row: &crate::kernel::row::Row| {
            Ok(DataKeyRow {
                id: row.get("id")?,
                purpose: row.get("purpose")?,
                wrapped: row.get("wrapped")?,
                active: row.get("active")?,
                at: row.get("at")?,
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

    /// From now on these seal, each for its purpose; all at once, so that a rotation that is cut off has either moved on
    /// or not.
    pub async fn activate_data_keys(
        &self,
        _system: SystemPermit,
        keys: Vec<(&'static str, u32)>,
        effects: Effects,
    ) -> Result<()> {
        self.write(effects, keys, |keys, tx| {
            Box::pin(async move {
                for (purpose, id) in keys {
                    let off = "UPDATE data_keys SET active = FALSE WHERE purpose = $1 AND active";
                    tx.run(off, binds![*purpose]).await?;
                    let on = "UPDATE data_keys SET active = TRUE WHERE purpose = $1 AND id = $2";
                    if tx.run(on, binds![*purpose, *id]).await? == 0 {
                        return Err(Error::Missing { what: "the data key" });
                    }
                }
                Ok(())
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
