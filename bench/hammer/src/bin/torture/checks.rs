//! What must hold when the smoke has cleared.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use hammer::client::Error;

use crate::{fleet::Fleet, receiver::Call};

/// Waits until no run is queued, running or waiting (for at most two minutes), then lists all: id to status.
pub async fn wait_until_all_final(fleet: &Fleet) -> Result<BTreeMap<String, String>, Error> {
    let until = Instant::now() + Duration::from_secs(120);
    let mut connection = fleet.api().await?;
    loop {
        let mut open = 0;
        for status in ["queued", "running", "waiting"] {
            let page = fleet.get(&mut connection, &format!("/runs?status={status}&limit=1")).await?;
            open += page["items"].as_array().map_or(0, Vec::len);
        }
        if open == 0 || Instant::now() > until {
            break;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    let mut all = BTreeMap::new();
    let mut path = "/runs?limit=200".to_owned();
    loop {
        let page = fleet.get(&mut connection, &path).await?;
        for run in page["items"].as_array().into_iter().flatten() {
            all.insert(
                run["id"].as_str().unwrap_or_default().to_owned(),
                run["status"].as_str().unwrap_or_default().to_owned(),
            );
        }
        match page["next"].as_str() {
            Some(next) => path = format!("/runs?limit=200&cursor={next}"),
            None => return Ok(all),
        }
    }
}

#[derive(Default, Debug)]
pub struct Found {
    pub calls: usize,
    pub lost: usize,
    pub not_succeeded: usize,
    pub stuck: usize,
    pub repeated_in_flight: usize,
    pub after_checkpoint: usize,
    pub other_key: usize,
    pub examples: Vec<String>,
}

impl Found {
    pub const fn is_clean(&self) -> bool {
        self.lost + self.not_succeeded + self.stuck + self.after_checkpoint + self.other_key == 0
    }
    fn example(&mut self, text: String) {
        if self.examples.len() < 10 {
            self.examples.push(text);
        }
    }
}

pub fn compare(acknowledged: &[String], runs: &BTreeMap<String, String>, calls: &[Call]) -> Found {
    let mut found = Found { calls: calls.len(), ..Found::default() };
    for run in acknowledged {
        match runs.get(run).map(String::as_str) {
            None => {
                found.lost += 1;
                found.example(format!("{run} was acknowledged and is not there"));
            }
            Some("succeeded") => {}
            Some("queued" | "running" | "waiting" | "paused") => {
                found.stuck += 1;
                found.example(format!("{run} is stuck"));
            }
            Some(other) => {
                found.not_succeeded += 1;
                found.example(format!("{run} ended as {other}"));
            }
        }
    }
    let mut keys: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    // `b` is only asked for when the answer to `a` is checkpointed; so `a` after `b` is a step done again.
    let mut past_a: BTreeSet<&str> = BTreeSet::new();
    for call in calls {
        keys.entry((&call.run, &call.step)).or_default().insert(&call.key);
        *counts.entry((&call.run, &call.step)).or_default() += 1;
        if call.step == "b" {
            past_a.insert(&call.run);
        } else if past_a.contains(call.run.as_str()) {
            found.after_checkpoint += 1;
            found.example(format!("{}: step a was called after its checkpoint", call.run));
        }
    }
    found.repeated_in_flight = counts.values().map(|count| count - 1).sum();
    for ((run, step), keys) in keys {
        if keys.len() > 1 || keys.contains("") {
            found.other_key += 1;
            found.example(format!("{run}: step {step} was called with {} keys", keys.len()));
        }
    }
    found
}
