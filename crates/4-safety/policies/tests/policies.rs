//! Each policy: what it refuses, and the neighbour that it lets through.
#![allow(clippy::unwrap_used, reason = "a test that cannot read its own input has failed")]

use domain::{Json, Severity};
use policies::{Dialect, Policies, Policy, budget};
use serde_json::json;

fn policies(json: Json) -> Policies {
    Policies::parse(&json).unwrap()
}

/// R193: only listed node types execute.
#[test]
fn tool_whitelist() {
    let p = policies(json!({"allowed_nodes": ["WEBHOOK", "AI_AGENT"]}));
    let refused = p.tools([("in", "WEBHOOK"), ("c", "CODE"), ("a", "AI_AGENT")]);
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0].detail["node"], "c");
    assert!(policies(json!({})).tool("c", "CODE").is_ok());
    assert!(policies(json!({"allowed_nodes": []})).tool("c", "CODE").is_err());
}

fn sql(scope: &str, text: &str) -> Result<(), String> {
    policies(json!({"sql_scope": scope})).sql(text, Dialect::PostgreSql).map_err(|v| v.code)
}

/// R194: read-only refuses writes, also inside a CTE, behind EXPLAIN ANALYZE, through SELECT INTO, locks or functions.
#[test]
fn read_only_refuses_writes() {
    assert!(sql("read_only", "SELECT * FROM t WHERE name = 'delete from x'").is_ok());
    for text in [
        "INSERT INTO t VALUES (1)",
        "WITH d AS (DELETE FROM t RETURNING *) SELECT * FROM d",
        "EXPLAIN ANALYZE DELETE FROM t",
        "SELECT * INTO x FROM t",
        "SELECT 1; DROP TABLE t",
        "SELECT * FROM t FOR UPDATE",
        "SELECT pg_read_file('/etc/passwd')",
        "CREATE TABLE x (a int)",
        "COPY t TO '/tmp/x'",
        "SET ROLE admin",
        "nonsense here",
    ] {
        assert!(sql("read_only", text).is_err(), "{text}");
    }
}

/// R195: read-write refuses changes of structure. R196: full allows all.
#[test]
fn read_write_refuses_ddl_and_full_allows_all() {
    for text in ["UPDATE t SET a = 1", "INSERT INTO t VALUES (1)", "DELETE FROM t WHERE a = 2"] {
        assert!(sql("read_write", text).is_ok(), "{text}");
    }
    for text in [
        "DROP TABLE t",
        "ALTER TABLE t ADD b int",
        "TRUNCATE TABLE t",
        "GRANT ALL ON t TO x",
        "CREATE INDEX i ON t (a)",
    ] {
        assert_eq!(sql("read_write", text), Err("sql_ddl_in_read_write".to_owned()), "{text}");
        assert!(sql("full", text).is_ok());
    }
}

/// R197: the allowlist, with wildcards that cover what is below and nothing else, and every way of writing a host.
#[test]
fn http_allowlist() {
    let p = policies(
        json!({"http": {"allow": ["api.example.com", "*.trusted.org", "bücher.example", "192.0.2.7", "2001:db8::1"]}}),
    );
    for url in [
        "https://api.example.com/x",
        "https://API.EXAMPLE.COM:8443/",
        "https://a.trusted.org",
        "https://a.b.trusted.org/",
        "https://xn--bcher-kva.example/",
        "https://bücher.example/",
        "http://192.0.2.7/",
        "http://0xc0000207/",
        "http://[2001:db8::1]/",
        "https://api.example.com./",
        "http://[::ffff:192.0.2.7]/",
    ] {
        assert!(p.http(url).is_ok(), "{url}: {:?}", p.http(url));
    }
    for url in [
        "https://trusted.org/",
        "https://eviltrusted.org/",
        "https://api.example.com.evil.org/",
        "https://api.example.com@evil.org/",
        "https://evil.org#api.example.com",
        "https://evil.org?api.example.com",
        "https://evil.org\\@api.example.com/",
        "https://api.example.com\t.evil.org/",
        "file:///etc/passwd",
        "gopher://api.example.com/",
        "//api.example.com",
        "http://192.0.2.8/",
        "",
    ] {
        assert!(p.http(url).is_err(), "{url}");
    }
}

/// R198: the blocklist wins over the allowlist.
#[test]
fn http_blocklist() {
    let p = policies(json!({"http": {"allow": ["*"], "block": ["*.bad.example", "bad.example", "127.0.0.1"]}}));
    assert!(p.http("https://good.example/").is_ok());
    for url in [
        "https://bad.example/",
        "https://x.BAD.example/",
        "http://2130706433/",
        "http://0177.0.0.1/",
        "http://[::ffff:7f00:1]/",
    ] {
        assert!(p.http(url).is_err(), "{url}");
    }
}

/// R199: only listed credentials.
#[test]
fn credential_scope() {
    let p = policies(json!({"credentials": ["crm", "cred_1"]}));
    assert!(p.credential(&["cred_9", "crm"]).is_ok());
    assert_eq!(p.credential(&["cred_2", "billing"]).unwrap_err().severity, Severity::Critical);
}

/// R200: at most N runs in the window. R202: the token budget.
#[test]
fn rate_and_budget() {
    let p = policies(json!({"rate": {"max_runs": 2, "window_seconds": 60}}));
    assert!(p.rate(1).is_ok());
    assert_eq!(p.rate(2).unwrap_err().policy, Policy::ExecutionRate);
    assert!(budget(90, 10, Some(100)).is_ok() && budget(1, 1, None).is_ok() && budget(100, 0, Some(100)).is_ok());
    assert_eq!(budget(90, 11, Some(100)).unwrap_err().code, "token_budget_exceeded");
    assert!(budget(101, 0, Some(100)).is_err() && budget(u64::MAX, 1, Some(u64::MAX)).is_ok());
}

/// R201: a violation keeps severity, whether it was blocked, and its detail, and reads back.
#[test]
fn violations_are_kept_whole() {
    let violation = policies(json!({"http": {"allow": []}})).http("https://x.example/").unwrap_err();
    let stored = serde_json::to_value(&violation).unwrap();
    assert_eq!(
        (&stored["severity"], &stored["blocked"], &stored["detail"]["host"]),
        (&json!("high"), &json!(true), &json!("x.example"))
    );
    assert_eq!(serde_json::from_value::<policies::Violation>(stored).unwrap(), violation);
}

/// A misspelt limit is an error, not no limit; all at once, with paths.
#[test]
fn mistakes_are_told() {
    let errors = Policies::parse(&json!({"sql_scop": "full", "sql_scope": "most", "http": {"allow": ["http://x/"], "deny": []}, "rate": {"max_runs": 0, "window_seconds": 1}})).unwrap_err();
    let paths: Vec<&str> = errors.iter().map(|e| e.path.as_str()).collect();
    for path in ["/sql_scop", "/sql_scope", "/http/allow", "/http/deny", "/rate"] {
        assert!(paths.contains(&path), "{path}: {paths:?}");
    }
}
