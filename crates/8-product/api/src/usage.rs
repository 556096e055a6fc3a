use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What was used here in a time, and what it cost at the prices that are set now.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct UsageReport {
    /// The first day (UTC).
    pub from: String,
    /// The last day, counted in.
    pub to: String,
    /// `day`, `workflow`, `model` or `principal`.
    pub by: String,
    /// Of all costs: `USD`.
    pub currency: String,
    /// Days in order; others by cost, then by tokens, the largest first; 1,000 at most.
    pub rows: Vec<UsageRow>,
    /// Of everything, rows that were left out included.
    pub total: UsageRow,
}

/// One day, workflow, model or principal.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct UsageRow {
    /// The day, an id, or `provider/model`; empty in the total.
    pub key: String,
    /// For people to read: the workflow's name, the person's e-mail address.
    pub label: String,
    /// Runs, sub-workflows included; by model, those that asked it.
    pub runs: u64,
    /// Of them: failed or blocked. Absent by model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed: Option<u64>,
    pub input_tokens: u64,
    pub output_tokens: u64,
    /// Millionths of a US dollar, of the tokens that have a price.
    pub cost_micros: u64,
    /// Tokens of models that have no price: their cost is not in `cost_micros`.
    pub unpriced_tokens: u64,
}

/// What the tokens of a model cost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelPrice {
    /// `open_ai` (or `openai`), `anthropic`, `ollama` or `local`.
    pub provider: String,
    /// The model's name; one that ends in `*` stands for all that begin so. The longest that fits counts.
    pub model: String,
    /// US dollars for a million tokens in, 0 to 1,000,000.
    pub input_usd: f64,
    /// US dollars for a million tokens out, 0 to 1,000,000.
    pub output_usd: f64,
}

/// Replaces all prices of the environment.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetPrices {
    /// 500 at most.
    pub prices: Vec<ModelPrice>,
}

/// Replaces the limits of the environment. What is absent or null has none.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetLimits {
    /// Runs a calendar month (UTC), sub-workflows included. The next start is refused.
    #[serde(default)]
    pub runs_a_month: Option<u64>,
    /// Tokens, in and out, a calendar month. The next model call of a run fails, and the run is blocked.
    #[serde(default)]
    pub tokens_a_month: Option<u64>,
}

/// Prices and limits of one environment, and how much of the month is used.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Billing {
    pub prices: Vec<ModelPrice>,
    pub limits: Vec<MonthLimit>,
    /// When the month began.
    pub month_from: String,
    /// When the next begins.
    pub month_until: String,
}

/// One limit.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct MonthLimit {
    /// `runs_a_month` or `tokens_a_month`.
    pub name: String,
    /// Null when there is none.
    pub limit: Option<u64>,
    pub used: u64,
}
