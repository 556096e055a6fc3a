//! PostgreSQL, over a connection that `egress` judged.

mod decode;
mod encode;
mod moment;
mod numeric;

use std::time::Duration;

use egress::Egress;
use futures::TryStreamExt;
use sqlx::{
    AssertSqlSafe, Column as _, ConnectOptions, Connection, Either, Executor, Row, SqlSafeStr, Statement, TypeInfo,
    postgres::{PgConnectOptions, PgConnection, PgRow, PgSslMode},
};

use crate::{
    Column, Error, Postgres, Query, Rows, Scope,
    collect::Collector,
    relay::{self, Relay},
};

/// Runs a judged query.
pub(crate) async fn run(egress: &Egress, postgres: &Postgres, query: &Query) -> Result<Rows, Error> {
    let limit = query.limits.timeout;
    let work = async {
        let relay = Relay::open(egress, postgres, limit).await?;
        let mut connection = connect(&relay, postgres).await?;
        let rows = execute(&mut connection, query).await?;
        let _ = connection.close().await;
        Ok(rows)
    };
    // The database stops by itself at the limit; half a second more lets it say so.
    let all = tokio::time::timeout(limit + Duration::from_millis(500), work).await;
    all.unwrap_or(Err(Error::TimedOut { limit }))
}

async fn connect(relay: &Relay, postgres: &Postgres) -> Result<PgConnection, Error> {
    let options = PgConnectOptions::new_without_pgpass()
        .socket(relay.folder())
        .port(relay::PORT)
        .username(&postgres.user)
        .password(postgres.password.expose())
        .database(&postgres.database)
        // The relay has encrypted the way already.
        .ssl_mode(PgSslMode::Disable)
        .application_name("nodeloom")
        .disable_statement_logging();
    options.connect().await.map_err(|error| match error {
        sqlx::Error::Database(error) if error.code().is_some_and(|code| code.starts_with("28") || code == "3D000") => {
            Error::Unauthorized
        }
        _ => Error::Connection,
    })
}

async fn execute(connection: &mut PgConnection, query: &Query) -> Result<Rows, Error> {
    let limit = query.limits.timeout;
    let run = async |connection: &mut PgConnection, sql: String| {
        connection.execute(AssertSqlSafe(sql)).await.map(drop).map_err(|error| explain(&error, limit))
    };
    // The second lock: whatever the judge overlooked, the database itself refuses to write.
    match query.scope {
        Scope::ReadOnly => run(connection, "begin read only".into()).await?,
        Scope::ReadWrite => run(connection, "begin".into()).await?,
        // Some definitions cannot be changed inside a transaction.
        Scope::Full => {}
    }
    run(connection, format!("set statement_timeout = {}", limit.as_millis().max(1))).await?;
    let rows = fetch(connection, query).await?;
    match query.scope {
        Scope::ReadOnly => run(connection, "rollback".into()).await?,
        Scope::ReadWrite => run(connection, "commit".into()).await?,
        Scope::Full => {}
    }
    Ok(rows)
}

async fn fetch(connection: &mut PgConnection, query: &Query) -> Result<Rows, Error> {
    let limit = query.limits.timeout;
    let sql = || AssertSqlSafe(query.sql.clone());
    // The database says which types it wants, so that a text can be given where it wants a UUID.
    let statement = (&mut *connection).prepare(sql().into_sql_str()).await.map_err(|error| explain(&error, limit))?;
    let kinds = match statement.parameters() {
        Some(Either::Left(kinds)) => kinds,
        _ => &[],
    };
    if kinds.len() != query.parameters.len() {
        return Err(Error::Parameters { expected: kinds.len(), given: query.parameters.len() });
    }
    let arguments = encode::arguments(kinds, &query.parameters)?;
    let columns = statement
        .columns()
        .iter()
        .map(|column| Column { name: column.name().to_owned(), kind: column.type_info().name().to_ascii_lowercase() });
    let mut collector = Collector::new(query.limits.clone(), columns.collect());
    let mut rows = connection.fetch_many(sqlx::query_with(sql(), arguments));
    while let Some(item) = rows.try_next().await.map_err(|error| explain(&error, limit))? {
        match item {
            Either::Left(done) => {
                // "rows affected" of a SELECT are the rows read.
                let wrote = query.scope != Scope::ReadOnly && !reads(&query.sql);
                collector.affected(if wrote { done.rows_affected() } else { 0 });
            }
            Either::Right(row) if collector.has_room() => collector.push(values(&row)?),
            Either::Right(_) => {}
        }
    }
    Ok(collector.finish())
}

fn reads(sql: &str) -> bool {
    let first = crate::scan::first_word(sql, crate::judge::Flavour::Postgres);
    ["select", "values", "table", "show", "explain"].iter().any(|word| first.eq_ignore_ascii_case(word))
}

fn values(row: &PgRow) -> Result<Vec<domain::Json>, Error> {
    (0..row.len())
        .map(|index| {
            let raw = row.try_get_raw(index).map_err(|_| unreadable())?;
            decode::value(raw).ok_or_else(unreadable)
        })
        .collect()
}

fn unreadable() -> Error {
    Error::Database { code: None, message: "a value could not be read".into() }
}

fn explain(error: &sqlx::Error, limit: Duration) -> Error {
    match error {
        // query_canceled: our own statement_timeout
        sqlx::Error::Database(error) if error.code().as_deref() == Some("57014") => Error::TimedOut { limit },
        // The message alone: detail and hint may quote values of other rows.
        sqlx::Error::Database(error) => {
            Error::Database { code: error.code().map(Into::into), message: error.message().to_owned() }
        }
        _ => Error::Connection,
    }
}
