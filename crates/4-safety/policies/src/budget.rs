//! Token budget (R202).

use domain::Severity;
use serde_json::json;

use crate::{Policy, Violation};

/// Whether a call that may use `wanted` tokens fits into what is left of `limit` after `used`. Call it with `wanted`
/// 0 after a call, to stop what went over.
pub fn budget(used: u64, wanted: u64, limit: Option<u64>) -> Result<(), Violation> {
    let Some(limit) = limit else { return Ok(()) };
    if used.saturating_add(wanted) <= limit && (wanted > 0 || used <= limit) {
        return Ok(());
    }
    Err(Violation::new(
        Policy::TokenBudget,
        Severity::High,
        "token_budget_exceeded",
        format!("the token budget of {limit} is used up ({used} used, {wanted} more asked for)"),
        json!({ "limit": limit, "used": used, "wanted": wanted }),
    ))
}

/// Whether a team may call another model this month: it has used `used` tokens of `limit`.
pub fn month(used: u64, limit: Option<u64>) -> Result<(), Violation> {
    let Some(limit) = limit.filter(|limit| used >= *limit) else { return Ok(()) };
    Err(Violation::new(
        Policy::TokenBudget,
        Severity::High,
        "monthly_tokens_exceeded",
        format!("the team's {limit} tokens of this month are used up ({used} used)"),
        json!({ "limit": limit, "used": used }),
    ))
}
