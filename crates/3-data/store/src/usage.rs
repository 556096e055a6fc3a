//! What a team used here: runs and tokens by day, workflow, model or principal, and what of its month is spent.

use std::collections::BTreeMap;

use authz::{Permit, SystemPermit, action::ManageBilling};
use domain::{Json, Principal, RunId, Scope, Timestamp, WorkflowId};

use crate::{
    Effects, Result, Store,
    kernel::{row::Row, sql::binds},
    records::SettingOf,
};

/// The name of the setting that holds prices and limits of one environment.
pub const BILLING_SETTING: &str = "billing";

/// By what usage is summed up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UsageBy {
    Day,
    Workflow,
    Model,
    Principal,
}

/// What one row is about. Days begin at midnight UTC.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum UsageOf {
    Day(Timestamp),
    Workflow(WorkflowId),
    Model { provider: String, model: String },
    Principal(String),
}

/// Tokens of one model, whose price they have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ModelTokens {
    pub provider: String,
    pub model: String,
    pub input_tokens: u64,
    pub output_tokens: u64,
}

/// What was used.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Used {
    /// The workflow's name, where the row is about one that is still there.
    pub name: Option<String>,
    pub runs: u64,
    /// Of them: failed or blocked.
    pub failed: u64,
    pub tokens: Vec<ModelTokens>,
}

const DAY: i64 = 86_400_000_000;

macro_rules! tokens {
    ($key:literal) => {
        concat!(
            "select ",
            $key,
            " as k, provider, model, cast(sum(input_tokens) as bigint) as input, \
             cast(sum(output_tokens) as bigint) as output, count(distinct run) as runs from token_usage \
             where team = $1 and environment = $2 and at >= $3 and at < $4 group by 1, provider, model"
        )
    };
}
// Ids of runs begin with their time, so that the index by team and id is one by time too.
macro_rules! runs {
    ($key:literal, $name:literal, $join:literal) => {
        concat!(
            "select ",
            $key,
            " as k, ",
            $name,
            " as name, count(*) as runs, \
             sum(case when r.status in ('failed', 'blocked') then 1 else 0 end) as failed \
             from runs r ",
            $join,
            " where r.team = $1 and r.environment = $2 and r.id >= $3 and r.id < $4 group by 1"
        )
    };
}

impl UsageBy {
    const fn tokens(self) -> &'static str {
        match self {
            Self::Day => tokens!("at / 86400000000"),
            Self::Workflow => tokens!("workflow"),
            Self::Model => tokens!("provider"),
            Self::Principal => tokens!("principal"),
        }
    }
    const fn runs(self) -> Option<&'static str> {
        Some(match self {
            Self::Day => runs!("r.created_at / 86400000000", "cast(null as text)", ""),
            Self::Workflow => runs!("r.workflow", "max(w.name)", "left join workflows w on w.id = r.workflow"),
            Self::Principal => runs!("r.principal", "cast(null as text)", ""),
            // A run may ask several models: those that asked one are counted with its tokens.
            Self::Model => return None,
        })
    }
    fn key(self, row: &Row) -> Result<UsageOf> {
        Ok(match self {
            Self::Day => UsageOf::Day(Timestamp::from_micros(row.get::<i64>("k")?.saturating_mul(DAY))),
            Self::Workflow => UsageOf::Workflow(row.get("k")?),
            Self::Model => UsageOf::Model { provider: row.get("provider")?, model: row.get("model")? },
            Self::Principal => UsageOf::Principal(row.json::<Principal>("k")?.to_string()),
        })
    }
}

/// The smallest id of a run that was made at `at` or later.
fn first_run(at: Timestamp) -> RunId {
    RunId::new(at, [0; 10])
}

impl Store {
    /// Usage of the permit's team and environment from `from` until before `until`.
    pub async fn usage(
        &self,
        permit: &Permit<ManageBilling>,
        by: UsageBy,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<BTreeMap<UsageOf, Used>> {
        let Scope { team, environment } = permit.scope();
        let mut all = BTreeMap::<UsageOf, Used>::new();
        for row in &self.db().all(by.tokens(), binds![team, environment, from, until]).await? {
            let used = all.entry(by.key(row)?).or_default();
            if by == UsageBy::Model {
                used.runs = row.get("runs")?;
            }
            used.tokens.push(ModelTokens {
                provider: row.get("provider")?,
                model: row.get("model")?,
                input_tokens: row.get("input")?,
                output_tokens: row.get("output")?,
            });
        }
        let Some(runs) = by.runs() else { return Ok(all) };
        for row in &self.db().all(runs, binds![team, environment, first_run(from), first_run(until)]).await? {
            let used = all.entry(by.key(row)?).or_default();
            // Keys of one person and the person are told apart in storage and not here.
            used.runs += row.get::<u64>("runs")?;
            used.failed += row.get::<u64>("failed")?;
            used.name = row.get("name")?;
        }
        Ok(all)
    }

    /// Tokens of one run by model. `run` was found in the caller's team and environment.
    pub async fn tokens_of_run(&self, permit: &Permit<ManageBilling>, run: RunId) -> Result<Vec<ModelTokens>> {
        let Scope { team, environment } = permit.scope();
        let sql = "select provider, model, cast(sum(input_tokens) as bigint) as input, \
                   cast(sum(output_tokens) as bigint) as output from token_usage \
                   where run = $1 and team = $2 and environment = $3 group by provider, model";
        let rows = self.db().all(sql, binds![run, team, environment]).await?;
        rows.iter()
            .map(|row| {
                Ok(ModelTokens {
                    provider: row.get("provider")?,
                    model: row.get("model")?,
                    input_tokens: row.get("input")?,
                    output_tokens: row.get("output")?,
                })
            })
            .collect()
    }

    /// Runs (sub-workflows included) and tokens, in and out, of `scope` from `from` until before `until`.
    pub async fn used_between(
        &self,
        _system: SystemPermit,
        scope: Scope,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<(u64, u64)> {
        let Scope { team, environment } = scope;
        let runs = "select count(*) as n from runs where team = $1 and environment = $2 and id >= $3 and id < $4";
        let tokens = "select cast(coalesce(sum(input_tokens + output_tokens), 0) as bigint) as n from token_usage \
                      where team = $1 and environment = $2 and at >= $3 and at < $4";
        let runs = self.db().one(runs, binds![team, environment, first_run(from), first_run(until)]).await?.get("n")?;
        let tokens = self.db().one(tokens, binds![team, environment, from, until]).await?.get("n")?;
        Ok((runs, tokens))
    }

    /// Sets prices and limits of the permit's team and environment.
    pub async fn set_billing(&self, permit: &Permit<ManageBilling>, value: Json, effects: Effects) -> Result<()> {
        let Scope { team, environment } = permit.scope();
        let of = SettingOf::Environment(team, environment);
        self.put_setting(of, BILLING_SETTING.to_owned(), value, permit.principal().to_string(), effects).await
    }
}
