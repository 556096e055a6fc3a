//! Attacks on the lists of tables, columns and operations in the SQL of six databases, and ordinary statements that the
//! lists let through. `tests/sql/*.txt` hold one a line: the database it is written for (`pass` before it: it is
//! permitted), a colon, the statement. Each is tried as that dialect and as none in particular.
#![allow(clippy::unwrap_used, reason = "a test that cannot read its own input has failed")]

use guardrails::checks::sql::{AllowDeny, Dialect, Mode, SqlRules};

fn passes(rules: &SqlRules, dialect: Dialect, sql: &str) -> bool {
    let rules = SqlRules { mode: Some(Mode::Statement), dialect, ..rules.clone() };
    rules.check(sql).is_ok_and(|found| found.is_empty())
}

#[track_caller]
fn held(rules: &SqlRules, lines: &str) {
    let mut wrong = Vec::new();
    for line in lines.lines() {
        let (head, sql) = line.split_once(": ").unwrap();
        let permitted = head.strip_prefix("pass ");
        let written = Dialect::named(permitted.unwrap_or(head)).unwrap();
        for dialect in [written, Dialect::Generic] {
            if passes(rules, dialect, sql) != permitted.is_some() {
                wrong.push(format!("{dialect:?} {line}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn only(names: &[&str]) -> AllowDeny {
    AllowDeny::new(Some(names.iter().map(|name| (*name).to_owned()).collect()), Vec::new())
}

fn all_but(name: &str) -> AllowDeny {
    AllowDeny::new(None, vec![name.to_owned()])
}

/// R177, R180: a denied table, however it is named, borrowed, copied, described or handed to something that runs text.
#[test]
fn denied_tables_stay_shut() {
    let rules = SqlRules { tables: all_but("secrets"), ..SqlRules::default() };
    held(&rules, include_str!("sql/tables_denied.txt"));
}

/// R177, R180: with an allow list, what is not on it stays shut, and so does what cannot be told.
#[test]
fn only_listed_tables_open() {
    let rules = SqlRules { tables: only(&["orders", "customers"]), ..SqlRules::default() };
    held(&rules, include_str!("sql/tables_listed.txt"));
}

/// R178, R180: a denied column by name, by place, as part of a row, or only compared.
#[test]
fn denied_columns_stay_shut() {
    let rules = SqlRules { columns: all_but("password"), ..SqlRules::default() };
    held(&rules, include_str!("sql/columns_denied.txt"));
    // Elsewhere it is a parameter.
    assert!(!passes(&rules, Dialect::Snowflake, "SELECT $3 FROM users"));
}

/// R178, R180: with an allow list of columns.
#[test]
fn only_listed_columns_open() {
    let rules = SqlRules { columns: only(&["id", "name", "total"]), ..SqlRules::default() };
    held(&rules, include_str!("sql/columns_listed.txt"));
}

/// R179: nothing but reading, also where a function or a block would write.
#[test]
fn only_listed_operations_run() {
    let rules = SqlRules { operations: only(&["select"]), ..SqlRules::default() };
    held(&rules, include_str!("sql/operations_listed.txt"));
}

/// R172, R180: texts inside texts are followed three deep and refused beyond; a text of a megabyte of brackets is bounded.
#[test]
fn texts_inside_texts_are_bounded() {
    let rules = SqlRules { tables: all_but("secrets"), ..SqlRules::default() };
    let mut sql = "select a from secrets".to_owned();
    for _ in 0..8 {
        sql = format!("select * from crosstab('{}') as t(a text)", sql.replace('\'', "''"));
        assert!(!passes(&rules, Dialect::Generic, &sql), "{sql}");
    }
    let deep = format!("select eval('select {}')", "(".repeat(1_000_000));
    assert!(!passes(&rules, Dialect::Generic, &deep));
    let stacked = SqlRules { allow_several: true, columns: all_but("password"), ..rules.clone() };
    assert!(!passes(&stacked, Dialect::Generic, &"select a from secrets;".repeat(10_000)));
    let many = format!("select {} from secrets", vec!["md5('select 1 from orders')"; 5_000].join(", "));
    assert!(!passes(&rules, Dialect::Generic, &many));
}
