//! What a GUARDRAIL node is asked to do, read from its parameters once and compiled (patterns, schemas, lists).

mod parse;
mod reader;
pub(crate) use parse::kind_of;
pub(crate) use reader::Reader;
mod specs;

use std::{sync::Arc, time::Duration};

use domain::{Channel, CheckKind, Enforcement, Json};

use crate::{
    allow::Exception,
    checks::{
        content::ContentOptions, pii::PiiOptions, rules::Rule, schema::Schema, similarity::References, sql::SqlRules,
    },
};

/// Something wrong with a configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {message}")]
pub struct ConfigError {
    /// RFC 6901 pointer inside the parameters.
    pub path: String,
    /// A word for machines: `unknown_key`, `wrong_type`, `bad_value`, `missing`, `too_large`.
    pub code: &'static str,
    pub message: String,
}

/// What happens when a check cannot run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenNotEvaluated {
    /// As if it had found something (the default): under BLOCK and REDACT the run halts.
    FailClosed,
    /// Recorded, and the run goes on. The customer chose it for this check.
    Continue,
}

/// A compiled configuration. Cheap to clone.
#[derive(Debug, Clone)]
pub struct GuardrailConfig {
    pub(crate) checks: Arc<Vec<CheckConfig>>,
    pub(crate) channel: Option<Channel>,
}

/// One check of it.
#[derive(Debug, Clone)]
pub struct CheckConfig {
    pub kind: CheckKind,
    /// Its kind, or the custom rule's name.
    pub name: String,
    pub enforcement: Enforcement,
    /// Recorded only, whatever the enforcement says.
    pub shadow: bool,
    pub timeout: Duration,
    pub when_not_evaluated: WhenNotEvaluated,
    pub exceptions: Vec<Exception>,
    pub spec: CheckSpec,
}

/// What a check needs to know.
#[derive(Debug, Clone)]
pub enum CheckSpec {
    /// `threshold` replaces the channel's own.
    PromptInjection {
        threshold: Option<f32>,
    },
    Pii(PiiOptions),
    Content(ContentOptions),
    Schema(Arc<Schema>),
    Sql(Arc<SqlRules>),
    Similarity(Arc<References>),
    Rule(Arc<Rule>),
}

impl GuardrailConfig {
    /// Reads the `parameters` of a GUARDRAIL node; `schemaValidation` may stand in them. All errors at once.
    ///
    /// The keys `input`, `name` and `description` belong to the node and are not looked at.
    pub fn parse(parameters: &Json) -> Result<Self, Vec<ConfigError>> {
        parse::parse(parameters)
    }

    /// The two checks of the guardrails page (injection and personal data), blocking.
    pub fn standard() -> Self {
        match parse::parse(&serde_json::json!({"checks": ["PROMPT_INJECTION", "PII_REDACTION"], "severity": "BLOCK"})) {
            Ok(config) => config,
            Err(_) => Self { checks: Arc::new(Vec::new()), channel: None },
        }
    }

    /// The checks, cheapest first.
    pub fn checks(&self) -> &[CheckConfig] {
        &self.checks
    }

    /// The same checks, all of them run and none of them obeyed: everything is found, nothing halts, nothing changes.
    #[must_use]
    pub fn in_shadow(&self) -> Self {
        let checks = self.checks.iter().map(|check| CheckConfig { shadow: true, ..check.clone() }).collect();
        Self { checks: Arc::new(checks), channel: self.channel }
    }

    /// Only the checks that `wanted` says yes to.
    pub(crate) fn only(&self, wanted: impl Fn(&CheckConfig) -> bool) -> Self {
        let checks = self.checks.iter().filter(|check| wanted(check)).cloned().collect();
        Self { checks: Arc::new(checks), channel: self.channel }
    }

    /// True when no port can be asked, so that [`Guardrails::screen_now`](crate::Guardrails::screen_now) answers the
    /// same as `screen` does, without waiting for anything.
    pub fn is_local(&self) -> bool {
        self.checks.iter().all(|check| !check.spec.may_ask_a_port())
    }

    /// JSON Schema (2020-12) of the parameters, with titles and defaults, for forms.
    pub fn schema() -> Json {
        specs::parameters_schema()
    }
}

/// How much of a text a check has to see before what it says of a place is final.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// This many bytes behind the place.
    Window(usize),
    /// Everything: a pattern may span it all, a value is valid only when it is complete, a service is asked once.
    Whole,
}

impl CheckSpec {
    /// What the check declares; `serviced`: whether a moderation service is configured.
    pub fn reach(&self, serviced: bool) -> Reach {
        match self {
            Self::PromptInjection { .. } => Reach::Window(4 * 1024),
            Self::Pii(options) if options.mode != crate::checks::pii::Mode::Restore => Reach::Window(2 * 1024),
            Self::Content(options) if !(serviced && options.may_ask_a_service()) => Reach::Window(2 * 1024),
            Self::Rule(rule) => rule.reach(),
            Self::Pii(_) | Self::Content(_) | Self::Schema(_) | Self::Sql(_) | Self::Similarity(_) => Reach::Whole,
        }
    }
    /// Reads texts with the encoder: milliseconds, not microseconds.
    pub(crate) fn is_heavy(&self) -> bool {
        matches!(self, Self::PromptInjection { .. } | Self::Content(_) | Self::Similarity(_))
    }

    pub(crate) fn may_ask_a_port(&self) -> bool {
        match self {
            Self::Content(options) => options.may_ask_a_service(),
            Self::Similarity(_) => true,
            Self::Rule(rule) => rule.asks_a_port(),
            Self::PromptInjection { .. } | Self::Pii(_) | Self::Schema(_) | Self::Sql(_) => false,
        }
    }
}
