//! Customers' databases. The narrower of the node's mode and the workflow's policy holds (R194 to R196).

use customer_sql::{Database, Limits, Postgres, Query, Rows, Scope, Tls};
use domain::{Secret, Severity};
use policies::{Policy, SqlScope, Violation};
use serde_json::json;
use vault::Lease;
use workflow::{Answer, Failure, FailureKind, SqlAnswer, SqlCall, SqlDialect, SqlMode};

use super::{World, with_cause};
use crate::{
    ports::{EffectContext, Performed},
    rules::refusal,
};

impl World {
    pub(super) async fn sql(&self, cx: &EffectContext, call: SqlCall) -> Result<Performed, Failure> {
        let lease = self.lease(cx, &call.credential, None).await?;
        let database = database(&lease, call.dialect)?;
        let asked = match call.mode {
            SqlMode::ReadOnly => SqlScope::ReadOnly,
            SqlMode::ReadWrite => SqlScope::ReadWrite,
            SqlMode::Full => SqlScope::Full,
        };
        let most = cx.policies.sql_scope().map_or(asked, |most| most.min(asked));
        let scope = match most {
            SqlScope::ReadOnly => Scope::ReadOnly,
            SqlScope::ReadWrite => Scope::ReadWrite,
            SqlScope::Full => Scope::Full,
        };
        let limits = Limits {
            max_rows: usize::try_from(call.max_rows).unwrap_or(usize::MAX),
            timeout: cx.timeout,
            ..Limits::default()
        };
        let query = Query { sql: call.query, parameters: call.parameters, scope, limits };
        let rows = self.customer_sql.query(&database, &query).await;
        let Rows { columns, rows, rows_affected, truncated } = rows.map_err(|error| failed(&error, most))?;
        let columns = columns.into_iter().map(|column| column.name).collect();
        Ok(Answer::Sql(SqlAnswer { columns, rows, rows_affected, truncated }).into())
    }
}

/// What a credential of kind `database` leads to: `postgres://user:password@host:port/name?sslmode=…`, or
/// `sqlite:file` inside the configured folder.
///
/// # Errors
/// A failure that names the credential and says what is wrong with it.
pub fn database(lease: &Lease, dialect: SqlDialect) -> Result<Database, Failure> {
    let bad = |what: &str| Failure::new(FailureKind::Parameters, format!("the credential {:?} {what}", lease.name()));
    let text = lease.value().main();
    if dialect == SqlDialect::Sqlite {
        let file = text.expose().trim_start_matches("sqlite:").trim_start_matches("//");
        return Ok(Database::Sqlite { file: file.into() });
    }
    let url = egress::Url::parse(text.expose()).map_err(|_| bad("holds no database URL"))?;
    if !matches!(url.scheme(), "postgres" | "postgresql") {
        return Err(bad("is not for PostgreSQL"));
    }
    let host = url.host_str().ok_or_else(|| bad("names no host"))?.to_owned();
    lease.may_go_to(&host).map_err(|error| bad(&format!("may not be used there: {error}")))?;
    let decoded = |text: &str| percent_decoded(text).ok_or_else(|| bad("holds a URL that is not UTF-8"));
    let plain = url.query_pairs().any(|(name, value)| name == "sslmode" && value == "disable");
    Ok(Database::Postgres(Postgres {
        host,
        port: url.port().unwrap_or(5432),
        database: decoded(url.path().trim_start_matches('/'))?,
        user: decoded(url.username())?,
        password: Secret::new(decoded(url.password().unwrap_or_default())?),
        tls: if plain { Tls::Off } else { Tls::Verified { authority_pem: None } },
    }))
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let pair = [rest.next()?, rest.next()?];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&pair).ok()?, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

fn failed(error: &customer_sql::Error, scope: SqlScope) -> Failure {
    use customer_sql::Error as E;
    if matches!(error, E::OutOfScope { .. } | E::Forbidden { .. }) {
        return refusal(Violation {
            policy: Policy::SqlScope,
            severity: Severity::High,
            blocked: true,
            code: "sql_out_of_scope".to_owned(),
            message: error.to_string(),
            detail: json!({ "scope": scope.as_str() }),
        });
    }
    let kind = match error {
        E::TimedOut { .. } => FailureKind::Timeout,
        E::Parameters { .. } | E::Parameter { .. } | E::SeveralStatements | E::Unreadable { .. } => {
            FailureKind::Parameters
        }
        _ => FailureKind::Call,
    };
    let mut failure = Failure::new(kind, with_cause(error));
    failure.retryable = error.may_retry();
    failure
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_with_reserved_characters_is_read() {
        assert_eq!(percent_decoded("p%40ss%2Fword").as_deref(), Some("p@ss/word"));
        assert_eq!(percent_decoded("broken%4"), None);
    }
}
