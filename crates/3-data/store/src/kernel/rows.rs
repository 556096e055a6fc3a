//! Many rows in one statement: one JSON text for `json_each` on SQLite, one array a column for `UNNEST` on PostgreSQL.

use std::fmt::Write;

use sqlx::{Arguments, postgres::PgArguments, sqlite::SqliteArguments};

use super::sql::Bind;
use crate::{Error, Result};

/// A row as a JSON array; bytes and UUIDs as hexadecimal, to be read with `unhex(value ->> n)`.
fn write_json(out: &mut String, row: &[Bind]) {
    out.push('[');
    for (n, bind) in row.iter().enumerate() {
        if n > 0 {
            out.push(',');
        }
        match bind {
            Bind::Int(Some(v)) => _ = write!(out, "{v}"),
            Bind::Real(Some(v)) => _ = write!(out, "{}", serde_json::json!(v)),
            Bind::Bool(Some(v)) => out.push(if *v { '1' } else { '0' }),
            Bind::Text(Some(v)) => {
                out.push_str(&serde_json::to_string(v).unwrap_or_default());
            }
            Bind::Bytes(Some(v)) => write_hex(out, v),
            Bind::Uuid(Some(v)) => write_hex(out, v.as_bytes()),
            _ => out.push_str("null"),
        }
    }
    out.push(']');
}

fn write_hex(out: &mut String, bytes: &[u8]) {
    out.push('"');
    out.push_str(&hex::encode(bytes));
    out.push('"');
}

pub(crate) fn sqlite_rows(rows: &[Vec<Bind>]) -> Result<SqliteArguments> {
    let mut arguments = SqliteArguments::default();
    arguments.add(json_rows(rows)).map_err(Error::encoding)?;
    Ok(arguments)
}

fn json_rows(rows: &[Vec<Bind>]) -> String {
    let mut json = String::with_capacity(rows.len() * 256);
    json.push('[');
    for (n, row) in rows.iter().enumerate() {
        if n > 0 {
            json.push(',');
        }
        write_json(&mut json, row);
    }
    json.push(']');
    json
}

pub(crate) fn postgres_rows(rows: Vec<Vec<Bind>>) -> Result<PgArguments> {
    let mut arguments = PgArguments::default();
    add_columns(&mut arguments, rows)?;
    Ok(arguments)
}

/// The columns of the first list, then those of the second.
pub(crate) fn postgres_two(one: Vec<Vec<Bind>>, two: Vec<Vec<Bind>>) -> Result<PgArguments> {
    let mut arguments = postgres_rows(one)?;
    add_columns(&mut arguments, two)?;
    Ok(arguments)
}

fn add_columns(arguments: &mut PgArguments, rows: Vec<Vec<Bind>>) -> Result<()> {
    let columns = rows.first().map_or(0, Vec::len);
    let mut turned: Vec<Vec<Bind>> = (0..columns).map(|_| Vec::with_capacity(rows.len())).collect();
    for row in rows {
        for (column, bind) in turned.iter_mut().zip(row) {
            column.push(bind);
        }
    }
    macro_rules! column {
        ($column:expr, $variant:ident) => {
            $column.into_iter().map(|bind| if let Bind::$variant(v) = bind { v } else { None }).collect::<Vec<_>>()
        };
    }
    for column in turned {
        match column.first() {
            Some(Bind::Int(_)) => arguments.add(column!(column, Int)),
            Some(Bind::Real(_)) => arguments.add(column!(column, Real)),
            Some(Bind::Bool(_)) => arguments.add(column!(column, Bool)),
            Some(Bind::Bytes(_)) => arguments.add(column!(column, Bytes)),
            Some(Bind::Uuid(_)) => arguments.add(column!(column, Uuid)),
            Some(Bind::Text(_)) | None => arguments.add(column!(column, Text)),
        }
        .map_err(Error::encoding)?;
    }
    Ok(())
}
