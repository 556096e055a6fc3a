//! Screening while a model is still writing: text is let go only when nothing that a check looks at can still change
//! its verdict, so that nothing flagged ever leaves.

use domain::Json;

use crate::{CheckSpec, Context, GuardrailConfig, Guardrails, Outcome, Report};

/// Bytes held back for local text checks: a signature or an identifier is never longer.
const WINDOW: usize = 2_048;

/// What may be passed on after a push.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Piece {
    /// Screened and redacted; empty while everything is held back.
    pub ready: String,
    /// Set once: stop the stream and tell why.
    pub halted: Option<Report>,
}

/// One stream.
#[derive(Debug)]
pub struct StreamScreen {
    guardrails: Guardrails,
    config: GuardrailConfig,
    cx: Context,
    pending: String,
    /// Original text already let go that later signatures may still begin in.
    whole: bool,
    seen: String,
    stopped: bool,
}

impl StreamScreen {
    /// A check that has to see everything (schema, SQL, a port, personal data in a value's full shape) holds all back.
    pub fn new(guardrails: &Guardrails, config: &GuardrailConfig, cx: Context) -> Self {
        let whole = config.checks().iter().any(|check| {
            !matches!(check.spec, CheckSpec::PromptInjection { .. } | CheckSpec::Pii(_) | CheckSpec::Content(_))
                || check.spec.may_ask_a_port() && !matches!(check.spec, CheckSpec::Content(_))
        });
        Self {
            guardrails: guardrails.clone(),
            config: config.clone(),
            cx,
            pending: String::new(),
            whole,
            seen: String::new(),
            stopped: false,
        }
    }

    /// Takes the next text of the model.
    pub fn push(&mut self, text: &str) -> Piece {
        if self.stopped {
            return Piece::default();
        }
        self.pending.push_str(text);
        if self.whole || self.pending.len() < WINDOW * 2 {
            return Piece::default();
        }
        // What is let go ends at a blank, so that no identifier is cut in two.
        let limit = self.pending.len() - WINDOW;
        let Some(cut) =
            self.pending.char_indices().take_while(|(at, _)| *at <= limit).filter(|(_, c)| c.is_whitespace()).last()
        else {
            return Piece::default();
        };
        // Nor any that holds a blank itself, such as a card number in groups.
        let across = pii::Detector::standard().find(&self.pending);
        let cut = across.iter().find(|e| e.span.start < cut.0 && e.span.end > cut.0).map_or(cut.0, |e| e.span.start);
        if cut == 0 {
            return Piece::default();
        }
        let context = format!("{}{}", self.seen, self.pending);
        if let Outcome::Halted(report) = self.guardrails.screen_now(&self.config, &Json::String(context), &self.cx) {
            return self.stop(report);
        }
        let rest = self.pending.split_off(cut);
        let head = std::mem::replace(&mut self.pending, rest);
        // Redaction of the head alone may cut an identifier that goes on behind the blank; so its end is looked at too.
        let piece = match self.guardrails.screen_now(&self.config, &Json::String(head.clone()), &self.cx) {
            Outcome::Halted(report) => return self.stop(report),
            Outcome::Passed(screened) => screened.json().as_str().unwrap_or_default().to_owned(),
        };
        let keep = head.len().saturating_sub(WINDOW / 2);
        let keep = (keep..=head.len()).find(|at| head.is_char_boundary(*at)).unwrap_or(head.len());
        self.seen = head[keep..].to_owned();
        Piece { ready: piece, halted: None }
    }

    /// The end of the stream: everything that is left, screened as a whole with every check.
    pub async fn finish(mut self) -> Piece {
        if self.stopped {
            return Piece::default();
        }
        let rest = std::mem::take(&mut self.pending);
        match self.guardrails.screen(&self.config, &Json::String(rest), &self.cx).await {
            Outcome::Halted(report) => self.stop(report),
            Outcome::Passed(screened) => {
                let (json, _) = screened.into_parts();
                Piece { ready: json.as_str().unwrap_or_default().to_owned(), halted: None }
            }
        }
    }

    fn stop(&mut self, report: Report) -> Piece {
        self.stopped = true;
        self.pending.clear();
        Piece { ready: String::new(), halted: Some(report) }
    }
}
