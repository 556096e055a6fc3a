//! Measuring a check on labelled rows, so that anybody can do it on their own data.

mod metrics;
mod rows;

use std::{collections::BTreeMap, path::Path, time::Instant};

use domain::Channel;
use pii::{Detector, Kind};
use serde::Serialize;

pub use metrics::{Interval, Scores};
pub use rows::{EvalError, Marked, Row, read};

use crate::{
    Learned,
    checks::{content, prompt_injection, sql},
};

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    PromptInjection,
    Pii,
    Secrets,
    Content,
    Sql,
}

impl What {
    /// As the command line names it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::PromptInjection => "prompt_injection",
            Self::Pii => "pii",
            Self::Secrets => "secrets",
            Self::Content => "content",
            Self::Sql => "sql",
        }
    }
}

/// How.
#[derive(Debug, Clone)]
pub struct Options {
    pub what: What,
    pub channel: Channel,
    pub sql_mode: sql::Mode,
    /// PII: names of people and places as well, which are left out otherwise.
    pub names: bool,
    pub learned: Learned,
}

/// One file's figures.
#[derive(Debug, Clone, Serialize)]
pub struct Measured {
    pub file: String,
    pub n: usize,
    pub positives: usize,
    pub recall: Option<f64>,
    pub fpr: Option<f64>,
    pub precision: Option<f64>,
    pub f1: Option<f64>,
    pub auc: Option<f64>,
    pub p50_ms: f64,
    pub p95_ms: f64,
    pub p99_ms: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub types: Option<BTreeMap<String, PerType>>,
    #[serde(skip)]
    pub intervals: Option<Scores>,
    /// PII: types that the file marks and nothing here looks for, with how often; no figure counts them.
    #[serde(skip)]
    pub left_out: BTreeMap<String, usize>,
}

/// One kind of personal data.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct PerType {
    pub n: usize,
    pub recall: Option<f64>,
    pub precision: Option<f64>,
    #[serde(skip)]
    hit: usize,
    #[serde(skip)]
    found: usize,
    #[serde(skip)]
    right: usize,
}

/// Runs `options.what` over every row of `path` with default thresholds.
pub fn measure(path: &Path, options: &Options) -> Result<Measured, EvalError> {
    let rows = read(path)?;
    let mut judged: Vec<(bool, f32, bool)> = Vec::with_capacity(rows.len());
    let mut millis: Vec<f64> = Vec::with_capacity(rows.len());
    let mut types: BTreeMap<String, PerType> = BTreeMap::new();
    let spans = options.what == What::Pii;
    let detector = if options.names { Detector::with_names() } else { Detector::standard() };
    warm(options, &detector);
    for row in &rows {
        if let Some(message) = unusable(row, spans) {
            let file = path.display().to_string();
            return Err(EvalError::Line { file, line: row.line, message: message.to_owned() });
        }
        let begun = Instant::now();
        if spans {
            let found = detector.find(&row.text);
            millis.push(begun.elapsed().as_secs_f64() * 1000.0);
            tally(row, &found, &mut types);
            continue;
        }
        let said = judge(&row.text, options);
        let (flagged, score) = said.map_err(|why| EvalError::NotEvaluated { file: path.display().to_string(), why })?;
        millis.push(begun.elapsed().as_secs_f64() * 1000.0);
        if let Some(label) = row.label {
            judged.push((label, score, flagged));
        }
    }
    let file = path.display().to_string();
    millis.sort_by(f64::total_cmp);
    let [p50_ms, p95_ms, p99_ms] = [0.50, 0.95, 0.99].map(|share| metrics::percentile(&millis, share));
    if spans {
        let looked_for = |name: &str| name.parse::<Kind>().is_ok_and(|kind| options.names || !kind.is_optional());
        let left_out = types.iter().filter(|(name, of)| of.n > 0 && !looked_for(name));
        let left_out = left_out.map(|(name, of)| (name.clone(), of.n)).collect();
        types.retain(|name, _| looked_for(name));
        return Ok(Measured { left_out, ..summed(file, rows.len(), types, [p50_ms, p95_ms, p99_ms]) });
    }
    let scores = Scores::of(&judged);
    Ok(Measured {
        file,
        n: judged.len(),
        positives: judged.iter().filter(|row| row.0).count(),
        recall: scores.recall.value,
        fpr: scores.fpr.value,
        precision: scores.precision.value,
        f1: scores.f1.value,
        auc: scores.auc.value,
        p50_ms,
        p95_ms,
        p99_ms,
        types: None,
        intervals: Some(scores),
        left_out: BTreeMap::new(),
    })
}

/// Loading the model and compiling patterns happens once in a process; it is no text's time.
fn warm(options: &Options, detector: &Detector) {
    const TEXT: &str =
        "Mr. John Smith of Berlin (jane@example.com, +1 212 555 0187) paid 4111 1111 1111 1111 from 10.1.2.3.";
    detector.find(TEXT);
    // What does not work is told of the first row.
    drop(judge(TEXT, options));
}

/// Why a row cannot be counted.
fn unusable(row: &Row, spans: bool) -> Option<&'static str> {
    match (spans, row.label, &row.spans) {
        // What must not be found needs no spans.
        (true, Some(true) | None, None) => Some("`spans` is missing"),
        (false, None, _) => Some("`label` is missing"),
        _ => None,
    }
}

/// Verdict at the default threshold, and the score behind it.
///
/// # Errors
/// Why the check could not run; nothing is measured then.
pub fn judge(text: &str, options: &Options) -> Result<(bool, f32), String> {
    Ok(match options.what {
        What::PromptInjection => {
            let said = prompt_injection::judge(text, options.channel, None, &options.learned, None)?;
            (!said.findings.is_empty(), said.score)
        }
        What::Secrets | What::Pii => {
            let only = Detector::only([Kind::ApiKey, Kind::Jwt]);
            let score = only.find(text).iter().map(|entity| entity.score).fold(0.0, f32::max);
            (score > 0.0, score)
        }
        What::Content => {
            let hits = content::judge(text, &options.learned, None)?;
            let score = hits.iter().map(|hit| hit.score).fold(0.0, f32::max);
            (score >= 0.5, score)
        }
        What::Sql => match options.sql_mode {
            sql::Mode::Fragment => {
                let score = sql::suspicion(text).map_or(0.0, |suspicion| suspicion.score);
                (score > 0.0, score)
            }
            sql::Mode::Statement => {
                let rules = sql::SqlRules { mode: Some(sql::Mode::Statement), ..Default::default() };
                match rules.check(text) {
                    Ok(findings) => {
                        let score = findings.iter().map(|finding| finding.score).fold(0.0, f32::max);
                        (score > 0.0, score)
                    }
                    // Not evaluated, and that blocks.
                    Err(_) => (true, 1.0),
                }
            }
        },
    })
}

/// Overlap-matched per type.
fn tally(row: &Row, found: &[pii::Entity], types: &mut BTreeMap<String, PerType>) {
    let overlaps = |a: (usize, usize), b: (usize, usize)| a.0 < b.1 && b.0 < a.1;
    let marked = row.spans.as_deref().unwrap_or_default();
    for (kind, start, end) in marked {
        let of_type = types.entry(kind.clone()).or_default();
        of_type.n += 1;
        let hit = found.iter().any(|e| e.kind.as_str() == kind && overlaps((e.span.start, e.span.end), (*start, *end)));
        of_type.hit += usize::from(hit);
    }
    for entity in found {
        let of_type = types.entry(entity.kind.as_str().to_owned()).or_default();
        of_type.found += 1;
        let right = marked.iter().any(|(kind, start, end)| {
            kind == entity.kind.as_str() && overlaps((entity.span.start, entity.span.end), (*start, *end))
        });
        of_type.right += usize::from(right);
    }
}

fn summed(file: String, n: usize, types: BTreeMap<String, PerType>, [p50_ms, p95_ms, p99_ms]: [f64; 3]) -> Measured {
    let supported: BTreeMap<String, PerType> = types
        .into_iter()
        .filter(|(_, of_type)| of_type.n > 0)
        .map(|(name, t)| {
            let share = |a: usize, b: usize| (b > 0).then(|| a as f64 / b as f64);
            (name, PerType { recall: share(t.hit, t.n), precision: share(t.right, t.found), ..t })
        })
        .collect();
    let sum = |get: fn(&PerType) -> usize| supported.values().map(get).sum::<usize>();
    let (positives, hit, found, right) = (sum(|t| t.n), sum(|t| t.hit), sum(|t| t.found), sum(|t| t.right));
    let recall = metrics::share(hit, positives);
    let precision = metrics::share(right, found);
    let f1 = (positives > 0).then(|| {
        let (r, p) = (recall.value.unwrap_or(0.0), precision.value.unwrap_or(0.0));
        if r + p > 0.0 { 2.0 * r * p / (r + p) } else { 0.0 }
    });
    let about = metrics::f1(hit, found - right, positives - hit);
    Measured {
        file,
        n,
        positives,
        recall: recall.value,
        fpr: None,
        precision: precision.value,
        f1,
        auc: None,
        p50_ms,
        p95_ms,
        p99_ms,
        types: Some(supported),
        intervals: Some(Scores { recall, precision, f1: Interval { value: f1, ..about }, ..Scores::default() }),
        left_out: BTreeMap::new(),
    }
}
