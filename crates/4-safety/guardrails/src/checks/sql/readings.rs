//! How a text reads: as one dialect, or, where nobody said which and its signs mean different things to different
//! databases, as each of them.

use sqlparser::{
    ast::Statement,
    parser::{Parser, ParserError},
};

use super::{Dialect, MOST_NESTED, SqlError, spellings};

/// Statements, once for each way to read them.
pub type Readings = Vec<Vec<Statement>>;

const OTHERS: [Dialect; 4] = [Dialect::PostgreSql, Dialect::MySql, Dialect::Sqlite, Dialect::MsSql];

pub fn read(sql: &str, dialect: Dialect) -> Result<Readings, SqlError> {
    match read_once(sql, dialect) {
        // Before giving up: what the parser does not know, in words that it does.
        Err(SqlError::Unparsable) => {
            let respelled = spellings::respell(sql, dialect).ok_or(SqlError::Unparsable)?;
            read_once(&respelled, dialect)
        }
        other => other,
    }
}

fn read_once(sql: &str, dialect: Dialect) -> Result<Readings, SqlError> {
    let first = read_as(sql, dialect);
    if dialect != Dialect::Generic || first.is_err() && first != Err(SqlError::Unparsable) {
        return Ok(vec![first?]);
    }
    if is_ambiguous(sql) {
        let all: Readings =
            first.into_iter().chain(OTHERS.into_iter().filter_map(|other| read_as(sql, other).ok())).collect();
        return if all.is_empty() { Err(SqlError::Unparsable) } else { Ok(all) };
    }
    // Nobody said which SQL it is: brackets around names, pragmas and backquotes have dialects of their own.
    let any = first.ok().or_else(|| OTHERS.into_iter().find_map(|other| read_as(sql, other).ok()));
    any.map(|statements| vec![statements]).ok_or(SqlError::Unparsable)
}

fn read_as(sql: &str, dialect: Dialect) -> Result<Vec<Statement>, SqlError> {
    let parser = dialect.parser();
    let too_deep = |error: ParserError| match error {
        ParserError::RecursionLimitExceeded => SqlError::TooDeep,
        _ => SqlError::Unparsable,
    };
    let statements = Parser::new(parser.as_ref())
        .with_recursion_limit(MOST_NESTED)
        .try_with_sql(sql)
        .map_err(too_deep)?
        .parse_statements()
        .map_err(too_deep)?;
    if statements.is_empty() { Err(SqlError::Empty) } else { Ok(statements) }
}

/// A backslash before a quote ends a text or does not; `#` and `--1` begin a comment or do not; comments nest or do
/// not; `$$` and brackets quote or do not.
fn is_ambiguous(sql: &str) -> bool {
    let bytes = sql.as_bytes();
    let pair = |a: u8, b: u8| bytes.windows(2).any(|two| two == [a, b]);
    let glued = bytes.windows(3).any(|three| three.starts_with(b"--") && !three[2].is_ascii_whitespace());
    let comments = bytes.windows(2).filter(|two| *two == b"/*").count();
    let bracketed = bytes.contains(&b'[') && bytes.iter().any(|b| matches!(b, b'\'' | b'"' | b'-' | b'/'));
    glued
        || comments > 1
        || bracketed
        || bytes.contains(&b'#')
        || bytes.iter().filter(|b| **b == b'$').count() > 1 && pair(b'$', b'$')
        || [b'\'', b'"', b'`'].iter().any(|quote| pair(b'\\', *quote))
}
