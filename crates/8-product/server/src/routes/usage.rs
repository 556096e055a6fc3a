//! Usage and billing (R053): what was used, what it cost, and what a team allows itself.

use std::collections::HashMap;

use authz::action::ManageBilling;
use axum::{
    Json,
    http::header,
    response::{IntoResponse, Response},
};
use domain::{ApiKeyId, Scope, Timestamp, UserId};
use serde::Deserialize;
use serde_json::json;
use store::{Effects, UsageBy, UsageOf, Used};

use crate::{
    extract::{Asked, Body},
    operation::Operation,
    problems::{Kind, Problem},
    request::Identified,
    rooms::{Billing, Rooms, month_of},
};

/// Days in one report.
const LONGEST: u64 = 366;
const MOST_ROWS: usize = 1000;
const MOST_PRICES: usize = 500;
const DEAREST_USD: f64 = 1_000_000.0;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Period {
    from: Option<String>,
    to: Option<String>,
    by: Option<String>,
}

fn wrong(text: impl Into<String>) -> Problem {
    Problem::new(Kind::BadParameter).detail(text)
}

/// The first moment of a day such as `2026-11-22`.
fn day(name: &str, text: &str) -> Result<Timestamp, Problem> {
    let whole = (text.len() == 10).then(|| Timestamp::parse(&format!("{text}T00:00:00Z"))).flatten();
    whole.ok_or_else(|| wrong(format!("{name}: expected a day such as 2026-11-22")))
}

fn text_of(day: Timestamp) -> String {
    day.to_string().chars().take(10).collect()
}

async fn reported(request: &Identified, asked: Period) -> Result<api::UsageReport, Problem> {
    const DAY: std::time::Duration = std::time::Duration::from_secs(86_400);
    let permit = request.may::<ManageBilling>()?;
    let today = day("to", &text_of(request.arrived.at))?;
    let last = asked.to.as_deref().map_or(Ok(today), |text| day("to", text))?;
    let first = asked.from.as_deref().map_or(Ok(last - DAY * 29), |text| day("from", text))?;
    if first > last || last.since(first).as_secs() / DAY.as_secs() >= LONGEST {
        return Err(wrong(format!("from, to: expected at most {LONGEST} days, the first one first")));
    }
    let by = asked.by.unwrap_or_else(|| "day".to_owned());
    let dimension = match by.as_str() {
        "day" => UsageBy::Day,
        "workflow" => UsageBy::Workflow,
        "model" => UsageBy::Model,
        "principal" => UsageBy::Principal,
        _ => return Err(wrong("by: expected day, workflow, model or principal")),
    };
    let rooms = &request.rooms;
    let billing = rooms.months.billing(permit.scope()).await?;
    let used = rooms.store.usage(&permit, dimension, first, last + DAY).await?;
    let mut names = HashMap::new();
    let mut rows = Vec::with_capacity(used.len());
    let mut total = api::UsageRow { failed: Some(0), ..api::UsageRow::default() };
    for (of, used) in used {
        let row = row(rooms, &billing, &mut names, of, used).await?;
        total.runs += row.runs;
        total.failed = total.failed.zip(row.failed).map(|(all, failed)| all + failed);
        total.input_tokens += row.input_tokens;
        total.output_tokens += row.output_tokens;
        total.cost_micros += row.cost_micros;
        total.unpriced_tokens += row.unpriced_tokens;
        rows.push(row);
    }
    if dimension != UsageBy::Day {
        rows.sort_by_key(|row| std::cmp::Reverse((row.cost_micros, row.input_tokens + row.output_tokens, row.runs)));
    }
    rows.truncate(MOST_ROWS);
    let (from, to) = (text_of(first), text_of(last));
    Ok(api::UsageReport { from, to, by, currency: "USD".to_owned(), rows, total })
}

async fn row(
    rooms: &Rooms,
    billing: &Billing,
    names: &mut HashMap<UserId, String>,
    of: UsageOf,
    used: Used,
) -> Result<api::UsageRow, Problem> {
    let failed = (!matches!(of, UsageOf::Model { .. })).then_some(used.failed);
    let (key, label) = match of {
        UsageOf::Day(day) => (text_of(day), text_of(day)),
        UsageOf::Workflow(id) => (id.to_string(), used.name.unwrap_or_else(|| "(deleted)".to_owned())),
        UsageOf::Model { provider, model } => (format!("{provider}/{model}"), model),
        UsageOf::Principal(id) => {
            let label = match id.parse::<UserId>() {
                Ok(person) => person_called(rooms, names, person).await?,
                Err(_) => match id.parse::<ApiKeyId>() {
                    Ok(key) => key_called(rooms, key).await?,
                    Err(_) => id.clone(),
                },
            };
            (id, label)
        }
    };
    let mut row = api::UsageRow { key, label, runs: used.runs, failed, ..api::UsageRow::default() };
    for tokens in used.tokens {
        row.input_tokens += tokens.input_tokens;
        row.output_tokens += tokens.output_tokens;
        match billing.cost(&tokens.provider, &tokens.model, tokens.input_tokens, tokens.output_tokens) {
            Some(cost) => row.cost_micros += cost,
            None => row.unpriced_tokens += tokens.input_tokens + tokens.output_tokens,
        }
    }
    Ok(row)
}

async fn person_called(rooms: &Rooms, names: &mut HashMap<UserId, String>, id: UserId) -> Result<String, Problem> {
    if let Some(known) = names.get(&id) {
        return Ok(known.clone());
    }
    let system = authz::act_as_system("an admin sees who of the team used what");
    let name = rooms.store.user(system, id).await?.map_or_else(|| id.to_string(), |user| user.email.to_string());
    names.insert(id, name.clone());
    Ok(name)
}

async fn key_called(rooms: &Rooms, id: ApiKeyId) -> Result<String, Problem> {
    let system = authz::act_as_system("an admin sees which key of the team used what");
    let key = rooms.store.api_key_by_id(system, id).await?;
    Ok(key.map_or_else(|| id.to_string(), |key| format!("key {}", key.name)))
}

pub async fn report(request: Identified, Asked(asked): Asked<Period>) -> Result<Json<api::UsageReport>, Problem> {
    reported(&request, asked).await.map(Json)
}

/// The same as a table for spreadsheets, the total last.
pub async fn table(request: Identified, Asked(asked): Asked<Period>) -> Result<Response, Problem> {
    let report = reported(&request, asked).await?;
    let mut text = String::new();
    let head = ["key", "label", "runs", "failed", "input_tokens", "output_tokens", "cost_usd", "unpriced_tokens"];
    recorder::csv_line(&mut text, head.map(str::to_owned));
    for row in report.rows.iter().chain([&report.total]) {
        let key = if row.key.is_empty() { "total" } else { &row.key };
        let cost = format!("{}.{:06}", row.cost_micros / 1_000_000, row.cost_micros % 1_000_000);
        let failed = row.failed.map(|failed| failed.to_string()).unwrap_or_default();
        let numbers =
            [row.input_tokens.to_string(), row.output_tokens.to_string(), cost, row.unpriced_tokens.to_string()];
        let words = [key.to_owned(), row.label.clone(), row.runs.to_string(), failed];
        recorder::csv_line(&mut text, words.into_iter().chain(numbers));
    }
    let name = format!("attachment; filename=\"usage-{}-{}-by-{}.csv\"", report.from, report.to, report.by);
    Ok(([(header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()), (header::CONTENT_DISPOSITION, name)], text)
        .into_response())
}

async fn shown(rooms: &Rooms, scope: Scope, now: Timestamp) -> Result<api::Billing, Problem> {
    let billing = rooms.months.billing(scope).await?;
    let (runs, tokens) = rooms.months.used(scope).await?;
    let limit = |name: &str, limit, used| api::MonthLimit { name: name.to_owned(), limit, used };
    let (from, until) = month_of(now);
    Ok(api::Billing {
        prices: billing.prices.clone(),
        limits: vec![
            limit("runs_a_month", billing.limits.runs_a_month, runs),
            limit("tokens_a_month", billing.limits.tokens_a_month, tokens),
        ],
        month_from: from.to_string(),
        month_until: until.to_string(),
    })
}

pub async fn billing(request: Identified) -> Result<Json<api::Billing>, Problem> {
    let scope = request.may::<ManageBilling>()?.scope();
    shown(&request.rooms, scope, request.arrived.at).await.map(Json)
}

async fn change(
    request: Identified,
    operation: Operation,
    detail: domain::Json,
    change: impl FnOnce(&mut Billing),
) -> Result<Json<api::Billing>, Problem> {
    let now = request.arrived.at;
    request
        .audited(operation, None, detail, async |rooms| {
            let permit = request.may::<ManageBilling>()?;
            let scope = permit.scope();
            rooms.months.forget(scope);
            let before = rooms.months.billing(scope).await?;
            let mut after = Billing::clone(&before);
            change(&mut after);
            let value = json!(after);
            rooms.store.set_billing(&permit, value.clone(), Effects::none()).await?;
            rooms.months.forget(scope);
            request.tell_change(&json!(*before), &value);
            shown(rooms, scope, now).await.map(Json)
        })
        .await
}

pub async fn set_prices(
    request: Identified,
    Body(mut body): Body<api::SetPrices>,
) -> Result<Json<api::Billing>, Problem> {
    if body.prices.len() > MOST_PRICES {
        return Err(wrong(format!("prices: expected {MOST_PRICES} at most")));
    }
    for (at, price) in body.prices.iter_mut().enumerate() {
        // As it is stored with every call: `openai` and `open_ai` are one.
        let provider = price.provider.parse::<models::Provider>();
        price.provider =
            provider.map_err(|_| wrong(format!("prices[{at}].provider: no model provider")))?.as_str().to_owned();
    }
    for (at, price) in body.prices.iter().enumerate() {
        let named = |text: &str| !text.is_empty() && text.len() <= 200 && !text.chars().any(char::is_control);
        if !named(&price.model) {
            return Err(wrong(format!("prices[{at}].model: expected 1 to 200 bytes")));
        }
        if [price.input_usd, price.output_usd].iter().any(|usd| !(0.0..=DEAREST_USD).contains(usd)) {
            return Err(wrong(format!("prices[{at}]: expected 0 to 1,000,000 US dollars for a million tokens")));
        }
        if body.prices[..at].iter().any(|other| other.provider == price.provider && other.model == price.model) {
            return Err(wrong(format!("prices[{at}]: this model has a price already")));
        }
    }
    change(request, Operation::SetPrices, json!({ "prices": body.prices.len() }), |billing| {
        billing.prices = body.prices
    })
    .await
}

pub async fn set_limits(request: Identified, Body(body): Body<api::SetLimits>) -> Result<Json<api::Billing>, Problem> {
    let most = i64::MAX as u64;
    if body.runs_a_month.into_iter().chain(body.tokens_a_month).any(|limit| limit > most) {
        return Err(wrong("limits: too large; null means none"));
    }
    change(request, Operation::SetLimits, json!(body), |billing| billing.limits = body).await
}
