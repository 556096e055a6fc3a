//! What a team has set for prices and limits in one environment, and how much of its month is used: read before every
//! start and every model call, so that what was counted once is not counted again.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use authz::{SystemPermit, act_as_system};
use domain::{Clock, Scope, Timestamp};
use engine::ports::{Month, Quota};
use serde::{Deserialize, Serialize};
use store::{BILLING_SETTING, Store, records::SettingOf};

const SYSTEM: SystemPermit = act_as_system("a team's runs are held to the limits that it has set");
/// A change made on another machine counts after this.
const FRESH: Duration = Duration::from_secs(5);
/// A run may be stored so much later than it was made.
const LATE: Duration = Duration::from_secs(30);
/// What is older than that is added to what is counted for good.
const COUNTED_ANEW: Duration = Duration::from_secs(120);
const MOST: usize = 10_000;

/// As it is stored.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Billing {
    pub prices: Vec<api::ModelPrice>,
    pub limits: api::SetLimits,
}

impl Billing {
    /// What `input` and `output` tokens of a model cost, in millionths of a US dollar; `None` without a price.
    pub fn cost(&self, provider: &str, model: &str, input: u64, output: u64) -> Option<u64> {
        let fits = |price: &&api::ModelPrice| {
            let named = price.model.strip_suffix('*').map_or(price.model == model, |start| model.starts_with(start));
            price.provider == provider && named
        };
        let whole = |price: &&api::ModelPrice| (!price.model.ends_with('*'), price.model.len());
        let price = self.prices.iter().filter(fits).max_by_key(whole)?;
        // A dollar for a million tokens is a millionth of a dollar for one.
        Some((input as f64 * price.input_usd + output as f64 * price.output_usd).round() as u64)
    }
}

/// The calendar month (UTC) of `now`: its first moment and the next one's.
pub fn month_of(now: Timestamp) -> (Timestamp, Timestamp) {
    let text = now.to_string();
    let part = |range| text.get(range).and_then(|digits: &str| digits.parse::<u16>().ok()).unwrap_or(1);
    let (year, month) = (part(0..4), part(5..7));
    let first = |year: u16, month: u16| {
        Timestamp::parse(&format!("{year:04}-{month:02}-01T00:00:00Z")).unwrap_or(Timestamp::from_micros(0))
    };
    let next = if month == 12 { first(year + 1, 1) } else { first(year, month + 1) };
    (first(year, month), next)
}

/// See the module. Cheap to clone.
#[derive(Clone)]
pub struct Months(Arc<Inner>);

struct Inner {
    store: Store,
    clock: Clock,
    known: Mutex<HashMap<Scope, Known>>,
}

#[derive(Clone)]
struct Known {
    billing: Arc<Billing>,
    read_at: Timestamp,
    /// From the month's first moment until `counted_until`.
    runs: u64,
    tokens: u64,
    month: Timestamp,
    counted_until: Timestamp,
}

impl Months {
    pub fn new(store: Store, clock: Clock) -> Self {
        Self(Arc::new(Inner { store, clock, known: Mutex::default() }))
    }

    /// A team has changed its settings here: they are read anew.
    pub fn forget(&self, scope: Scope) {
        self.known().remove(&scope);
    }

    fn known(&self) -> MutexGuard<'_, HashMap<Scope, Known>> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, scope: Scope, known: Known) {
        let mut all = self.known();
        if all.len() >= MOST {
            all.clear();
        }
        all.insert(scope, known);
    }

    async fn read(&self, scope: Scope) -> Result<Known, store::Error> {
        let now = self.0.clock.now();
        let before = self.known().get(&scope).cloned();
        if let Some(known) = before.as_ref().filter(|known| now.since(known.read_at) < FRESH) {
            return Ok(known.clone());
        }
        let of = SettingOf::Environment(scope.team, scope.environment);
        let stored = self.0.store.setting(SYSTEM, of, BILLING_SETTING).await?;
        let billing = match stored {
            None => Billing::default(),
            // Limits that cannot be read must not read as none.
            Some(json) => serde_json::from_value(json).map_err(|error| {
                tracing::error!(%scope.team, %error, "a team's prices and limits cannot be read");
                store::Error::Refused { what: "the team's limits cannot be read" }
            })?,
        };
        let month = month_of(now).0;
        let counted = before.filter(|known| known.month == month);
        let known = Known {
            billing: Arc::new(billing),
            read_at: now,
            runs: counted.as_ref().map_or(0, |known| known.runs),
            tokens: counted.as_ref().map_or(0, |known| known.tokens),
            month,
            counted_until: counted.map_or(month, |known| known.counted_until),
        };
        self.keep(scope, known.clone());
        Ok(known)
    }

    /// Prices and limits.
    pub async fn billing(&self, scope: Scope) -> Result<Arc<Billing>, store::Error> {
        Ok(self.read(scope).await?.billing)
    }

    /// Runs and tokens of this month.
    pub async fn used(&self, scope: Scope) -> Result<(u64, u64), store::Error> {
        let mut known = self.read(scope).await?;
        let (now, store) = (self.0.clock.now(), &self.0.store);
        let settled = now - LATE;
        if settled > known.counted_until + COUNTED_ANEW {
            let (runs, tokens) = store.used_between(SYSTEM, scope, known.counted_until, settled).await?;
            known.runs += runs;
            known.tokens += tokens;
            known.counted_until = settled;
            self.keep(scope, known.clone());
        }
        let (runs, tokens) = store.used_between(SYSTEM, scope, known.counted_until, now + LATE).await?;
        Ok((known.runs + runs, known.tokens + tokens))
    }
}

#[async_trait]
impl engine::ports::Months for Months {
    async fn of(&self, scope: Scope) -> Result<Month, store::Error> {
        let limits = self.read(scope).await?.billing.limits.clone();
        if limits.runs_a_month.is_none() && limits.tokens_a_month.is_none() {
            return Ok(Month::default());
        }
        let (runs, tokens) = self.used(scope).await?;
        Ok(Month {
            runs: Quota { limit: limits.runs_a_month, used: runs },
            tokens: Quota { limit: limits.tokens_a_month, used: tokens },
            ends_at: Some(month_of(self.0.clock.now()).1),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_ends_where_the_next_begins() {
        let of = |text: &str| {
            let (from, until) = month_of(Timestamp::parse(text).unwrap());
            (from.to_string(), until.to_string())
        };
        let month = |from: &str, until: &str| (from.to_owned(), until.to_owned());
        assert_eq!(of("2026-11-22T03:04:05Z"), month("2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z"));
        assert_eq!(of("2026-12-31T23:59:59.999999Z"), month("2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"));
        assert_eq!(of("2024-02-29T00:00:00Z"), month("2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z"));
    }

    /// R053: a model costs what its longest price says, and nothing is made up for one without a price.
    #[test]
    fn the_longest_price_counts() {
        let price = |model: &str, input_usd, output_usd| api::ModelPrice {
            provider: "openai".to_owned(),
            model: model.to_owned(),
            input_usd,
            output_usd,
        };
        let billing = Billing {
            prices: vec![price("gpt-*", 1.0, 2.0), price("gpt-5-mini*", 0.25, 2.0), price("gpt-5-mini", 0.5, 4.0)],
            ..Billing::default()
        };
        assert_eq!(billing.cost("openai", "gpt-4", 1_000_000, 0), Some(1_000_000));
        assert_eq!(billing.cost("openai", "gpt-5-mini-2026", 1000, 10), Some(270));
        assert_eq!(billing.cost("openai", "gpt-5-mini", 1000, 10), Some(540));
        assert_eq!(billing.cost("openai", "o5", 1, 1), None);
        assert_eq!(billing.cost("azure", "gpt-4", 1, 1), None);
    }
}
