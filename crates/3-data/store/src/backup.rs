//! Backups. `backup` copies an SQLite database whole and checks the copy. `dump` and `restore` write and read every
//! table as JSON lines, on either database, so a dump of one goes into the other and needs no tool of the database's.
//!
//! A dump holds what the database holds: sealed values stay sealed, hashes stay hashes. Keys are not in it.

use std::{
    fs::{File, OpenOptions},
    io::{BufRead, BufReader, BufWriter, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use domain::Json;
use serde::{Deserialize, Serialize};
use serde_json::Map;

use crate::{
    Error, Result, StoreConfig,
    backup_tables::{Kind, TABLES, Table},
    config::Location,
    kernel::{
        conn::{Conn, Target, Use},
        row::Row,
        sql::{Bind, Sql, binds},
    },
    migrate::require_current,
    newest_schema,
};

/// The first line of a dump.
#[derive(Debug, Serialize, Deserialize)]
struct Heading {
    format: String,
    schema: i64,
}
const FORMAT: &str = "nodeloom/dump/v1";

/// One row.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    table: String,
    row: Map<String, Json>,
}

/// The last line, so that a dump which was cut off is not taken for whole.
#[derive(Debug, Serialize, Deserialize)]
struct Ending {
    rows: u64,
}

/// Copies an SQLite database to a new file (mode 0600) while it is in use, and checks the copy.
///
/// # Errors
/// [`Error::Backup`] when the copy fails its check, or when the database is PostgreSQL (use [`dump`]).
pub async fn backup(config: &StoreConfig, to: &Path) -> Result<()> {
    let Location::Sqlite(_) = &config.location else {
        return Err(Error::Backup("a copy of the file is for SQLite: use a dump for PostgreSQL".to_owned()));
    };
    new_private_file(to)?;
    let path = to.to_str().ok_or_else(|| Error::Backup("the path is not UTF-8".to_owned()))?;
    let mut conn = Conn::open(&Target::new(config)?, Use::Writing).await?;
    require_current(&mut conn).await?;
    // VACUUM INTO writes into a file that is there when it is empty, so the mode is ours from the start.
    conn.run("VACUUM INTO $1", binds![path]).await?;
    conn.close().await?;
    let mut copy = Conn::open(&Target::new(&StoreConfig::at(Location::Sqlite(to.to_owned())))?, Use::Writing).await?;
    let said: String = copy
        .all("PRAGMA integrity_check", binds![])
        .await?
        .first()
        .map_or(Ok(String::new()), |row| row.get("integrity_check"))?;
    require_current(&mut copy).await?;
    copy.script("PRAGMA journal_mode = DELETE").await?;
    copy.close().await?;
    File::open(to).and_then(|file| file.sync_all()).map_err(|source| Error::file(to, source))?;
    if said == "ok" { Ok(()) } else { Err(Error::Backup(format!("the copy is damaged: {said}"))) }
}

/// Writes all tables to a new file (mode 0600), as of one moment; says how many rows.
pub async fn dump(config: &StoreConfig, to: &Path) -> Result<u64> {
    let file = new_private_file(to)?;
    let mut out = BufWriter::new(&file);
    let mut conn = Conn::open(&Target::new(config)?, Use::Reading).await?;
    require_current(&mut conn).await?;
    conn.script(if conn.is_postgres() { "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" } else { "BEGIN" }).await?;
    let mut put = |line: String| writeln!(out, "{line}").map_err(|source| Error::file(to, source));
    put(to_line(&Heading { format: FORMAT.to_owned(), schema: newest_schema() })?)?;
    let mut rows = 0;
    for table in TABLES {
        conn.each(table.read, |row| {
            rows += 1;
            put(to_line(&Line { table: table.name.to_owned(), row: unload(table, &row)? })?)
        })
        .await?;
    }
    put(to_line(&Ending { rows })?)?;
    conn.close().await?;
    out.flush().map_err(|source| Error::file(to, source))?;
    drop(out);
    file.sync_all().map_err(|source| Error::file(to, source))?;
    Ok(rows)
}

/// Reads a dump into a migrated, empty database: all of it or nothing. Says how many rows.
///
/// # Errors
/// [`Error::Backup`] when the database is not empty, the dump is of another schema, or it was cut off.
pub async fn restore(config: &StoreConfig, from: &Path) -> Result<u64> {
    let file = File::open(from).map_err(|source| Error::file(from, source))?;
    let mut lines = BufReader::new(file).lines();
    let mut next = || lines.next().transpose().map_err(|source| Error::file(from, source));
    let broken = |what: &str| Error::Backup(format!("the dump cannot be read: {what}"));
    let heading: Heading = parse(&next()?.ok_or_else(|| broken("it is empty"))?)?;
    if heading.format != FORMAT || heading.schema != newest_schema() {
        return Err(Error::Backup(format!(
            "the dump is {} of schema {}, this program reads {FORMAT} of schema {}",
            heading.format,
            heading.schema,
            newest_schema()
        )));
    }
    let mut conn = Conn::open(&Target::new(config)?, Use::Writing).await?;
    require_current(&mut conn).await?;
    conn.script(if conn.is_postgres() { "BEGIN" } else { "BEGIN IMMEDIATE" }).await?;
    for table in TABLES {
        if !conn.all(table.any, binds![]).await?.is_empty() {
            return Err(Error::Backup(format!("the database is not empty: {} has rows", table.name)));
        }
    }
    let (mut rows, mut table, mut waiting) = (0, None::<&Table>, Vec::new());
    loop {
        let text = next()?.ok_or_else(|| broken("its end is missing"))?;
        let line: Line = match serde_json::from_str(&text) {
            Ok(line) => line,
            Err(_) => {
                let ending: Ending = parse(&text)?;
                flush(&mut conn, table, &mut waiting).await?;
                if ending.rows != rows {
                    return Err(broken("it does not have as many rows as it says"));
                }
                break;
            }
        };
        if table.is_none_or(|table| table.name != line.table) || waiting.len() >= 500 {
            flush(&mut conn, table, &mut waiting).await?;
            table = TABLES.iter().find(|known| known.name == line.table);
        }
        let known = table.ok_or_else(|| broken("it has a table that is not known"))?;
        waiting.push(load(known, &line.row)?);
        rows += 1;
    }
    conn.script("COMMIT").await?;
    conn.close().await?;
    Ok(rows)
}

async fn flush(conn: &mut Conn, table: Option<&Table>, waiting: &mut Vec<Vec<Bind>>) -> Result<()> {
    if let Some(table) = table {
        conn.run_rows(Sql { sqlite: table.write_sqlite, postgres: table.write_postgres }, std::mem::take(waiting))
            .await?;
    }
    Ok(())
}

fn unload(table: &Table, row: &Row) -> Result<Map<String, Json>> {
    let mut out = Map::new();
    for (name, kind) in table.columns {
        let value = match kind {
            Kind::Id => row.get::<Option<uuid::Uuid>>(name)?.map(|id| id.simple().to_string().into()),
            Kind::Text => row.get::<Option<String>>(name)?.map(Json::from),
            Kind::Int => row.get::<Option<i64>>(name)?.map(Json::from),
            Kind::Bool => row.get::<Option<bool>>(name)?.map(Json::from),
            Kind::Bytes => row.get::<Option<Vec<u8>>>(name)?.map(|bytes| hex::encode(bytes).into()),
        };
        out.insert((*name).to_owned(), value.unwrap_or(Json::Null));
    }
    Ok(out)
}

fn load(table: &Table, row: &Map<String, Json>) -> Result<Vec<Bind>> {
    let column = |(name, kind): &(&'static str, Kind)| {
        let value = row.get(*name).unwrap_or(&Json::Null);
        let text = value.as_str();
        let wrong = |_| Error::Backup(format!("the dump cannot be read: {} in {}", name, table.name));
        let bind = match kind {
            Kind::Id => Bind::Uuid(text.map(uuid::Uuid::try_parse).transpose().map_err(|_| wrong(()))?),
            Kind::Text => Bind::Text(text.map(str::to_owned)),
            Kind::Int => Bind::Int(value.as_i64()),
            Kind::Bool => Bind::Bool(value.as_bool()),
            Kind::Bytes => Bind::Bytes(text.map(hex::decode).transpose().map_err(|_| wrong(()))?),
        };
        Ok(bind)
    };
    table.columns.iter().map(column).collect()
}

fn to_line(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|source| Error::corrupt("dump", source))
}
fn parse<T: serde::de::DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|source| Error::Backup(format!("the dump cannot be read: {source}")))
}

fn new_private_file(path: &Path) -> Result<File> {
    let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    opened.map_err(|source| Error::file(path, source))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A table or a column that a migration adds and a dump forgets would be lost in a restore.
    #[tokio::test]
    async fn a_dump_has_every_column_of_every_table() {
        let folder = tempfile::tempdir().unwrap();
        let config = StoreConfig::at(Location::Sqlite(folder.path().join("x.db")));
        crate::migrate(&config, &domain::Clock::new(|| domain::Timestamp::from_micros(0))).await.unwrap();
        let mut conn = Conn::open(&Target::new(&config).unwrap(), Use::Writing).await.unwrap();
        let sql = "SELECT m.name AS t, c.name AS c FROM sqlite_master AS m, pragma_table_info(m.name) AS c \
                   WHERE m.type = 'table' AND m.name <> 'schema_migrations' AND m.name NOT LIKE 'sqlite_%'";
        let rows = conn.all(sql, binds![]).await.unwrap();
        let mut there: Vec<(String, String)> =
            rows.iter().map(|row| (row.get("t").unwrap(), row.get("c").unwrap())).collect();
        let mut dumped: Vec<(String, String)> = TABLES
            .iter()
            .flat_map(|table| table.columns.iter().map(|(name, _)| (table.name.to_owned(), (*name).to_owned())))
            .collect();
        there.sort();
        dumped.sort();
        assert_eq!(there, dumped);
    }
}
