//! What guardrails and policies found. Screened text only.

use authz::{Permit, action::ViewIncidents};
use domain::{Enforcement, FindingId, Json, RunId, Scope, Severity, Timestamp, WorkflowId};

use crate::{
    Error, Page, PageRequest, Result, Store, dialect,
    kernel::{conn::Conn, row::Row, sql::binds},
    page::Cursor,
};

/// Who found it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ViolationKind {
    Guardrail,
    Policy,
}

impl ViolationKind {
    /// The word in storage and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Guardrail => "guardrail",
            Self::Policy => "policy",
        }
    }

    fn of(word: &str) -> Self {
        if word == "policy" { Self::Policy } else { Self::Guardrail }
    }
}

/// A finding and what was done about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Violation {
    pub id: FindingId,
    pub kind: ViolationKind,
    pub scope: Scope,
    pub workflow: Option<WorkflowId>,
    pub run: Option<RunId>,
    pub node: Option<String>,
    /// The check or the policy.
    pub name: String,
    pub severity: Severity,
    pub enforcement: Enforcement,
    /// The findings, without the text they were found in.
    pub detail: Json,
    pub at: Timestamp,
}

/// Which violations. Everything absent means "any".
#[derive(Debug, Clone, Default)]
pub struct ViolationFilter {
    pub kind: Option<ViolationKind>,
    pub run: Option<RunId>,
    pub workflow: Option<WorkflowId>,
    /// The check, the rule or the policy.
    pub name: Option<String>,
}

/// How often one thing was found on one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ViolationDay {
    /// Midnight, UTC.
    pub day: Timestamp,
    pub kind: ViolationKind,
    pub name: String,
    pub enforcement: Enforcement,
    pub found: u64,
}

/// Rows that a count by day may have.
const MOST_DAYS: u32 = 5_000;
const DAYS: &str = "SELECT at / 86400000000 AS day, kind, name, enforcement, count(*) AS found FROM violations \
     WHERE team = $1 AND environment = $2 AND id >= $3 GROUP BY at / 86400000000, kind, name, enforcement \
     ORDER BY 1 DESC, 5 DESC LIMIT $4";
const PAGE: &str = "SELECT id, kind, team, environment, workflow, run, node, name, severity, enforcement, detail, at \
     FROM violations WHERE team = $1 AND environment = $2 AND ($3 IS NULL OR id < $3) AND ($4 IS NULL OR kind = $4) \
     AND ($5 IS NULL OR run = $5) AND ($6 IS NULL OR workflow = $6) AND ($7 IS NULL OR name = $7) \
     ORDER BY id DESC LIMIT $8";

impl Store {
    /// The violations of the permit's team and environment that fit `filter`, newest first.
    pub async fn violations(
        &self,
        permit: &Permit<ViewIncidents>,
        filter: &ViolationFilter,
        page: &PageRequest,
    ) -> Result<Page<Violation>> {
        let Scope { team, environment } = permit.scope();
        let kind = filter.kind.map(ViolationKind::as_str);
        let name = filter.name.as_deref();
        let binds =
            binds![team, environment, page.after_id()?, kind, filter.run, filter.workflow, name, page.to_read()];
        let items = self.db().all(PAGE, binds).await?.iter().map(violation).collect::<Result<_>>()?;
        Ok(Page::cut(items, page, |violation: &Violation| Cursor::at_id(violation.id.uuid())))
    }

    /// Violations of the permit's team and environment since `from`, counted by day, name and enforcement; the newest
    /// day first, at most 5,000 rows.
    pub async fn violations_by_day(
        &self,
        permit: &Permit<ViewIncidents>,
        from: Timestamp,
    ) -> Result<Vec<ViolationDay>> {
        let Scope { team, environment } = permit.scope();
        let first = FindingId::new(from, [0; 10]);
        let rows = self.db().all(DAYS, binds![team, environment, first, MOST_DAYS]).await?;
        rows.iter()
            .map(|row| {
                let (kind, enforcement): (String, String) = (row.get("kind")?, row.get("enforcement")?);
                Ok(ViolationDay {
                    day: Timestamp::from_micros(row.get::<i64>("day")? * 86_400_000_000),
                    kind: ViolationKind::of(&kind),
                    name: row.get("name")?,
                    enforcement: enforcement_of(enforcement)?,
                    found: row.get("found")?,
                })
            })
            .collect()
    }
}

/// Keeps a transaction's violations ([`Effects::violations`](crate::Effects)). The same one again is kept once.
pub(crate) async fn append(conn: &mut Conn, violations: Vec<Violation>) -> Result<()> {
    let row = |v: Violation| {
        let Scope { team, environment } = v.scope;
        let (kind, enforcement) = (v.kind.as_str(), v.enforcement.as_str());
        binds![
            v.id,
            kind,
            team,
            environment,
            v.workflow,
            v.run,
            v.node,
            v.name,
            v.severity,
            enforcement,
            v.detail,
            v.at
        ]
    };
    conn.run_rows(dialect::INSERT_VIOLATIONS, violations.into_iter().map(row).collect()).await?;
    Ok(())
}

fn enforcement_of(word: String) -> Result<Enforcement> {
    serde_json::from_value(Json::String(word)).map_err(|e| Error::corrupt("enforcement", e))
}

fn violation(row: &Row) -> Result<Violation> {
    let (kind, severity): (String, String) = (row.get("kind")?, row.get("severity")?);
    Ok(Violation {
        id: row.get("id")?,
        kind: ViolationKind::of(&kind),
        scope: Scope { team: row.get("team")?, environment: row.get("environment")? },
        workflow: row.get("workflow")?,
        run: row.get("run")?,
        node: row.get("node")?,
        name: row.get("name")?,
        severity: (Severity::ALL.into_iter().find(|known| known.as_str() == severity))
            .ok_or_else(|| Error::corrupt("severity", "it names no severity"))?,
        enforcement: enforcement_of(row.get("enforcement")?)?,
        detail: row.get("detail")?,
        at: row.get("at")?,
    })
}
