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
    const fn as_str(self) -> &'static str {
        match self {
            Self::Guardrail => "guardrail",
            Self::Policy => "policy",
        }
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
}

const PAGE: &str = "SELECT id, kind, team, environment, workflow, run, node, name, severity, enforcement, detail, at \
     FROM violations WHERE team = $1 AND environment = $2 AND ($3 IS NULL OR id < $3) AND ($4 IS NULL OR kind = $4) \
     AND ($5 IS NULL OR run = $5) AND ($6 IS NULL OR workflow = $6) ORDER BY id DESC LIMIT $7";

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
        let binds = binds![team, environment, page.after_id()?, kind, filter.run, filter.workflow, page.to_read()];
        let items = self.db().all(PAGE, binds).await?.iter().map(violation).collect::<Result<_>>()?;
        Ok(Page::cut(items, page, |violation: &Violation| Cursor::at_id(violation.id.uuid())))
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

fn violation(row: &Row) -> Result<Violation> {
    let (kind, severity): (String, String) = (row.get("kind")?, row.get("severity")?);
    let word = |name: &str| Ok::<_, Error>(Json::String(row.get(name)?));
    Ok(Violation {
        id: row.get("id")?,
        kind: if kind == "policy" { ViolationKind::Policy } else { ViolationKind::Guardrail },
        scope: Scope { team: row.get("team")?, environment: row.get("environment")? },
        workflow: row.get("workflow")?,
        run: row.get("run")?,
        node: row.get("node")?,
        name: row.get("name")?,
        severity: (Severity::ALL.into_iter().find(|known| known.as_str() == severity))
            .ok_or_else(|| Error::corrupt("severity", "it names no severity"))?,
        enforcement: serde_json::from_value(word("enforcement")?).map_err(|e| Error::corrupt("enforcement", e))?,
        detail: row.get("detail")?,
        at: row.get("at")?,
    })
}
