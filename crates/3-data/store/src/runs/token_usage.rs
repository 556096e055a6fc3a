//! What model calls cost: one row each, written with the checkpoint of the call.

use domain::{Principal, Scope, StepAddress, Timestamp, Usage, WorkflowId};

use super::to_json;
use crate::{
    Result,
    kernel::{sql::binds, tx::Tx},
};

/// One model call.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenUsage {
    pub step: StepAddress,
    /// Which attempt of the step, from 1: a call that failed late has cost something too.
    pub attempt: u32,
    pub scope: Scope,
    pub workflow: WorkflowId,
    pub principal: Principal,
    pub provider: String,
    pub model: String,
    pub usage: Usage,
    /// Millionths of a US dollar; absent when the model's price is not known.
    pub cost_micros: Option<u64>,
    pub at: Timestamp,
}

pub(crate) async fn record(tx: &mut Tx, row: &TokenUsage) -> Result<()> {
    tx.run(
        "insert into token_usage (run, node, path, step, attempt, team, environment, workflow, principal, provider, \
         model, input_tokens, output_tokens, cost_micros, at) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) on conflict do nothing",
        binds![
            row.step.run,
            &row.step.node,
            &row.step.path,
            row.step.index,
            row.attempt,
            row.scope.team,
            row.scope.environment,
            row.workflow,
            to_json(&row.principal)?,
            &row.provider,
            &row.model,
            row.usage.input_tokens,
            row.usage.output_tokens,
            row.cost_micros,
            row.at,
        ],
    )
    .await?;
    Ok(())
}
