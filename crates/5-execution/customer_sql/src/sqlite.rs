//! SQLite files in the configured folder.

use std::{
    path::{Component, Path, PathBuf},
    time::{Duration, Instant},
};

use domain::Json;
use futures::TryStreamExt;
use sqlx::{
    AssertSqlSafe, Column as _, ConnectOptions, Connection, Either, Executor, Row, SqlSafeStr, Statement, TypeInfo,
    ValueRef,
    sqlite::{SqliteArguments, SqliteConnectOptions, SqliteConnection, SqliteRow},
};

use crate::{
    Column, Error, Query, Rows, Scope,
    collect::{Collector, fraction, whole},
};

/// The database stops a statement after about this many of its instructions to look at the clock.
const LOOK_EVERY: i32 = 1000;

/// Runs a judged query.
pub(crate) async fn run(folder: &Path, file: &Path, query: &Query) -> Result<Rows, Error> {
    let limit = query.limits.timeout;
    let deadline = Instant::now() + limit;
    let path = inside(folder, file)?;
    let mut connection = open(&path, query.scope, limit).await?;
    connection
        .lock_handle()
        .await
        .map_err(|error| explain(&error, limit))?
        .set_progress_handler(LOOK_EVERY, move || Instant::now() < deadline);
    let done = tokio::time::timeout(limit + Duration::from_millis(500), execute(&mut connection, query)).await;
    let done = done.unwrap_or(Err(Error::TimedOut { limit }));
    if done.is_ok() {
        let _ = connection.close().await;
    }
    done
}

/// The real path of `file`, when that is a file inside `folder`.
fn inside(folder: &Path, file: &Path) -> Result<PathBuf, Error> {
    if file.as_os_str().is_empty() || !file.components().all(|part| matches!(part, Component::Normal(_))) {
        return Err(Error::OutsideFolder);
    }
    let folder = folder.canonicalize().map_err(|_| Error::SqliteNotConfigured)?;
    // Resolves every link on the way, so a link that leads outside shows itself.
    let path = folder.join(file).canonicalize().map_err(|_| Error::NoSuchFile)?;
    if !path.starts_with(&folder) {
        return Err(Error::OutsideFolder);
    }
    if path.is_file() { Ok(path) } else { Err(Error::NoSuchFile) }
}

async fn open(path: &Path, scope: Scope, limit: Duration) -> Result<SqliteConnection, Error> {
    let reads_only = scope == Scope::ReadOnly;
    let mut options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .read_only(reads_only)
        .busy_timeout(limit.min(Duration::from_secs(5)))
        // A schema that somebody prepared must not call functions with side effects.
        .pragma("trusted_schema", "OFF")
        .disable_statement_logging();
    if reads_only {
        options = options.pragma("query_only", "ON");
    }
    options.connect().await.map_err(|error| explain(&error, limit))
}

async fn execute(connection: &mut SqliteConnection, query: &Query) -> Result<Rows, Error> {
    let limit = query.limits.timeout;
    let sql = || AssertSqlSafe(query.sql.as_str());
    let statement = (&mut *connection).prepare(sql().into_sql_str()).await.map_err(|error| explain(&error, limit))?;
    let expected = match statement.parameters() {
        Some(Either::Right(count)) => count,
        Some(Either::Left(kinds)) => kinds.len(),
        None => 0,
    };
    if expected != query.parameters.len() {
        return Err(Error::Parameters { expected, given: query.parameters.len() });
    }
    let column = |column: &sqlx::sqlite::SqliteColumn| Column {
        name: column.name().to_owned(),
        kind: column.type_info().name().to_ascii_lowercase(),
    };
    let columns = statement.columns().iter().map(column).collect();
    let mut collector = Collector::new(query.limits.clone(), columns);
    let arguments = bind(&query.parameters)?;
    let mut rows = connection.fetch_many(sqlx::query_with(sql(), arguments));
    while let Some(item) = rows.try_next().await.map_err(|error| explain(&error, limit))? {
        match item {
            Either::Left(done) => collector.affected(done.rows_affected()),
            Either::Right(row) if collector.has_room() => collector.push(values(&row)?),
            // Reading more changes nothing; a statement that writes must come to its end.
            Either::Right(_) if query.scope == Scope::ReadOnly => break,
            Either::Right(_) => {}
        }
    }
    Ok(collector.finish())
}

fn bind(parameters: &[Json]) -> Result<SqliteArguments, Error> {
    use sqlx::Arguments;
    let mut arguments = SqliteArguments::default();
    for (index, parameter) in parameters.iter().enumerate() {
        let unfit = |why| Error::Parameter { position: index + 1, why };
        let added = match parameter {
            Json::Null => arguments.add(None::<i64>),
            Json::Bool(value) => arguments.add(i64::from(*value)),
            Json::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(whole), _) => arguments.add(whole),
                (None, _) if number.is_u64() => return Err(unfit("the number is too large")),
                (None, Some(fraction)) => arguments.add(fraction),
                (None, None) => return Err(unfit("the number is too large")),
            },
            Json::String(text) => arguments.add(text.clone()),
            other => arguments.add(other.to_string()),
        };
        added.map_err(|_| unfit("it could not be bound"))?;
    }
    Ok(arguments)
}

fn values(row: &SqliteRow) -> Result<Vec<Json>, Error> {
    (0..row.len()).map(|index| value(row, index)).collect()
}

fn value(row: &SqliteRow, index: usize) -> Result<Json, Error> {
    let unreadable = |_| Error::Database { code: None, message: "a value could not be read".into() };
    let raw = row.try_get_raw(index).map_err(unreadable)?;
    if raw.is_null() {
        return Ok(Json::Null);
    }
    // SQLite's values carry their own type; a column's declaration is only a wish.
    let kind = raw.type_info().name().to_owned();
    drop(raw);
    match kind.as_str() {
        "INTEGER" => row.try_get_unchecked(index).map(whole).map_err(unreadable),
        "REAL" => row.try_get_unchecked(index).map(fraction).map_err(unreadable),
        "TEXT" => row.try_get_unchecked::<String, _>(index).map(Json::String).map_err(unreadable),
        _ => {
            let bytes: Vec<u8> = row.try_get_unchecked(index).map_err(unreadable)?;
            Ok(crate::values::base64(&bytes))
        }
    }
}

fn explain(error: &sqlx::Error, limit: Duration) -> Error {
    match error {
        // 9 is SQLITE_INTERRUPT: our own progress handler said stop.
        sqlx::Error::Database(error) if error.code().as_deref() == Some("9") => Error::TimedOut { limit },
        sqlx::Error::Database(error) => {
            Error::Database { code: error.code().map(Into::into), message: error.message().to_owned() }
        }
        _ => Error::Connection,
    }
}
