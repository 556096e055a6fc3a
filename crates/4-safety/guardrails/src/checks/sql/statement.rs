//! A whole statement: what it does, what it touches, and what in it looks put there by somebody else.

use domain::{CheckKind, Finding, Severity};
use sqlparser::ast::Visit;

use super::{SqlError, SqlRules, parse, visit::Collected};
use crate::checks::finding;

/// Functions that wait, run commands, or read and write files and networks.
const DANGEROUS: &[&str] = &[
    "sleep",
    "benchmark",
    "pg_sleep",
    "pg_sleep_for",
    "pg_sleep_until",
    "dbms_pipe.receive_message",
    "dbms_lock.sleep",
    "load_file",
    "load_extension",
    "readfile",
    "writefile",
    "pg_read_file",
    "pg_read_binary_file",
    "pg_ls_dir",
    "pg_stat_file",
    "lo_import",
    "lo_export",
    "dblink",
    "dblink_exec",
    "dblink_connect",
    "xp_cmdshell",
    "sp_executesql",
    "sp_oacreate",
    "xp_dirtree",
    "openrowset",
    "opendatasource",
    "utl_http.request",
    "utl_inaddr.get_host_address",
    "extractvalue",
    "updatexml",
    "query_to_xml",
    "sys_exec",
    "sys_eval",
    "pg_terminate_backend",
    "pg_reload_conf",
    "current_setting",
    "fts3_tokenizer",
];

/// Where databases describe themselves.
const CATALOGS: &[&str] = &[
    "information_schema",
    "pg_catalog",
    "pg_shadow",
    "pg_user",
    "pg_authid",
    "pg_roles",
    "mysql",
    "sys",
    "sqlite_master",
    "sqlite_schema",
    "sqlite_temp_master",
    "sysobjects",
    "syscolumns",
    "sysusers",
    "all_tables",
    "user_tables",
    "dba_users",
    "all_tab_columns",
    "performance_schema",
    "master",
];

/// Columns that a second arm of a union brings along when somebody put it there.
const SENSITIVE: &[&str] = &[
    "password",
    "passwd",
    "pwd",
    "pass_hash",
    "password_hash",
    "secret",
    "api_key",
    "apikey",
    "token",
    "ssn",
    "credit_card",
    "card_number",
    "salt",
];

pub(super) fn check(sql: &str, rules: &SqlRules) -> Result<Vec<Finding>, SqlError> {
    let statements = parse(sql, rules.dialect)?;
    let mut out = Vec::new();
    let mut push = |family: &str, severity, score: f32, why: String| {
        out.push(finding(CheckKind::SqlInjection, family, severity, score, None, "sql/statement", why));
    };
    if statements.len() > 1 && !rules.allow_several {
        push(
            "stacked_queries",
            Severity::Critical,
            1.0,
            format!("{} statements stand one behind the other", statements.len()),
        );
    }
    if let Some(why) = hiding_comment(sql) {
        push("comment", Severity::High, 0.9, why.to_owned());
    }
    for statement in &statements {
        let mut seen = Collected::default();
        let _ = statement.visit(&mut seen);
        let everything = seen.changes_everything
            && seen.operations.iter().any(|operation| matches!(*operation, "UPDATE" | "DELETE"));
        if seen.tautology || everything {
            push("tautology", Severity::Critical, 0.95, "a condition is true whatever the data is".to_owned());
        }
        if seen.into_file {
            push("file_access", Severity::Critical, 1.0, "the result is written to a file".to_owned());
        }
        for function in seen.functions.iter().filter(|name| is_one_of(name, DANGEROUS)) {
            push("dangerous_function", Severity::Critical, 0.95, format!("calls {function}"));
        }
        for (first, second) in &seen.unions {
            if let Some(why) = foreign_arm(first, second) {
                push("union", Severity::Critical, 0.9, why.to_owned());
            }
        }
        resources(&seen, rules, &mut push);
    }
    Ok(out)
}

/// Lists of operations, tables and columns (R177–R180).
fn resources(seen: &Collected, rules: &SqlRules, push: &mut dyn FnMut(&str, Severity, f32, String)) {
    for operation in &seen.operations {
        if let Some(why) = rules.operations.refuses(&[operation.to_lowercase()]) {
            push("operation", Severity::High, 1.0, format!("the operation {operation} {why}"));
        }
    }
    for table in &seen.tables {
        let bare = table.rsplit('.').next().unwrap_or(table);
        // A list that names the bare table means it in the default schema; another schema's table has to be named.
        let names = if table == bare { vec![table.clone()] } else { vec![table.clone(), bare.to_owned()] };
        let refused = match rules.tables.refuses(&names) {
            None if table != bare && is_one_of(table.split('.').next().unwrap_or(""), CATALOGS) => {
                rules.tables.refuses(std::slice::from_ref(table))
            }
            other => other,
        };
        if let Some(why) = refused {
            push("table", Severity::High, 1.0, format!("the table {} {why}", shown(table)));
        }
    }
    if rules.columns.is_empty() {
        return;
    }
    if seen.wildcard {
        push(
            "column",
            Severity::High,
            1.0,
            "`*` reads every column, also those that the lists do not permit".to_owned(),
        );
    }
    for column in &seen.columns {
        let bare = column.rsplit('.').next().unwrap_or(column);
        if seen.rows.contains(bare) && !column.contains('.') {
            push("column", Severity::High, 1.0, format!("{} stands for a whole row", shown(column)));
            continue;
        }
        let mut names = vec![column.clone(), bare.to_owned()];
        names.extend(seen.tables.iter().map(|table| format!("{}.{bare}", table.rsplit('.').next().unwrap_or(table))));
        if let Some(why) = rules.columns.refuses(&names) {
            push("column", Severity::High, 1.0, format!("the column {} {why}", shown(column)));
        }
    }
}

/// Names are the customer's; a very long one is a payload.
fn shown(name: &str) -> String {
    name.chars().take(64).collect()
}

fn is_one_of(name: &str, list: &[&str]) -> bool {
    let bare = name.rsplit('.').next().unwrap_or(name);
    list.contains(&name) || list.contains(&bare)
}

/// Whether the second arm of a union looks brought in from elsewhere.
fn foreign_arm(first: &str, second: &str) -> Option<&'static str> {
    let (first, second) = (first.to_lowercase(), second.to_lowercase());
    let word =
        |text: &str, name: &str| text.split(|c: char| !(c.is_alphanumeric() || c == '_')).any(|part| part == name);
    if CATALOGS.iter().any(|name| word(&second, name) && !word(&first, name)) {
        return Some("a UNION reads the database's own catalogue");
    }
    if SENSITIVE.iter().any(|name| word(&second, name) && !word(&first, name)) {
        return Some("a UNION brings in credentials that the first query does not ask for");
    }
    let projection = second.strip_prefix("select ").unwrap_or(&second);
    let (columns, from) =
        projection.split_once(" from ").map_or((projection, None), |(columns, from)| (columns, Some(from)));
    let fillers = columns.split(',').filter(|column| {
        let column = column.trim();
        column == "null"
            || column.parse::<f64>().is_ok()
            || column.starts_with("0x")
            || column == "@@version"
            || column == "version()"
            || column == "user()"
            || column == "database()"
    });
    let (all, filled) = (columns.split(',').count(), fillers.count());
    if filled > 0
        && first.contains(" from ")
        && (filled == all || filled >= 2)
        && (from.is_none() || filled < all || filled >= 2)
    {
        return Some("a UNION adds an arm of fillers to a query of columns");
    }
    None
}

/// A comment that swallows what followed a value, and comments that databases execute.
fn hiding_comment(sql: &str) -> Option<&'static str> {
    let bytes = sql.as_bytes();
    let mut quote = None;
    let mut i = 0;
    while i < bytes.len() {
        let b = bytes[i];
        match quote {
            Some(q) if b == q => quote = None,
            Some(_) => {}
            None if b == b'\'' || b == b'"' || b == b'`' => quote = Some(b),
            None if sql[i..].starts_with("/*!") => return Some("a comment holds SQL that some databases execute"),
            None if b == b'-' && bytes.get(i + 1) == Some(&b'-') || b == b'#' => {
                let rest = sql[i..].lines().next().unwrap_or("");
                let body = rest.trim_start_matches(['-', '#', ' ']);
                let after_value = i > 0 && matches!(bytes[i - 1], b'\'' | b'"' | b')' | b'0'..=b'9');
                let lower = body.to_lowercase();
                let swallows = body.starts_with(['\'', '"', ')'])
                    || lower.starts_with("and ")
                    || lower.starts_with("or ")
                    || lower.starts_with("limit ");
                if swallows && (after_value || body.starts_with(['\'', '"'])) {
                    return Some("a comment swallows the rest of the statement");
                }
                i += rest.len();
                continue;
            }
            None => {}
        }
        i += 1;
        while i < bytes.len() && !sql.is_char_boundary(i) {
            i += 1;
        }
    }
    None
}

/// Adds what `statement` does.
pub(super) fn summarise(statement: &sqlparser::ast::Statement, summary: &mut super::Summary) {
    let mut seen = Collected::default();
    let _ = statement.visit(&mut seen);
    summary.operations.extend(&seen.operations);
    summary.dangerous.extend(seen.functions.iter().filter(|name| is_one_of(name, DANGEROUS)).cloned());
    summary.locks |= seen.locks;
    summary.into_file |= seen.into_file;
}
