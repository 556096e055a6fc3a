//! SQL (R172–R180): a fragment that a user typed and a statement that an agent wrote are judged differently. A
//! statement is parsed; what does not parse has not been evaluated.

mod bounds;
mod constant;
mod fragment;
mod known;
mod lists;
mod operations;
mod readings;
mod spellings;
mod statement;
mod unseen;
mod visit;

use domain::{CheckKind, Finding, Severity};
use sqlparser::{
    dialect,
    tokenizer::{Token, Tokenizer, Whitespace},
};

pub use fragment::Suspicion;
pub use lists::AllowDeny;
use readings::Readings;

use super::finding;

/// Longer SQL is not evaluated.
const MOST_BYTES: usize = 1 << 20;
/// Nesting that the parser follows.
const MOST_NESTED: usize = 100;
/// Operators or unions in one chain; more is not evaluated.
const MOST_CHAINED: usize = 4_000;
/// A chain that any thread has stack for.
const SHORT_CHAIN: usize = 150;
/// Room for the longest chain, at 32 KiB a link of a debug build; only what is used is ever backed by memory.
const STACK_BYTES: usize = 128 << 20;

/// What kind of text is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// What a user typed, which may end up inside SQL.
    Fragment,
    /// A whole statement.
    Statement,
}

/// Which SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dialect {
    #[default]
    Generic,
    PostgreSql,
    MySql,
    Sqlite,
    MsSql,
    BigQuery,
    Snowflake,
}

impl Dialect {
    /// By the word in configurations.
    pub fn named(word: &str) -> Option<Self> {
        Some(match word {
            "generic" => Self::Generic,
            "postgresql" | "postgres" => Self::PostgreSql,
            "mysql" | "mariadb" => Self::MySql,
            "sqlite" => Self::Sqlite,
            "mssql" | "sqlserver" => Self::MsSql,
            "bigquery" => Self::BigQuery,
            "snowflake" => Self::Snowflake,
            _ => return None,
        })
    }

    fn parser(self) -> Box<dyn dialect::Dialect> {
        match self {
            Self::Generic => Box::new(dialect::GenericDialect {}),
            Self::PostgreSql => Box::new(dialect::PostgreSqlDialect {}),
            Self::MySql => Box::new(dialect::MySqlDialect {}),
            Self::Sqlite => Box::new(dialect::SQLiteDialect {}),
            Self::MsSql => Box::new(dialect::MsSqlDialect {}),
            Self::BigQuery => Box::new(dialect::BigQueryDialect {}),
            Self::Snowflake => Box::new(dialect::SnowflakeDialect),
        }
    }
}

/// Why SQL was not evaluated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SqlError {
    #[error("the SQL is longer than {MOST_BYTES} bytes")]
    TooLong,
    #[error("the SQL does not parse")]
    Unparsable,
    #[error("the SQL is nested too deeply")]
    TooDeep,
    #[error("there is no statement")]
    Empty,
}

/// What is allowed.
#[derive(Debug, Clone, Default)]
pub struct SqlRules {
    /// Absent: a text that begins like a statement is judged as one, everything else as a fragment.
    pub mode: Option<Mode>,
    pub dialect: Dialect,
    pub allow_several: bool,
    pub tables: AllowDeny,
    pub columns: AllowDeny,
    /// `SELECT`, `INSERT`, …
    pub operations: AllowDeny,
}

/// Parses `sql` and hands what it says to `look`, comments gone: once as a rule, and once for each way to read it where
/// nobody said which SQL it is and databases would disagree.
///
/// A chain of operators or of unions becomes a tree as deep as it is long, and whoever walks or drops it needs stack
/// for that: short chains are read here, longer ones on a thread with room for them, the longest not at all.
fn parsed<T: Send>(sql: &str, dialect: Dialect, look: impl FnOnce(&Readings) -> T + Send) -> Result<T, SqlError> {
    if sql.len() > MOST_BYTES {
        return Err(SqlError::TooLong);
    }
    let (deepest, chained) = bounds::depths(sql);
    if deepest > 4 * MOST_NESTED || chained > MOST_CHAINED {
        return Err(SqlError::TooDeep);
    }
    let work = move || readings::read(sql, dialect).map(|readings| look(&readings));
    if chained <= SHORT_CHAIN {
        return work();
    }
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, work);
        thread.map_err(|_| SqlError::TooDeep)?.join().map_err(|_| SqlError::Unparsable)?
    })
}

/// How many statements `sql` holds, if it can be read.
pub fn parse(sql: &str, dialect: Dialect) -> Result<usize, SqlError> {
    parsed(sql, dialect, |readings| readings.iter().map(Vec::len).max().unwrap_or(0))
}

/// `sql` without its comments, for analysis and for execution (R176).
pub fn strip_comments(sql: &str, dialect: Dialect) -> Result<String, SqlError> {
    if sql.len() > MOST_BYTES {
        return Err(SqlError::TooLong);
    }
    let parser = dialect.parser();
    let tokens =
        Tokenizer::new(parser.as_ref(), sql).with_unescape(false).tokenize().map_err(|_| SqlError::Unparsable)?;
    let mut out = String::with_capacity(sql.len());
    for token in tokens {
        match token {
            Token::Whitespace(Whitespace::SingleLineComment { .. } | Whitespace::MultiLineComment(_)) => out.push(' '),
            other => out.push_str(&other.to_string()),
        }
    }
    Ok(out.trim().to_owned())
}

impl SqlRules {
    pub(crate) fn has_lists(&self) -> bool {
        !(self.tables.is_empty() && self.columns.is_empty() && self.operations.is_empty())
    }

    /// What is wrong with `text`.
    pub fn check(&self, text: &str) -> Result<Vec<Finding>, SqlError> {
        match self.mode {
            Some(Mode::Statement) => statement::check(text, self),
            Some(Mode::Fragment) => Ok(check_fragment(text)),
            None if begins_like_a_statement(text) => match statement::check(text, self) {
                // Prose that begins with "select" or "update" is no SQL; an injection in it is still looked for.
                Err(SqlError::Unparsable | SqlError::Empty) => Ok(check_fragment(text)),
                other => other,
            },
            None => Ok(check_fragment(text)),
        }
    }
}

fn begins_like_a_statement(text: &str) -> bool {
    let mut text = text.trim_start();
    while let Some((_, rest)) = text.strip_prefix("/*").and_then(|comment| comment.split_once("*/")) {
        text = rest.trim_start();
    }
    let word: String = text.chars().take_while(char::is_ascii_alphabetic).collect();
    const FIRST: &[&str] = &[
        "select", "insert", "update", "delete", "with", "create", "drop", "alter", "truncate", "merge", "replace",
        "grant", "revoke", "exec", "execute", "call", "explain", "show", "pragma", "attach", "set", "vacuum", "copy",
        "table", "values",
    ];
    FIRST.contains(&word.to_ascii_lowercase().as_str())
}

/// Why `text`, typed by a user, looks like injected SQL. A whole statement with nothing strange in it is not one.
pub fn suspicion(text: &str) -> Option<Suspicion> {
    let found = fragment::suspicion(text)?;
    let rules = SqlRules::default();
    // Counting columns and joining by encoded signs is nobody's report.
    let telling = matches!(found.why, "columns are counted" | "values are joined by an encoded sign")
        || text.contains("/*!")
        || text.contains("/**/");
    let whole = !telling
        && begins_like_a_statement(text)
        && statement::check(text, &rules).is_ok_and(|findings| findings.is_empty());
    (!whole).then_some(found)
}

fn check_fragment(text: &str) -> Vec<Finding> {
    suspicion(text)
        .map(|suspicion| {
            finding(
                CheckKind::SqlInjection,
                suspicion.family,
                if suspicion.score >= 0.85 { Severity::Critical } else { Severity::High },
                suspicion.score,
                Some(suspicion.span),
                "sql/fragment",
                suspicion.why,
            )
        })
        .into_iter()
        .collect()
}

/// What SQL does, for policies.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Every operation anywhere inside: `SELECT`, `DELETE` in a CTE, `SELECT INTO`, …; `OTHER` for what has no word.
    pub operations: std::collections::BTreeSet<&'static str>,
    /// Functions that wait, run commands or reach files and networks.
    pub dangerous: std::collections::BTreeSet<String>,
    /// `FOR UPDATE` and its like.
    pub locks: bool,
    pub into_file: bool,
}

/// Parses `sql` and says what it does.
pub fn summary(sql: &str, dialect: Dialect) -> Result<Summary, SqlError> {
    parsed(sql, dialect, |readings| {
        let mut summary = Summary::default();
        for statement in readings.iter().flatten() {
            statement::summarise(statement, &mut summary);
        }
        summary.into_file |= statement::writes_a_file(sql);
        summary
    })
}
