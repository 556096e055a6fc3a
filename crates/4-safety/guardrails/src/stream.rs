//! Screening while a model is still writing: text is let go only when nothing that a check looks at can still change
//! its verdict, so that nothing flagged ever leaves.
//!
//! Every check declares how far it has to see ([`Reach`]). What may halt or redact holds text back: by the widest
//! window, or all of it when one of them has to see everything. What only records, warns or flags is asked at the end.

use domain::Json;

use crate::{
    CheckConfig, CheckSpec, Context, GuardrailConfig, Guardrails, Outcome, Report, Status,
    checks::Found,
    config::Reach,
    framework::{self, MOST_FINDINGS},
    redaction::Edits,
};

/// Bytes that are looked at in one go, beside what is held back.
const SLICE: usize = 8 * 1024;
/// A stream that holds back more than this is stopped: it has not been evaluated.
const MOST_HELD: usize = 16 * 1024 * 1024;

/// What may be passed on after a push.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Piece {
    /// Screened and redacted; empty while everything is held back.
    pub ready: String,
    /// Set once: stop the stream and tell why.
    pub halted: Option<Report>,
    /// Set at the end of a stream that went through: what was found on the way.
    pub report: Option<Report>,
}

/// One stream.
#[derive(Debug)]
pub struct StreamScreen {
    guardrails: Guardrails,
    /// Everything, for a stream that is held back whole.
    config: GuardrailConfig,
    /// What may halt or redact, and has a window.
    holding: GuardrailConfig,
    /// What only tells.
    telling: GuardrailConfig,
    cx: Context,
    /// Bytes held back; `None`: all.
    window: Option<usize>,
    /// The end of what was let go, as it was written: what begins in it may go on behind it.
    seen: String,
    pending: String,
    /// Everything so far, for those that only tell.
    all: String,
    /// Where `pending` begins in the stream.
    at: usize,
    /// How long `pending` has to be before it is looked at again.
    next_look: usize,
    found: Vec<crate::Violation>,
    redactions: usize,
    stopped: bool,
}

impl StreamScreen {
    pub fn new(guardrails: &Guardrails, config: &GuardrailConfig, cx: Context) -> Self {
        let serviced = guardrails.ports().moderator.is_some();
        let mut reaches = config.checks().iter().filter(|check| holds(check)).map(|check| check.spec.reach(serviced));
        let window = reaches.try_fold(0, |widest, reach| match reach {
            Reach::Window(bytes) => Some(bytes.max(widest)),
            _ => None,
        });
        Self {
            guardrails: guardrails.clone(),
            config: config.clone(),
            holding: config.only(holds),
            telling: config.only(|check| !holds(check)),
            cx,
            window,
            seen: String::new(),
            pending: String::new(),
            all: String::new(),
            at: 0,
            next_look: 0,
            found: Vec::new(),
            redactions: 0,
            stopped: false,
        }
    }

    /// Takes the next text of the model.
    pub fn push(&mut self, text: &str) -> Piece {
        if self.stopped {
            return Piece::default();
        }
        if !self.telling.checks().is_empty() && self.window.is_some() {
            self.all.push_str(text);
        }
        self.pending.push_str(text);
        if self.pending.len() + self.all.len() > MOST_HELD {
            return self.stop(too_much("the stream is longer than what can be held back"));
        }
        let Some(window) = self.window else { return Piece::default() };
        self.look(window, false)
    }

    /// The end of the stream: everything that is left, and those checks that only tell.
    pub async fn finish(mut self) -> Piece {
        if self.stopped {
            return Piece::default();
        }
        if self.window.is_none() {
            let rest = Json::String(std::mem::take(&mut self.pending));
            return match self.guardrails.screen(&self.config, &rest, &self.cx).await {
                Outcome::Halted(report) => self.stop(report),
                Outcome::Passed(screened) => {
                    let (json, report) = screened.into_parts();
                    let ready = json.as_str().unwrap_or_default().to_owned();
                    Piece { ready, halted: None, report: Some(report) }
                }
            };
        }
        let mut piece = self.look(0, true);
        if piece.halted.is_some() {
            return piece;
        }
        let all = Json::String(std::mem::take(&mut self.all));
        let mut report = match self.guardrails.screen(&self.telling, &all, &self.cx).await {
            Outcome::Passed(screened) => screened.into_parts().1,
            Outcome::Halted(report) => return self.stop(report),
        };
        report.violations.append(&mut self.found);
        report.redactions += self.redactions;
        piece.report = Some(report);
        piece
    }

    /// Looks at what is held back, slice by slice, and lets go what lies more than `window` before its end.
    fn look(&mut self, window: usize, last: bool) -> Piece {
        let mut ready = String::new();
        while !self.pending.is_empty() && (last || self.pending.len() >= (2 * window).max(self.next_look).max(1)) {
            let stuck = self.next_look > 0;
            let mut end = if stuck { self.pending.len() } else { self.pending.len().min(window + SLICE) };
            while !self.pending.is_char_boundary(end) {
                end += 1;
            }
            let whole = last && end == self.pending.len();
            let text = format!("{}{}", self.seen, &self.pending[..end]);
            let before = self.seen.len();
            let json = Json::String(text);
            let report = match self.guardrails.screen_now(&self.holding, &json, &self.cx) {
                Outcome::Halted(report) => {
                    let mut piece = self.stop(report);
                    piece.ready = ready;
                    return piece;
                }
                Outcome::Passed(screened) => screened.into_parts().1,
            };
            if report.violations.len() >= MOST_FINDINGS {
                let mut piece = self.stop(too_much("more is found at one place than can be listed"));
                piece.ready = ready;
                return piece;
            }
            let Json::String(text) = json else { break };
            let cut = if whole || self.holding.checks().is_empty() {
                text.len()
            } else {
                place_to_cut(&text, before, window.max(SLICE / 4), &report)
            };
            if cut <= before {
                // Nothing can go yet: a long word, or a finding that is still growing. Looked at again when it doubled.
                self.next_look = self.pending.len() * 2;
                if last {
                    self.next_look = 1;
                    continue;
                }
                break;
            }
            self.next_look = 0;
            match self.let_go(&text, before, cut, &report) {
                Ok(out) => ready.push_str(&out),
                Err(report) => {
                    let mut piece = self.stop(report);
                    piece.ready = ready;
                    return piece;
                }
            }
        }
        Piece { ready, halted: None, report: None }
    }

    /// `text[before..cut]`, redacted, leaves.
    fn let_go(&mut self, text: &str, before: usize, cut: usize, report: &Report) -> Result<String, Report> {
        let mut edits = Edits::default();
        for violation in &report.violations {
            let Some(span) = violation.finding.span.filter(|span| span.end > before && span.start < cut) else {
                continue;
            };
            let mut absolute = violation.clone();
            absolute.finding.span = Some(domain::Span {
                start: (self.at + span.start).saturating_sub(before),
                end: self.at + span.end - before,
            });
            if !self.found.contains(&absolute) && self.found.len() < MOST_FINDINGS {
                self.found.push(absolute);
            }
            let check = self.holding.checks().iter().find(|check| {
                check.kind == violation.finding.check
                    && check.name == violation.name
                    && framework::redacts(check, framework::enforcement_of(check))
            });
            let (Some(check), Status::Enforced) = (check, violation.status) else { continue };
            let mut finding = violation.finding.clone();
            // What began in what is gone already was let go by a look that did not find it: its rest is not let go.
            finding.span =
                Some(domain::Span { start: span.start.max(before) - before, end: span.end.min(cut) - before });
            let action = match &check.spec {
                CheckSpec::Pii(options) => match options.action(self.guardrails.ports()) {
                    Ok(action) => Some(action),
                    Err(unchecked) => return Err(too_much(&unchecked.why)),
                },
                _ => None,
            };
            let found = Found { finding, pointer: String::new(), in_key: false, visit: Some(0) };
            if let Err(unchecked) = edits.add(&found, action.as_ref()) {
                return Err(too_much(&unchecked.why));
            }
        }
        let mut value = Json::String(text[before..cut].to_owned());
        self.redactions += edits.apply(&mut value);
        let gone = cut - before;
        let mut keep = cut.saturating_sub(self.window.unwrap_or(0));
        while !text.is_char_boundary(keep) {
            keep += 1;
        }
        self.seen = text[keep..cut].to_owned();
        self.pending.drain(..gone);
        self.at += gone;
        match value {
            Json::String(out) => Ok(out),
            _ => Ok(String::new()),
        }
    }

    fn stop(&mut self, report: Report) -> Piece {
        self.stopped = true;
        self.pending.clear();
        self.all.clear();
        Piece { ready: String::new(), halted: Some(report), report: None }
    }
}

/// Whether text must not leave before the check has spoken.
fn holds(check: &CheckConfig) -> bool {
    use domain::Enforcement::{Block, Redact};
    let enforcement = framework::enforcement_of(check);
    let restores = matches!(&check.spec, CheckSpec::Pii(options) if options.mode == crate::checks::pii::Mode::Restore);
    let acts = matches!(enforcement, Block | Redact) || framework::redacts(check, enforcement) || restores;
    acts && !check.shadow
}

/// The last blank that lies at least `window` before the end, and in no finding.
fn place_to_cut(text: &str, before: usize, window: usize, report: &Report) -> usize {
    let mut limit = text.len().saturating_sub(window);
    loop {
        while !text.is_char_boundary(limit) {
            limit -= 1;
        }
        let Some((at, blank)) = text[..limit].char_indices().rev().find(|(_, c)| c.is_whitespace()) else { return 0 };
        let cut = at + blank.len_utf8();
        if cut <= before {
            return 0;
        }
        let spans = report.violations.iter().filter_map(|violation| violation.finding.span);
        let Some(inside) = spans.filter(|span| span.start < cut && span.end > cut).map(|span| span.start).min() else {
            return cut;
        };
        if inside <= before {
            return 0;
        }
        limit = inside;
    }
}

fn too_much(why: &str) -> Report {
    Report {
        halted: true,
        not_evaluated: true,
        violations: Vec::new(),
        warnings: Vec::new(),
        checks: vec![crate::CheckReport {
            check: domain::CheckKind::PiiRedaction,
            name: "STREAM".to_owned(),
            enforcement: domain::Enforcement::Block,
            outcome: crate::CheckOutcome::NotEvaluated { why: why.to_owned() },
            fallback: None,
            micros: 0,
        }],
        redactions: 0,
    }
}
