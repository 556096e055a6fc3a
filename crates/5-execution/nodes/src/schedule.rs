//! SCHEDULE: the clock starts the run. [`Schedule`] says when, without having a clock.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use croner::{
    Cron,
    parser::{CronParser, Seconds},
};
use domain::{Json, Timestamp};
use serde::Deserialize;
use serde_json::json;
use workflow::{Answer, Defect, Failure, Next, Node, NodeContext, NodeType, Port};

pub(crate) struct ScheduleTrigger;

/// When a SCHEDULE node fires.
#[derive(Debug, Clone)]
pub struct Schedule {
    cron: Cron,
    zone: Tz,
    /// What the run gets as input.
    pub input: Json,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    cron: String,
    #[serde(default = "utc")]
    timezone: String,
    #[serde(default)]
    input: Json,
}

fn utc() -> String {
    "UTC".to_owned()
}

impl Schedule {
    /// From the node's parameters.
    ///
    /// # Errors
    /// What is wrong, with the parameter at which it is wrong.
    pub fn parse(parameters: &Json) -> Result<Self, Defect> {
        let Parameters { cron, timezone, input } =
            Parameters::deserialize(parameters).map_err(|error| Defect::new("", "bad_parameter", error.to_string()))?;
        let zone = timezone.parse().map_err(|_| {
            let message = format!("{timezone:?} is not an IANA time zone such as Europe/Berlin");
            Defect::new("/timezone", "unknown_timezone", message)
        })?;
        let parser = CronParser::builder().seconds(Seconds::Optional).build();
        let cron = parser.parse(&cron).map_err(|error| {
            let message = format!("{cron:?} is not a cron expression of 5 or 6 fields: {error}");
            Defect::new("/cron", "bad_cron", message)
        })?;
        Ok(Self { cron, zone, input })
    }

    /// The first moment after `after` at which it fires; `None` when there is none any more.
    ///
    /// Where the clock is set forward over the hour, it fires at the first moment that exists; where it is set back,
    /// a fixed time fires once.
    pub fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        let after = DateTime::<Utc>::from_timestamp_micros(after.micros())?.with_timezone(&self.zone);
        let next = self.cron.find_next_occurrence(&after, false).ok()?;
        Some(Timestamp::from_micros(next.timestamp_micros()))
    }
}

impl Node for ScheduleTrigger {
    fn kind(&self) -> NodeType {
        NodeType::Schedule
    }
    fn schema(&self) -> Json {
        let properties = json!({
            "cron": { "title": "When", "type": "string", "minLength": 9, "maxLength": 200, "x-editor": "cron",
                "description": "Cron: minute hour day month weekday, with seconds in front if there are six fields.",
                "examples": ["0 9 * * MON-FRI", "*/15 * * * *"] },
            "timezone": { "title": "Time zone", "type": "string", "default": "UTC", "examples": ["Europe/Berlin"] },
            "input": { "title": "Input",
                "description": "What the run gets as input. When absent: the time that was due, and the node." }
        });
        crate::schema::object("Schedule", "Starts at fixed times.", &["cron"], properties)
    }
    fn verbatim(&self) -> &'static [&'static str] {
        &["cron", "timezone", "input"]
    }
    fn check(&self, parameters: &Json) -> Vec<Defect> {
        Schedule::parse(parameters).err().into_iter().collect()
    }
    fn next(&self, cx: &NodeContext<'_>, _: &[Answer]) -> Result<Next, Failure> {
        Ok(crate::pass_on(cx, Port::Main))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fires(cron: &str, timezone: &str, after: &str) -> String {
        let schedule = Schedule::parse(&json!({ "cron": cron, "timezone": timezone })).unwrap();
        let next = schedule.next_after(Timestamp::parse(after).unwrap());
        next.map_or_else(|| "never".to_owned(), |at| at.to_string())
    }

    #[test]
    fn five_and_six_fields_are_read_in_the_time_zone() {
        assert_eq!(fires("0 9 * * *", "UTC", "2026-11-21T09:00:00Z"), "2026-11-22T09:00:00Z");
        assert_eq!(fires("0 9 * * *", "Europe/Berlin", "2026-11-21T07:59:59Z"), "2026-11-21T08:00:00Z");
        assert_eq!(fires("*/10 * * * * *", "UTC", "2026-11-21T09:00:01Z"), "2026-11-21T09:00:10Z");
        assert_eq!(fires("0 0 31 2 *", "UTC", "2026-11-21T09:00:01Z"), "never");
    }

    #[test]
    fn nine_o_clock_stays_nine_o_clock_over_daylight_saving() {
        // Berlin goes from UTC+1 to UTC+2 on 2026-03-29 and back on 2026-10-25
        assert_eq!(fires("0 9 * * *", "Europe/Berlin", "2026-03-28T09:00:00Z"), "2026-03-29T07:00:00Z");
        assert_eq!(fires("0 9 * * *", "Europe/Berlin", "2026-10-24T09:00:00Z"), "2026-10-25T08:00:00Z");
    }

    #[test]
    fn a_time_that_does_not_exist_fires_once_and_not_never() {
        // 02:30 does not exist in Berlin on 2026-03-29
        let first = fires("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z");
        assert!(first.starts_with("2026-03-29T01:"), "{first}");
        assert_eq!(fires("30 2 * * *", "Europe/Berlin", &first), "2026-03-30T00:30:00Z");
    }

    #[test]
    fn a_time_that_comes_twice_fires_once() {
        // 02:30 comes twice in Berlin on 2026-10-25: at 00:30 and at 01:30 UTC
        let first = fires("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z");
        assert_eq!(first, "2026-10-25T00:30:00Z");
        assert_eq!(fires("30 2 * * *", "Europe/Berlin", &first), "2026-10-26T01:30:00Z");
    }

    #[test]
    fn what_is_wrong_is_named() {
        let defect = |p: Json| Schedule::parse(&p).unwrap_err().code;
        assert_eq!(defect(json!({"cron": "61 * * * *"})), "bad_cron");
        assert_eq!(defect(json!({"cron": "* * * * *", "timezone": "Mars/Base"})), "unknown_timezone");
    }
}
