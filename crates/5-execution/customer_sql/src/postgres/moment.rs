//! PostgreSQL's dates and times, which count from 2000-01-01, as ISO 8601.

use time::{Date, Duration, Month, OffsetDateTime, PrimitiveDateTime, Time, format_description::well_known::Rfc3339};

const SECOND: i64 = 1_000_000;

fn epoch() -> PrimitiveDateTime {
    Date::from_calendar_date(2000, Month::January, 1).unwrap_or(Date::MIN).midnight()
}

fn infinite(is_after: bool) -> String {
    if is_after { "infinity" } else { "-infinity" }.into()
}

/// Days to `2026-11-21`.
pub(super) fn date(days: i32) -> String {
    match days {
        i32::MAX | i32::MIN => infinite(days > 0),
        _ => match epoch().date().checked_add(Duration::days(days.into())) {
            Some(date) => format!("{:04}-{:02}-{:02}", date.year(), u8::from(date.month()), date.day()),
            None => format!("{days} days after 2000-01-01"),
        },
    }
}

/// Microseconds to `10:00:00.5`.
pub(super) fn time(micros: i64) -> String {
    let (seconds, micros) = (micros / SECOND, micros % SECOND);
    let text = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    match micros {
        0 => text,
        _ => format!("{text}.{micros:06}").trim_end_matches('0').to_owned(),
    }
}

/// Microseconds and the zone's seconds west of Greenwich.
pub(super) fn time_with_zone(bytes: &[u8]) -> Option<String> {
    let (micros, west) = bytes.split_at_checked(8)?;
    let east = -i32::from_be_bytes(west.try_into().ok()?);
    let sign = if east < 0 { '-' } else { '+' };
    let (hours, minutes) = (east.abs() / 3600, east.abs() / 60 % 60);
    Some(format!("{}{sign}{hours:02}:{minutes:02}", time(i64::from_be_bytes(micros.try_into().ok()?))))
}

/// Microseconds to `2026-11-21T10:00:00.5` and `zone`.
pub(super) fn timestamp(micros: i64, zone: &str) -> String {
    if micros == i64::MAX || micros == i64::MIN {
        return infinite(micros > 0);
    }
    match epoch().checked_add(Duration::microseconds(micros)) {
        Some(at) => {
            let within = i64::from(at.time().hour()) * 3600 * SECOND
                + i64::from(at.time().minute()) * 60 * SECOND
                + i64::from(at.time().second()) * SECOND
                + i64::from(at.time().microsecond());
            let date = at.date();
            let day = format!("{:04}-{:02}-{:02}", date.year(), u8::from(date.month()), date.day());
            format!("{day}T{}{zone}", time(within))
        }
        None => format!("{micros} microseconds after 2000-01-01"),
    }
}

/// Microseconds, days and months to `P1Y2M3DT4H5M6.7S`.
pub(super) fn interval(bytes: &[u8]) -> Option<String> {
    let (micros, rest) = bytes.split_at_checked(8)?;
    let (days, months) = rest.split_at_checked(4)?;
    let micros = i64::from_be_bytes(micros.try_into().ok()?);
    let days = i32::from_be_bytes(days.try_into().ok()?);
    let months = i32::from_be_bytes(months.try_into().ok()?);
    let part = |count: i64, unit: char| if count == 0 { String::new() } else { format!("{count}{unit}") };
    let (years, months) = (i64::from(months / 12), i64::from(months % 12));
    let (hours, minutes) = (micros / (3600 * SECOND), micros / (60 * SECOND) % 60);
    let left = micros % (60 * SECOND);
    let seconds = match left {
        0 => String::new(),
        _ => {
            let sign = if left < 0 { "-" } else { "" };
            let (whole, fraction) = (left.abs() / SECOND, left.abs() % SECOND);
            let number = match fraction {
                0 => whole.to_string(),
                _ => format!("{whole}.{fraction:06}").trim_end_matches('0').to_owned(),
            };
            format!("{sign}{number}S")
        }
    };
    let clock = part(hours, 'H') + &part(minutes, 'M') + &seconds;
    let calendar = part(years, 'Y') + &part(months, 'M') + &part(i64::from(days), 'D');
    Some(match (calendar.is_empty(), clock.is_empty()) {
        (true, true) => "PT0S".into(),
        (_, true) => format!("P{calendar}"),
        (_, false) => format!("P{calendar}T{clock}"),
    })
}

/// `2026-11-21` to days.
pub(super) fn parse_date(text: &str) -> Option<i32> {
    let mut parts = text.splitn(3, '-').map(str::parse::<u16>);
    let (year, month, day) = (parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?);
    let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
    let date = Date::from_calendar_date(year.into(), month, u8::try_from(day).ok()?).ok()?;
    i32::try_from((date - epoch().date()).whole_days()).ok()
}

/// `10:00`, `10:00:00`, `10:00:00.5` to microseconds.
pub(super) fn parse_time(text: &str) -> Option<i64> {
    let (clock, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut parts = clock.split(':').map(str::parse::<u8>);
    let (hour, minute) = (parts.next()?.ok()?, parts.next()?.ok()?);
    let second = parts.next().unwrap_or(Ok(0)).ok()?;
    if parts.next().is_some() || fraction.len() > 9 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let micros: u32 = format!("{fraction:0<6}")[..6].parse().ok()?;
    let time = Time::from_hms_micro(hour, minute, second, micros).ok()?;
    i64::try_from((time - Time::MIDNIGHT).whole_microseconds()).ok()
}

/// ISO 8601 to microseconds; a text with a zone is turned to UTC, one without is taken as it stands.
pub(super) fn parse_timestamp(text: &str) -> Option<i64> {
    let at = match OffsetDateTime::parse(text, &Rfc3339) {
        Ok(at) => at,
        Err(_) => {
            let (day, clock) = text.split_once(['T', ' ']).unwrap_or((text, "00:00"));
            let days = parse_date(day)?;
            return i64::from(days).checked_mul(86_400 * SECOND)?.checked_add(parse_time(clock)?);
        }
    };
    i64::try_from((at - epoch().assume_utc()).whole_microseconds()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_come_back_as_they_went() {
        for text in ["2026-11-21T10:00:00Z", "1969-12-31T23:59:59.5Z", "2000-01-01T00:00:00Z"] {
            assert_eq!(timestamp(parse_timestamp(text).unwrap(), "Z"), text);
        }
        assert_eq!(timestamp(parse_timestamp("2026-11-21T12:00:00+02:00").unwrap(), "Z"), "2026-11-21T10:00:00Z");
        assert_eq!(timestamp(parse_timestamp("2026-11-21 10:00").unwrap(), ""), "2026-11-21T10:00:00");
        assert_eq!(date(parse_date("1999-12-31").unwrap()), "1999-12-31");
        assert_eq!(time(parse_time("23:59:59.000001").unwrap()), "23:59:59.000001");
        for text in ["", "2026-13-01", "2026-02-30", "yesterday"] {
            assert_eq!(parse_timestamp(text), None, "{text}");
        }
        assert_eq!(parse_time("25:00"), None);
        assert_eq!(date(i32::MAX), "infinity");
    }

    #[test]
    fn intervals_are_iso_8601() {
        let bytes = |micros: i64, days: i32, months: i32| {
            [&micros.to_be_bytes()[..], &days.to_be_bytes(), &months.to_be_bytes()].concat()
        };
        assert_eq!(interval(&bytes(0, 0, 0)).unwrap(), "PT0S");
        assert_eq!(interval(&bytes(14_706_500_000, 3, 14)).unwrap(), "P1Y2M3DT4H5M6.5S");
        assert_eq!(interval(&bytes(-500_000, 0, 0)).unwrap(), "PT-0.5S");
    }
}
