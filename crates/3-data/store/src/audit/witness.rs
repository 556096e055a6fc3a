//! Signatures of witnesses under checkpoints, and searches that somebody kept.

use authz::{Permit, SystemPermit, action::ViewAudit};
use domain::{Scope, Timestamp};

use crate::{
    Effects, Error, Result, Store,
    kernel::{row::Row, sql::binds},
};

/// A witness's signature line, its newline included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cosignature {
    pub checkpoint: u64,
    pub witness: String,
    pub line: String,
    pub at: Timestamp,
}

/// A search under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedSearch {
    pub name: String,
    pub sealed: Vec<u8>,
    pub updated_by: String,
    pub updated_at: Timestamp,
}

/// So many searches one team may keep in one environment.
pub const MOST_SEARCHES: i64 = 200;

impl Store {
    /// Keeps a witness's signature; a later one of the same witness takes its place.
    pub async fn keep_cosignature(&self, _system: SystemPermit, new: Cosignature, effects: Effects) -> Result<()> {
        self.write(effects, new, |new, tx| {
            Box::pin(async move {
                let sql = "INSERT INTO audit_cosignatures (checkpoint, witness, line, at) VALUES ($1, $2, $3, $4) \
                           ON CONFLICT (checkpoint, witness) DO UPDATE SET line = excluded.line, at = excluded.at";
                tx.run(sql, binds![new.checkpoint, &new.witness, &new.line, new.at]).await.map(|_| ())
            })
        })
        .await
    }

    /// Signatures of witnesses under the checkpoints `from..=to`, in order.
    pub async fn cosignatures(&self, _system: SystemPermit, from: u64, to: u64) -> Result<Vec<Cosignature>> {
        let sql = "SELECT checkpoint, witness, line, at FROM audit_cosignatures \
                   WHERE checkpoint >= $1 AND checkpoint <= $2 ORDER BY checkpoint, witness";
        self.db().all(sql, binds![from, to]).await?.iter().map(cosignature).collect()
    }

    /// Keeps a search under its name, in place of one that has it.
    ///
    /// # Errors
    /// [`Error::Refused`] when there are [`MOST_SEARCHES`] already.
    pub async fn put_audit_search(&self, permit: &Permit<ViewAudit>, search: SavedSearch) -> Result<()> {
        self.write(Effects::none(), (permit.scope(), search), |(Scope { team, environment }, new), tx| {
            Box::pin(async move {
                let sql = "SELECT COUNT(*) AS n FROM audit_searches WHERE team = $1 AND environment = $2 AND name <> $3";
                let others: i64 = tx.one(sql, binds![*team, *environment, &new.name]).await?.get("n")?;
                if others >= MOST_SEARCHES {
                    return Err(Error::Refused { what: "there are as many saved searches as there may be" });
                }
                let sql = "INSERT INTO audit_searches (team, environment, name, sealed, updated_by, updated_at) \
                           VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (team, environment, name) DO UPDATE SET \
                           sealed = excluded.sealed, updated_by = excluded.updated_by, updated_at = excluded.updated_at";
                let binds =
                    binds![*team, *environment, &new.name, &new.sealed, &new.updated_by, new.updated_at];
                tx.run(sql, binds).await.map(|_| ())
            })
        })
        .await
    }

    /// The searches kept here, by name.
    pub async fn audit_searches(&self, permit: &Permit<ViewAudit>) -> Result<Vec<SavedSearch>> {
        let Scope { team, environment } = permit.scope();
        let sql = "SELECT name, sealed, updated_by, updated_at FROM audit_searches \
                   WHERE team = $1 AND environment = $2 ORDER BY name";
        self.db().all(sql, binds![team, environment]).await?.iter().map(saved).collect()
    }

    /// Forgets a search.
    ///
    /// # Errors
    /// [`Error::Missing`].
    pub async fn delete_audit_search(&self, permit: &Permit<ViewAudit>, name: String) -> Result<()> {
        self.write(Effects::none(), (permit.scope(), name), |(Scope { team, environment }, name), tx| {
            Box::pin(async move {
                let sql = "DELETE FROM audit_searches WHERE team = $1 AND environment = $2 AND name = $3";
                Error::unless_touched(tx.run(sql, binds![*team, *environment, name]).await?, "the search")
            })
        })
        .await
    }
}

fn cosignature(row: &Row) -> Result<Cosignature> {
    Ok(Cosignature {
        checkpoint: row.get("checkpoint")?,
        witness: row.get("witness")?,
        line: row.get("line")?,
        at: row.get("at")?,
    })
}

fn saved(row: &Row) -> Result<SavedSearch> {
    Ok(SavedSearch {
        name: row.get("name")?,
        sealed: row.get("sealed")?,
        updated_by: row.get("updated_by")?,
        updated_at: row.get("updated_at")?,
    })
}
