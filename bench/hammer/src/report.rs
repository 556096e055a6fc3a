//! What was measured, as a line.

use std::fs;

use crate::{Options, load::Samples};

/// Processor ticks and resident KiB over all processes.
#[derive(Clone, Copy, Default)]
pub struct Processes {
    ticks: u64,
    resident_kib: u64,
}

pub fn processes(pids: &[u32]) -> Processes {
    let mut sum = Processes::default();
    for pid in pids {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // After the command name in parentheses: field 14 is utime, 15 stime, 16 and 17 those of ended children.
        let fields: Vec<u64> = stat
            .rsplit(')')
            .next()
            .unwrap_or_default()
            .split_whitespace()
            .skip(11)
            .take(4)
            .filter_map(|f| f.parse().ok())
            .collect();
        sum.ticks += fields.iter().sum::<u64>();
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        sum.resident_kib += status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix("kB")?.trim().parse::<u64>().ok())
            .unwrap_or_default();
    }
    sum
}

pub struct Report {
    connections: usize,
    seconds: f64,
    requests: usize,
    rate: f64,
    p50: f64,
    p95: f64,
    p99: f64,
    max: f64,
    pub errors: u64,
    first_error: Option<String>,
    cpu_ms: Option<f64>,
    resident_mib: Option<f64>,
}

impl Report {
    pub fn new(options: &Options, samples: Vec<Samples>, before: Processes, after: Processes) -> Self {
        let errors = samples.iter().map(|s| s.errors).sum();
        let first_error = samples.iter().find_map(|s| s.first_error.clone());
        let mut micros: Vec<u64> = samples.into_iter().flat_map(|s| s.micros).collect();
        micros.sort_unstable();
        let at = |q: f64| {
            micros.get(((micros.len() as f64 * q) as usize).min(micros.len().saturating_sub(1))).copied().unwrap_or(0)
                as f64
                / 1000.0
        };
        let measured = !options.pids.is_empty() && !micros.is_empty();
        Self {
            connections: options.connections,
            seconds: options.seconds,
            requests: micros.len(),
            rate: micros.len() as f64 / options.seconds,
            p50: at(0.5),
            p95: at(0.95),
            p99: at(0.99),
            max: at(1.0),
            errors,
            first_error,
            // Linux counts 100 ticks a second, so one is 10 ms.
            cpu_ms: measured.then(|| (after.ticks - before.ticks) as f64 * 10.0 / micros.len().max(1) as f64),
            resident_mib: measured.then_some(after.resident_kib as f64 / 1024.0),
        }
    }
    pub fn text(&self) -> String {
        let mut text = format!(
            "c={} {:.0}s: {} requests, {:.0} req/s, p50 {:.1} ms, p95 {:.1} ms, p99 {:.1} ms, max {:.1} ms, errors {}",
            self.connections,
            self.seconds,
            self.requests,
            self.rate,
            self.p50,
            self.p95,
            self.p99,
            self.max,
            self.errors
        );
        if let (Some(cpu), Some(resident)) = (self.cpu_ms, self.resident_mib) {
            text.push_str(&format!(", {cpu:.2} ms CPU a request, {resident:.0} MiB resident"));
        }
        if let Some(error) = &self.first_error {
            text.push_str(&format!("\n  first error: {error}"));
        }
        text
    }
    pub fn json(&self) -> String {
        serde_json::json!({
            "connections": self.connections, "seconds": self.seconds, "requests": self.requests, "rate": self.rate,
            "p50_ms": self.p50, "p95_ms": self.p95, "p99_ms": self.p99, "max_ms": self.max, "errors": self.errors,
            "cpu_ms_per_request": self.cpu_ms, "resident_mib": self.resident_mib, "first_error": self.first_error,
        })
        .to_string()
    }
}
