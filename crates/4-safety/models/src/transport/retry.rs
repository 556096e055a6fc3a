//! When to ask again: what the provider says, or doubling waits.

use std::time::Duration;

use domain::Timestamp;
use egress::HeaderMap;

/// How long the provider asks us to wait: `retry-after-ms`, or `retry-after` in seconds or as a date.
pub(super) fn after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    if let Some(millis) = text("retry-after-ms").and_then(|text| text.parse::<f64>().ok()) {
        return seconds(millis / 1000.0);
    }
    let text = text("retry-after")?;
    if let Ok(given) = text.parse::<f64>() {
        return seconds(given);
    }
    let format = time::macros::format_description!(
        version = 2,
        "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
    );
    let at = time::PrimitiveDateTime::parse(text, format).ok()?.assume_utc();
    let at = Timestamp::from_micros(at.unix_timestamp().checked_mul(1_000_000)?);
    Some(at.since(now))
}

fn seconds(given: f64) -> Option<Duration> {
    (given >= 0.0).then(|| Duration::try_from_secs_f64(given).unwrap_or(Duration::MAX))
}

/// Whether the provider itself says that a repetition makes sense.
pub(super) fn wanted(headers: &HeaderMap) -> Option<bool> {
    match headers.get("x-should-retry")?.to_str().ok()? {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

/// Half a second, doubling to eight, up to a quarter more so that callers do not march in step.
pub(super) fn backoff(attempts: u32, now: Timestamp) -> Duration {
    let base = Duration::from_millis(500) * (1 << attempts.saturating_sub(1).min(4));
    base + base / 4 * u32::try_from(now.micros().rem_euclid(1000)).unwrap_or(0) / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(name: &'static str, value: &str) -> Option<Duration> {
        let headers = HeaderMap::from_iter([(name.parse().unwrap(), value.parse().unwrap())]);
        after(&headers, Timestamp::parse("2026-11-21T10:00:00Z").unwrap())
    }

    #[test]
    fn all_forms_of_retry_after_are_read() {
        assert_eq!(wait("retry-after", "7"), Some(Duration::from_secs(7)));
        assert_eq!(wait("retry-after", "0.5"), Some(Duration::from_millis(500)));
        assert_eq!(wait("retry-after-ms", "250"), Some(Duration::from_millis(250)));
        assert_eq!(wait("retry-after", "Sat, 21 Nov 2026 10:00:30 GMT"), Some(Duration::from_secs(30)));
        assert_eq!(wait("retry-after", "Sat, 21 Nov 2026 09:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(wait("retry-after", "soon"), None);
        assert_eq!(wait("retry-after", "-1"), None);
        assert_eq!(wait("retry-after", "nan"), None);
        assert_eq!(wait("retry-after", "1e300"), Some(Duration::MAX));
    }

    #[test]
    fn waits_grow_and_stay_bounded() {
        let at = |attempts| backoff(attempts, Timestamp::from_micros(999));
        assert!(at(1) < at(2) && at(2) < at(3));
        assert!(at(1000) <= Duration::from_secs(10));
    }
}
