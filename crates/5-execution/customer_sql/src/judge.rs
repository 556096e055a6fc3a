//! What a statement would do, judged before the database sees it (R194–R196).
//!
//! This is the first of two locks; the database's own read-only mode is the second. What cannot be read is refused,
//! except in PostgreSQL's full scope, where the account's rights decide.

use std::ops::ControlFlow;

use sqlparser::{
    ast::{Query, Select, Statement, Visit, Visitor},
    dialect::{Dialect, PostgreSqlDialect, SQLiteDialect},
    parser::Parser,
    tokenizer::{Token, Tokenizer},
};

use crate::{Error, Scope, scan};

/// Whose SQL it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flavour {
    Postgres,
    Sqlite,
}

/// Longest statement.
const MAX_BYTES: usize = 256 << 10;

/// Refuses `sql` unless it is one statement that `scope` allows.
pub(crate) fn judge(sql: &str, flavour: Flavour, scope: Scope) -> Result<(), Error> {
    if sql.len() > MAX_BYTES {
        return Err(Error::Unreadable { message: "it is longer than 256 KiB".into() });
    }
    if sql.contains('\0') {
        return Err(Error::Unreadable { message: "it holds a NUL character".into() });
    }
    if scan::statements(sql, flavour) > 1 {
        return Err(Error::SeveralStatements);
    }
    let dialect: &dyn Dialect = match flavour {
        Flavour::Postgres => &PostgreSqlDialect {},
        Flavour::Sqlite => &SQLiteDialect {},
    };
    names(sql, dialect, flavour, scope)?;
    let parsed = Parser::new(dialect).with_recursion_limit(64).try_with_sql(sql).and_then(|mut p| p.parse_statements());
    let statements = match parsed {
        Ok(statements) => statements,
        Err(_) if flavour == Flavour::Postgres && scope == Scope::Full && !begins_with_never(sql) => return Ok(()),
        Err(error) => return Err(Error::Unreadable { message: error.to_string() }),
    };
    match statements.as_slice() {
        [] => Err(Error::Unreadable { message: "there is no statement".into() }),
        [statement] => match statement.visit(&mut Judge { flavour, scope }) {
            ControlFlow::Break(error) => Err(error),
            ControlFlow::Continue(()) => Ok(()),
        },
        _ => Err(Error::SeveralStatements),
    }
}

/// What steers the connection itself is ours alone, even where the parser does not know the rest of the sentence.
fn begins_with_never(sql: &str) -> bool {
    const NEVER: [&str; 12] = [
        "begin",
        "start",
        "commit",
        "end",
        "rollback",
        "abort",
        "savepoint",
        "release",
        "copy",
        "prepare",
        "execute",
        "discard",
    ];
    let first = scan::first_word(sql, Flavour::Postgres).to_ascii_lowercase();
    first.is_empty() || NEVER.contains(&first.as_str())
}

struct Judge {
    flavour: Flavour,
    scope: Scope,
}

impl Judge {
    fn out_of_scope(&self, what: &str) -> ControlFlow<Error> {
        ControlFlow::Break(Error::OutOfScope { what: what.to_owned(), scope: self.scope })
    }
}

impl Visitor for Judge {
    type Break = Error;

    // Also called for statements inside statements: changes in a WITH, what EXPLAIN ANALYZE would run.
    fn pre_visit_statement(&mut self, statement: &Statement) -> ControlFlow<Error> {
        let (needs, what) = class(statement, self.flavour);
        match needs {
            Needs::Never => ControlFlow::Break(Error::Forbidden { what: what.to_owned() }),
            Needs::Scope(Scope::ReadOnly) => ControlFlow::Continue(()),
            Needs::Scope(Scope::ReadWrite) if self.scope == Scope::ReadOnly => self.out_of_scope(what),
            Needs::Scope(Scope::Full) if self.scope != Scope::Full => self.out_of_scope(what),
            Needs::Scope(_) => ControlFlow::Continue(()),
        }
    }

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Error> {
        if self.scope == Scope::ReadOnly && !query.locks.is_empty() {
            return self.out_of_scope("locking rows");
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<Error> {
        if select.into.is_some() && self.scope != Scope::Full {
            return self.out_of_scope("SELECT INTO");
        }
        ControlFlow::Continue(())
    }
}

enum Needs {
    Scope(Scope),
    Never,
}

fn class(statement: &Statement, flavour: Flavour) -> (Needs, &'static str) {
    use Statement as S;
    let scope = |scope, what| (Needs::Scope(scope), what);
    match statement {
        S::Query(_) | S::Explain { .. } => scope(Scope::ReadOnly, "reading"),
        S::ShowVariable { .. } if flavour == Flavour::Postgres => scope(Scope::ReadOnly, "SHOW"),
        S::Insert(_) => scope(Scope::ReadWrite, "INSERT"),
        S::Update(_) => scope(Scope::ReadWrite, "UPDATE"),
        S::Delete(_) => scope(Scope::ReadWrite, "DELETE"),
        S::Merge(_) => scope(Scope::ReadWrite, "MERGE"),
        S::StartTransaction { .. } | S::Commit { .. } | S::Rollback { .. } | S::Savepoint { .. } => {
            (Needs::Never, "controlling the transaction")
        }
        S::ReleaseSavepoint { .. } => (Needs::Never, "controlling the transaction"),
        S::Copy { .. } => (Needs::Never, "COPY"),
        S::Prepare { .. } | S::Execute { .. } | S::Deallocate { .. } => (Needs::Never, "a prepared statement"),
        S::Discard { .. } => (Needs::Never, "DISCARD"),
        S::AttachDatabase { .. } => (Needs::Never, "ATTACH"),
        _ if flavour == Flavour::Postgres => scope(Scope::Full, "anything but reading and changing rows"),
        // SQLite: what is not listed could leave the file (VACUUM INTO) or change how it is opened (PRAGMA).
        S::CreateTable(_) | S::CreateIndex(_) | S::CreateView(_) | S::CreateTrigger(_) => scope(Scope::Full, "CREATE"),
        S::AlterTable(_) | S::Drop { .. } | S::DropTrigger(_) => scope(Scope::Full, "changing definitions"),
        S::Analyze(_) => scope(Scope::Full, "ANALYZE"),
        S::Pragma { .. } => (Needs::Never, "PRAGMA"),
        S::Vacuum(_) => (Needs::Never, "VACUUM"),
        _ => (Needs::Never, "this kind of statement"),
    }
}

/// Refuses functions that act outside the database's rows, wherever their name stands. A transaction that only reads
/// does not stop them.
fn names(sql: &str, dialect: &dyn Dialect, flavour: Flavour, scope: Scope) -> Result<(), Error> {
    let unreadable = |error: sqlparser::tokenizer::TokenizerError| Error::Unreadable { message: error.to_string() };
    let tokens = match Tokenizer::new(dialect, sql).tokenize() {
        Ok(tokens) => tokens,
        Err(_) if flavour == Flavour::Postgres && scope == Scope::Full => return Ok(()),
        Err(error) => return Err(unreadable(error)),
    };
    let refuse = |name: &str| match flavour {
        Flavour::Sqlite => Err(Error::Forbidden { what: format!("the function {name}") }),
        Flavour::Postgres => Err(Error::OutOfScope { what: format!("the function {name}"), scope }),
    };
    let mut last_was_u = false;
    for token in &tokens {
        match token {
            Token::Word(word) => {
                let name = word.value.to_ascii_lowercase();
                let outside = match flavour {
                    Flavour::Sqlite => SQLITE_NEVER.contains(&name.as_str()),
                    Flavour::Postgres => scope != Scope::Full && acts_outside(&name),
                };
                if outside {
                    return refuse(&name);
                }
                last_was_u = name == "u" && word.quote_style.is_none();
            }
            // U&"…" can spell any name in escapes.
            Token::Ampersand if last_was_u && scope != Scope::Full => return refuse("with an escaped name (U&)"),
            _ => last_was_u = false,
        }
    }
    Ok(())
}

const SQLITE_NEVER: [&str; 8] =
    ["load_extension", "readfile", "writefile", "edit", "fts3_tokenizer", "zeroblob", "randomblob", "sqlite_dbpage"];

fn acts_outside(name: &str) -> bool {
    const PREFIXES: [&str; 24] = [
        "pg_read_",
        "pg_ls_",
        "pg_stat_file",
        "pg_file_",
        "lo_",
        "dblink",
        "pg_logical_",
        "pg_replication_",
        "pg_create_",
        "pg_drop_",
        "pg_promote",
        "pg_backup_",
        "pg_wal_",
        "pg_switch_",
        "pg_advisory_",
        "pg_try_advisory_",
        "pg_terminate_",
        "pg_cancel_",
        "pg_reload_",
        "pg_rotate_",
        "pg_stat_reset",
        "pg_export_",
        "pg_log_",
        "pg_sync_",
    ];
    // These run SQL that they are given as text, or change the session.
    const NAMES: [&str; 19] = [
        "set_config",
        "query_to_xml",
        "query_to_xmlschema",
        "query_to_xml_and_xmlschema",
        "cursor_to_xml",
        "table_to_xml",
        "schema_to_xml",
        "database_to_xml",
        "ts_stat",
        "ts_rewrite",
        "crosstab",
        "crosstabn",
        "connectby",
        "xpath_table",
        "pg_notify",
        "pg_current_logfile",
        "pg_hba_file_rules",
        "pg_config",
        "pg_import_system_collations",
    ];
    PREFIXES.iter().any(|prefix| name.starts_with(prefix)) || NAMES.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pg(sql: &str, scope: Scope) -> Result<(), Error> {
        judge(sql, Flavour::Postgres, scope)
    }
    fn lite(sql: &str, scope: Scope) -> Result<(), Error> {
        judge(sql, Flavour::Sqlite, scope)
    }

    /// R194, R195, R196.
    #[test]
    fn each_scope_lets_through_what_it_says() {
        use Scope::{Full, ReadOnly, ReadWrite};
        let cases = [
            ("select 1", ReadOnly),
            ("with a as (select 1) select * from a", ReadOnly),
            ("explain select 1", ReadOnly),
            ("insert into t values (1)", ReadWrite),
            ("update t set a = 1", ReadWrite),
            ("delete from t", ReadWrite),
            ("create table t (a int)", Full),
            ("drop table t", Full),
            ("alter table t add column b int", Full),
        ];
        for (sql, least) in cases {
            for scope in [ReadOnly, ReadWrite, Full] {
                let allowed = scope as u8 >= least as u8;
                assert_eq!(pg(sql, scope).is_ok(), allowed, "postgres {scope} {sql}");
                assert_eq!(lite(sql, scope).is_ok(), allowed, "sqlite {scope} {sql}");
            }
        }
        for sql in ["truncate t", "grant select on t to u", "create extension x", "select 1 into u"] {
            assert!(pg(sql, ReadWrite).is_err() && pg(sql, Full).is_ok(), "{sql}");
        }
        assert!(pg("select * from t for update", ReadOnly).is_err());
    }

    /// R194: a change that hides inside a read is a change.
    #[test]
    fn hidden_changes_are_found() {
        for sql in [
            "with gone as (delete from t returning *) select * from gone",
            "explain analyze delete from t",
            "with a as (select 1), b as (insert into t values (1) returning a) select * from a",
        ] {
            assert!(matches!(pg(sql, Scope::ReadOnly), Err(Error::OutOfScope { .. })), "{sql}");
            assert!(pg(sql, Scope::ReadWrite).is_ok(), "{sql}");
        }
    }

    #[test]
    fn stacked_statements_are_refused_in_every_scope() {
        for sql in
            ["select 1; drop table t", "select 1;;select 2", "select ';' ; select 2", "select 1 /* ; */ ; commit"]
        {
            for scope in [Scope::ReadOnly, Scope::ReadWrite, Scope::Full] {
                assert!(pg(sql, scope).is_err(), "{sql}");
                assert!(lite(sql, scope).is_err(), "{sql}");
            }
        }
        assert!(pg("select ';'; -- ; the end", Scope::ReadOnly).is_ok());
        assert!(lite("select ';';", Scope::ReadOnly).is_ok());
        // Comments nest in PostgreSQL and do not in SQLite: each is read the way its database reads it.
        assert!(pg("select 1 /* /* */ ; drop table t */", Scope::ReadOnly).is_ok());
        assert!(lite("select 1 /* /* */ ; drop table t */", Scope::ReadOnly).is_err());
    }

    #[test]
    fn what_leaves_the_file_is_refused_in_every_scope() {
        for sql in [
            "attach database '/etc/passwd' as x",
            "ATTACH '/tmp/x' AS x",
            "detach database x",
            "vacuum into '/tmp/x'",
            "pragma writable_schema = 1",
            "select load_extension('/tmp/x')",
            "select LOAD_EXTENSION ('/tmp/x')",
            "select \"load_extension\"('x')",
            "select zeroblob(1000000000)",
            "commit",
            "begin",
        ] {
            for scope in [Scope::ReadOnly, Scope::ReadWrite, Scope::Full] {
                assert!(lite(sql, scope).is_err(), "{sql}");
            }
        }
    }

    #[test]
    fn functions_that_reach_outside_need_the_full_scope() {
        for sql in [
            "select pg_read_file('/etc/passwd')",
            "select PG_Read_Binary_File('/etc/passwd')",
            "select pg_catalog.\"pg_read_file\"('/etc/passwd')",
            "select U&\"pg\\005fread_file\"('/etc/passwd')",
            "select * from dblink('x', 'y')",
            "select lo_import('/etc/passwd')",
            "select query_to_xml('delete from t', true, true, '')",
            "select set_config('statement_timeout', '0', false)",
            "select pg_terminate_backend(1)",
        ] {
            assert!(pg(sql, Scope::ReadOnly).is_err() && pg(sql, Scope::ReadWrite).is_err(), "{sql}");
        }
        assert!(pg("select pg_read_file('/etc/passwd')", Scope::Full).is_ok());
        for sql in ["copy t to '/tmp/x'", "copy t from program 'id'", "begin", "commit", "rollback", "end"] {
            assert!(pg(sql, Scope::Full).is_err(), "{sql}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for sql in ["", "  -- nothing", "selekt 1", "select 'open", "select \0 1"] {
            assert!(pg(sql, Scope::ReadOnly).is_err() && lite(sql, Scope::Full).is_err(), "{sql:?}");
        }
        let deep = format!("select {}1{}", "(".repeat(5000), ")".repeat(5000));
        assert!(pg(&deep, Scope::ReadOnly).is_err());
        assert!(pg("do $$ begin perform 1; end $$", Scope::Full).is_ok());
    }
}
