//! Every column that holds a sealed value, so that a rotation of keys can reach all of them and prove that it did.
//!
//! A column that is not in [`SEALED_COLUMNS`] would stay under the old key; a test finds those that are forgotten.

use authz::SystemPermit;
use domain::Scope;
use uuid::Uuid;

use crate::{
    Effects, Result, Store,
    kernel::{
        row::Row,
        sql::{Bind, Sql, ToBind, binds},
    },
};

/// How the column is sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SealedKind {
    /// By `Vault::seal`.
    Value,
    /// The wrapped key of a run.
    RunKey,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum KeyKind {
    Uuid,
    Text,
    Bytes,
}

/// A column of sealed values, and what they are bound to.
#[derive(Debug, Clone, Copy)]
pub struct SealedColumn {
    pub table: &'static str,
    pub field: &'static str,
    /// Table and field in the seal; others than the above where a value was moved, seal and all.
    pub bound: (&'static str, &'static str),
    /// Whose data key it is sealed with.
    pub purpose: &'static str,
    pub kind: SealedKind,
    key: KeyKind,
    row: KeyKind,
    first: &'static str,
    next: &'static str,
    write: Sql,
    count: &'static str,
}

/// Names a row of a sealed column.
#[derive(Debug, Clone, PartialEq)]
pub struct SealedKey(Bind);

/// A sealed value where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct SealedRow {
    pub key: SealedKey,
    /// The row in the seal.
    pub row: Vec<u8>,
    pub scope: Option<Scope>,
    pub version: u32,
    pub sealed: Vec<u8>,
}

macro_rules! sealed {
    (@cast Uuid) => { "::uuid[]" };
    (@cast Text) => { "::text[]" };
    (@cast Bytes) => { "::bytea[]" };
    (@json Uuid $n:literal) => { concat!("unhex(v.value ->> ", $n, ")") };
    (@json Text $n:literal) => { concat!("v.value ->> ", $n) };
    (@json Bytes $n:literal) => { concat!("unhex(v.value ->> ", $n, ")") };
    (@page $table:ident $field:ident $key:ident $row:ident $team:expr, $environment:expr, $version:expr, $after:expr) => {
        concat!(
            "SELECT ", stringify!($key), " AS k, ", stringify!($row), " AS r, ", $team, " AS team, ", $environment,
            " AS environment, CAST(", $version, " AS BIGINT) AS version, ", stringify!($field), " AS sealed FROM ", stringify!($table),
            " WHERE ", stringify!($field), " IS NOT NULL", $after, " ORDER BY ", stringify!($key), " LIMIT $1"
        )
    };
    (@all $table:ident $field:ident $bound:expr, $purpose:ident, $kind:ident, $key:ident $key_kind:ident
        $row:ident $row_kind:ident $team:expr, $environment:expr, $version:expr) => {
        SealedColumn {
            table: stringify!($table),
            field: stringify!($field),
            bound: $bound,
            purpose: stringify!($purpose),
            kind: SealedKind::$kind,
            key: KeyKind::$key_kind,
            row: KeyKind::$row_kind,
            first: sealed!(@page $table $field $key $row $team, $environment, $version, ""),
            next: sealed!(@page $table $field $key $row $team, $environment, $version, concat!(" AND ", stringify!($key), " > $2")),
            write: Sql {
                sqlite: concat!(
                    "UPDATE ", stringify!($table), " SET ", stringify!($field), " = unhex(v.value ->> 1) ",
                    "FROM json_each($1) AS v WHERE ", stringify!($table), ".", stringify!($key), " = ",
                    sealed!(@json $key_kind "0"), " AND ", stringify!($table), ".", stringify!($field),
                    " = unhex(v.value ->> 2)"
                ),
                postgres: concat!(
                    "UPDATE ", stringify!($table), " SET ", stringify!($field), " = v.b FROM UNNEST($1",
                    sealed!(@cast $key_kind), ", $2::bytea[], $3::bytea[]) AS v(a, b, c) WHERE ", stringify!($table),
                    ".", stringify!($key), " = v.a AND ", stringify!($table), ".", stringify!($field), " = v.c"
                ),
            },
            count: concat!(
                "SELECT substr(", stringify!($field), ", 2, 4) AS k, COUNT(*) AS n FROM ", stringify!($table),
                " WHERE ", stringify!($field), " IS NOT NULL GROUP BY substr(", stringify!($field), ", 2, 4)"
            ),
        }
    };
    // a value of the whole instance
    ($table:ident.$field:ident, key: $key:ident as $kind:ident, version: $version:tt) => {
        sealed!(@all $table $field (stringify!($table), stringify!($field)), settings, Value, $key $kind $key $kind
            "CAST(NULL AS UUID)", "CAST(NULL AS TEXT)", stringify!($version))
    };
    // a value of a team and environment
    ($table:ident.$field:ident, key: $key:ident as $kind:ident, team: $team:ident, environment: $environment:ident,
        version: $version:tt) => {
        sealed!(@all $table $field (stringify!($table), stringify!($field)), settings, Value, $key $kind $key $kind
            stringify!($team), stringify!($environment), stringify!($version))
    };
}

/// All of them. Add yours; `bound` and `row` are spelt out only where they are not the column's own.
#[rustfmt::skip]
pub const SEALED_COLUMNS: &[SealedColumn] = &[
    sealed!(@all credentials sealed ("credentials", "sealed"), credentials, Value, id Uuid id Uuid
        "team", "environment", "version"),
    sealed!(@all credential_versions sealed ("credentials", "sealed"), credentials, Value, id Uuid credential Uuid
        "team", "environment", "version"),
    sealed!(@all runs sealed_key ("runs", "key"), runs, RunKey, id Uuid id Uuid "team", "environment", "0"),
    sealed!(@all subject_keys wrapped ("subject_keys", "wrapped"), subjects, Value, subject Bytes subject Bytes
        "CAST(NULL AS UUID)", "CAST(NULL AS TEXT)", "1"),
    sealed!(@all audit_searches sealed ("audit_searches", "sealed"), settings, Value, id Uuid name Text
        "team", "environment", "1"),
    sealed!(second_factors.sealed, key: user_id as Uuid, version: 1),
    sealed!(mails.sealed, key: id as Uuid, version: 1),
    sealed!(oauth_clients.sealed, key: id as Uuid, team: team, environment: environment, version: 1),
    sealed!(siem_destinations.sealed, key: id as Uuid, team: team, environment: environment, version: 1),
    sealed!(oauth_requests.sealed, key: state_hash as Bytes, team: team, environment: environment, version: 1),
];

/// Columns whose names look sealed and that no data key seals: they are under a run's own key, which is in the list.
pub const UNDER_A_RUNS_KEY: &[(&str, &str)] =
    &[("runs", "sealed_input"), ("runs", "sealed_reply"), ("run_secrets", "sealed")];

impl KeyKind {
    fn read(self, row: &Row, name: &str) -> Result<Bind> {
        Ok(match self {
            Self::Uuid => row.get::<Uuid>(name)?.bind(),
            Self::Text => row.get::<String>(name)?.bind(),
            Self::Bytes => row.get::<Vec<u8>>(name)?.bind(),
        })
    }
    fn bytes(self, row: &Row, name: &str) -> Result<Vec<u8>> {
        Ok(match self {
            Self::Uuid => row.get::<Uuid>(name)?.as_bytes().to_vec(),
            Self::Text => row.get::<String>(name)?.into_bytes(),
            Self::Bytes => row.get::<Vec<u8>>(name)?,
        })
    }
}

impl Store {
    /// The rows of a sealed column after `after`, in order, at most `limit`.
    pub async fn sealed_rows(
        &self,
        _system: SystemPermit,
        column: &SealedColumn,
        after: Option<SealedKey>,
        limit: u32,
    ) -> Result<Vec<SealedRow>> {
        let rows = match after {
            None => self.db().all(column.first, binds![limit]).await?,
            Some(SealedKey(after)) => {
                let mut binds = binds![limit];
                binds.push(after);
                self.db().all(column.next, binds).await?
            }
        };
        let read = |row: &Row| {
            let team: Option<domain::TeamId> = row.get("team")?;
            let environment: Option<domain::Environment> = row.get("environment")?;
            Ok(SealedRow {
                key: SealedKey(column.key.read(row, "k")?),
                row: column.row.bytes(row, "r")?,
                scope: team.zip(environment).map(|(team, environment)| Scope { team, environment }),
                version: row.get("version")?,
                sealed: row.get("sealed")?,
            })
        };
        rows.iter().map(read).collect()
    }

    /// Puts other seals in place of those that are still there; a value that was changed meanwhile keeps what it has.
    pub async fn reseal(
        &self,
        _system: SystemPermit,
        column: &SealedColumn,
        rows: Vec<(SealedKey, Vec<u8>, Vec<u8>)>,
    ) -> Result<u64> {
        let rows: Vec<Vec<Bind>> =
            rows.into_iter().map(|(key, new, old)| vec![key.0, new.bind(), old.bind()]).collect();
        self.write(Effects::none(), (column.write, rows), |(sql, rows), tx| {
            Box::pin(async move {
                tx.settle().await?;
                tx.conn.run_rows(*sql, rows.clone()).await
            })
        })
        .await
    }

    /// How many values of a column each key seals.
    pub async fn seals_of(&self, _system: SystemPermit, column: &SealedColumn) -> Result<Vec<(u32, u64)>> {
        let rows = self.db().all(column.count, binds![]).await?;
        let read = |row: &Row| {
            let id: Vec<u8> = row.get("k")?;
            let id = <[u8; 4]>::try_from(id.as_slice()).map_or(0, u32::from_be_bytes);
            Ok((id, row.get("n")?))
        };
        rows.iter().map(read).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backup_tables::{Kind, TABLES};

    /// A sealed column that no rotation reaches would keep an old key alive for ever.
    #[test]
    fn every_bytes_column_that_is_sealed_is_listed() {
        let looks_sealed =
            |name: &str| name.starts_with("sealed") || name.ends_with("_sealed") || name.ends_with("_enc");
        for table in TABLES {
            for (column, kind) in table.columns {
                let place = (table.name, *column);
                let listed = SEALED_COLUMNS.iter().any(|c| (c.table, c.field) == place);
                if *kind == Kind::Bytes && looks_sealed(column) {
                    assert!(listed || UNDER_A_RUNS_KEY.contains(&place), "{place:?} is in no list of sealed columns");
                }
            }
        }
    }
}
