//! SQL scope (R194–R196), by parsing: what does not parse is refused in every mode but `full`.

use domain::Severity;
use guardrails::checks::sql::{self, Dialect};
use serde_json::json;

use crate::{Policies, Policy, Violation};

/// What SQL a workflow may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SqlScope {
    /// Reads only.
    ReadOnly,
    /// Reads and changes of rows; no change of structure, rights or the server.
    ReadWrite,
    /// Everything.
    Full,
}

impl SqlScope {
    /// By the word in definitions.
    pub fn named(word: &str) -> Option<Self> {
        Some(match word {
            "read_only" => Self::ReadOnly,
            "read_write" => Self::ReadWrite,
            "full" => Self::Full,
            _ => return None,
        })
    }
    /// The word in definitions.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ReadOnly => "read_only",
            Self::ReadWrite => "read_write",
            Self::Full => "full",
        }
    }
}

const READS: &[&str] = &["SELECT", "EXPLAIN", "SHOW"];
const WRITES: &[&str] = &["INSERT", "UPDATE", "DELETE", "MERGE", "BEGIN", "COMMIT", "ROLLBACK"];

impl Policies {
    /// Whether `text` may run. `EXPLAIN ANALYZE` runs what it explains, a CTE may delete, `SELECT INTO` makes a table:
    /// every operation anywhere inside counts.
    pub fn sql(&self, text: &str, dialect: Dialect) -> Result<(), Violation> {
        let Some(scope) = self.sql.filter(|scope| *scope != SqlScope::Full) else { return Ok(()) };
        let refuse = |severity, code, message: String, operation: &str| {
            let detail = json!({ "scope": scope.as_str(), "operation": operation });
            Err(Violation::new(Policy::SqlScope, severity, code, message, detail))
        };
        let summary = match sql::summary(text, dialect) {
            Ok(summary) => summary,
            Err(error) => {
                let message = format!("the SQL could not be checked against the scope {}: {error}", scope.as_str());
                return refuse(Severity::High, "sql_not_evaluated", message, "unknown");
            }
        };
        for operation in &summary.operations {
            if READS.contains(operation) {
                continue;
            }
            let (code, severity) = match scope {
                SqlScope::ReadWrite if WRITES.contains(operation) => continue,
                SqlScope::ReadOnly if WRITES.contains(operation) => ("sql_write_in_read_only", Severity::High),
                SqlScope::ReadOnly => ("sql_change_in_read_only", Severity::Critical),
                SqlScope::ReadWrite | SqlScope::Full => ("sql_ddl_in_read_write", Severity::Critical),
            };
            let message = format!("the workflow's SQL scope {} does not allow {operation}", scope.as_str());
            return refuse(severity, code, message, operation);
        }
        if scope == SqlScope::ReadOnly && summary.locks {
            return refuse(
                Severity::Medium,
                "sql_lock_in_read_only",
                "a read-only query may not lock rows".to_owned(),
                "LOCK",
            );
        }
        if let Some(function) = summary.dangerous.iter().next() {
            let message = format!(
                "the function {function} acts outside of tables; the SQL scope {} does not allow it",
                scope.as_str()
            );
            return refuse(Severity::Critical, "sql_function", message, function);
        }
        if summary.into_file {
            let message = format!("the SQL scope {} does not allow writing files", scope.as_str());
            return refuse(Severity::Critical, "sql_file", message, "INTO OUTFILE");
        }
        Ok(())
    }

    /// The scope, when there is one; `customer_sql` opens read-only connections by it too.
    pub fn sql_scope(&self) -> Option<SqlScope> {
        self.sql
    }
}
