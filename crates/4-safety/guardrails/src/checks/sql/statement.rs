//! A whole statement: what it does, what it touches, and what in it looks put there by somebody else.

use std::collections::BTreeSet;

use domain::{CheckKind, Finding, Severity};
use sqlparser::{
    ast::{Statement, Visit},
    tokenizer::{Token, Tokenizer},
};

use super::{SqlError, SqlRules, parsed, visit::Collected};
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
    "fts3_tokenizer",
    "set_config",
    "table_to_xml",
    "schema_to_xml",
    "database_to_xml",
    "cursor_to_xml",
    "query_to_xml_and_xmlschema",
    "pg_logical_emit_message",
    "lo_get",
    "lo_put",
    "lo_from_bytea",
    "pg_rotate_logfile",
    "pg_cancel_backend",
    "xp_regread",
    "xp_fileexist",
    "sp_oamethod",
    "openquery",
    "httpuritype",
    "utl_file.fopen",
    "dbms_xslprocessor.clob2file",
    "load_data",
    "randomblob",
    "zeroblob",
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
    parsed(sql, rules.dialect, |statements| findings(sql, statements, rules))
}

fn findings(sql: &str, statements: &[Statement], rules: &SqlRules) -> Vec<Finding> {
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
    for statement in statements {
        let mut seen = Collected::default();
        let _ = statement.visit(&mut seen);
        let everything = seen.changes_everything
            && seen.operations.iter().any(|operation| matches!(*operation, "UPDATE" | "DELETE"));
        if seen.tautology || everything {
            push("tautology", Severity::Critical, 0.95, "a condition is true whatever the data is".to_owned());
        }
        if writes_a_file(sql) {
            push("file_access", Severity::Critical, 1.0, "the result is written to a file".to_owned());
        }
        for function in seen.functions.iter().filter(|name| is_one_of(name, DANGEROUS)) {
            push("dangerous_function", Severity::Critical, 0.95, format!("calls {function}"));
        }
        for arms in &seen.unions {
            let Some((first, others)) = arms.split_first() else { continue };
            if let Some(why) = others.iter().find_map(|arm| foreign_arm(first, arm)) {
                push("union", Severity::Critical, 0.9, why.to_owned());
            }
        }
        resources(&seen, rules, &mut push);
    }
    if !rules.columns.is_empty() {
        words(sql, rules, &mut push);
    }
    out
}

/// `INTO OUTFILE`, however the words are spaced.
pub(super) fn writes_a_file(sql: &str) -> bool {
    let mut words = sql.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).filter(|word| !word.is_empty());
    let mut into = false;
    words.any(|word| {
        let found = into && ["outfile", "dumpfile"].iter().any(|name| word.eq_ignore_ascii_case(name));
        into = word.eq_ignore_ascii_case("into");
        found
    })
}

/// Columns where no expression names them (USING, ON CONFLICT, MERGE, RETURNING *): seen in the words themselves, so
/// rather too often than too seldom.
fn words(sql: &str, rules: &SqlRules, push: &mut dyn FnMut(&str, Severity, f32, String)) {
    let parser = rules.dialect.parser();
    let Ok(tokens) = Tokenizer::new(parser.as_ref(), sql).tokenize() else { return };
    let solid: Vec<&Token> = tokens.iter().filter(|token| !matches!(token, Token::Whitespace(_))).collect();
    let denied: BTreeSet<&str> = rules.columns.denied().collect();
    let mut told: BTreeSet<String> = BTreeSet::new();
    let is = |token: Option<&&Token>, names: &[&str]| match token {
        Some(Token::Word(word)) => {
            word.quote_style.is_none() && names.iter().any(|n| word.value.eq_ignore_ascii_case(n))
        }
        _ => false,
    };
    for (i, token) in solid.iter().enumerate() {
        let before = i.checked_sub(1).and_then(|at| solid.get(at));
        match token {
            Token::Word(word)
                if denied.contains(word.value.to_lowercase().as_str()) && told.insert(word.value.to_lowercase()) =>
            {
                push("column", Severity::High, 1.0, format!("{} is on the deny list", shown(&word.value)));
            }
            Token::Mul => {
                let counted =
                    before == Some(&&Token::LParen) && is(i.checked_sub(2).and_then(|at| solid.get(at)), &["count"]);
                let every = matches!(before, Some(Token::Comma | Token::Period | Token::LParen))
                    || is(before, &["select", "distinct", "all", "returning"]);
                if every && !counted && told.insert("*".to_owned()) {
                    push("column", Severity::High, 1.0, "`*` stands for every column".to_owned());
                }
            }
            Token::Word(word) if word.value.eq_ignore_ascii_case("natural") && is(solid.get(i + 1), NATURAL) => {
                push("column", Severity::High, 1.0, "a natural join compares columns that it does not name".to_owned());
            }
            _ => {}
        }
    }
}

const NATURAL: &[&str] = &["join", "left", "right", "inner", "full"];

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
            "every column is read or written, also those that the lists do not permit".to_owned(),
        );
    }
    for column in &seen.columns {
        let (qualifier, bare) = column.rsplit_once('.').map_or((None, column.as_str()), |(q, bare)| (Some(q), bare));
        if seen.rows.contains(bare) && qualifier.is_none() {
            push("column", Severity::High, 1.0, format!("{} stands for a whole row", shown(column)));
            continue;
        }
        let of = |table: &str| vec![format!("{}.{bare}", table.rsplit('.').next().unwrap_or(table)), bare.to_owned()];
        let refused = match qualifier.and_then(|q| seen.aliases.get(q)) {
            // The qualifier says whose column it is; where one alias is used twice, each has to be permitted.
            Some(tables) => tables.iter().find_map(|table| rules.columns.refuses(&of(table))),
            None => {
                let mut names = vec![column.clone(), bare.to_owned()];
                names.extend(seen.tables.iter().flat_map(|table| of(table)));
                rules.columns.refuses(&names)
            }
        };
        if let Some(why) = refused {
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
}
