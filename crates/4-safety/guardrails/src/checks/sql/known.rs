//! Names that databases give to what reaches beyond tables.

/// Functions that wait, run commands, or read and write files and networks.
const DANGEROUS: &[&str] = &[
    "sleep",
    "benchmark",
    "dbms_pipe.receive_message",
    "dbms_lock.sleep",
    "load_file",
    "load_extension",
    "readfile",
    "writefile",
    "sp_executesql",
    "openrowset",
    "opendatasource",
    "openquery",
    "utl_http.request",
    "utl_inaddr.get_host_address",
    "utl_file.fopen",
    "extractvalue",
    "updatexml",
    "httpuritype",
    "dbms_xslprocessor.clob2file",
    "sys_exec",
    "sys_eval",
    "fts3_tokenizer",
    "set_config",
    "table_to_xml",
    "schema_to_xml",
    "database_to_xml",
    "cursor_to_xml",
    "load_data",
    "randomblob",
    "zeroblob",
    "pg_promote",
    "pg_reload_conf",
    "pg_stat_file",
    "pg_current_logfile",
    "pg_terminate_backend",
    "pg_cancel_backend",
    "pg_switch_wal",
    "pg_log_backend_memory_contexts",
];

/// Whole families of them.
const FAMILIES: &[&str] = &[
    "pg_sleep",
    "pg_read_",
    "pg_ls_",
    "pg_file_",
    "pg_rotate_",
    "pg_logical_",
    "pg_replication_",
    "pg_create_",
    "pg_drop_",
    "pg_stat_reset",
    "lo_",
    "dblink",
    "xp_",
    "sp_oa",
    "query_to_xml",
];

/// They read a file or an address where a table could stand.
const SOURCES: &[&str] = &[
    "fsdir",
    "zipfile",
    "file",
    "url",
    "s3",
    "hdfs",
    "remote",
    "remotesecure",
    "executable",
    "read_csv",
    "read_csv_auto",
    "read_json",
    "read_json_auto",
    "read_ndjson",
    "read_parquet",
    "read_text",
    "read_blob",
    "parquet_scan",
    "sqlite_scan",
    "postgres_scan",
    "external_query",
];

/// They run the text that they are given.
const RUNNERS: &[&str] =
    &["crosstab", "ts_stat", "ts_rewrite", "connectby", "xpath_table", "eval", "query", "exec", "dblink"];

/// They look at the table that they are given the name of.
const BY_NAME: &[&str] = &[
    "identifier",
    "table",
    "query_table",
    "currtid",
    "connectby",
    "xpath_table",
    "to_regclass",
    "object_id",
    "col_length",
    "regclass",
];

/// What stands in them comes from other tables' rows.
const COPIES: &[&str] = &[
    "pg_stats",
    "pg_stats_ext",
    "pg_statistic",
    "pg_statistic_ext_data",
    "pg_largeobject",
    "pg_stat_activity",
    "pg_stat_statements",
    "column_statistics",
    "sqlite_dbpage",
    "sqlite_dbdata",
    "sqlite_dbptr",
    "sqlite_stat1",
    "sqlite_stat4",
];

/// Where databases describe themselves.
pub const CATALOGS: &[&str] = &[
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
pub const SENSITIVE: &[&str] = &[
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

/// A name without what stands before its last dot.
pub fn bare(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

fn is_one_of(name: &str, list: &[&str]) -> bool {
    list.contains(&name) || list.contains(&bare(name))
}

/// Waits, runs commands, or reaches files, networks and the server itself.
pub fn is_dangerous(function: &str) -> bool {
    is_one_of(function, DANGEROUS) || FAMILIES.iter().any(|family| bare(function).starts_with(family))
}

pub fn reads_elsewhere(source: &str) -> bool {
    is_one_of(source, SOURCES)
}

pub fn runs_text(function: &str) -> bool {
    is_one_of(function, RUNNERS) || bare(function).starts_with("crosstab")
}

pub fn looks_at_a_name(function: &str) -> bool {
    let bare = bare(function);
    is_one_of(function, BY_NAME) || ["pg_", "pragma_", "has_"].iter().any(|family| bare.starts_with(family))
}

pub fn copies_rows(table: &str) -> bool {
    is_one_of(table, COPIES) || table.starts_with("pg_toast.")
}

pub fn is_catalog(name: &str) -> bool {
    is_one_of(name, CATALOGS)
}
