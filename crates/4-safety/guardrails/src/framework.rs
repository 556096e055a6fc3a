//! Runs the checks of a configuration over a value: cheap ones first, each with a timeout, and decides.

use std::{
    borrow::Cow,
    sync::Arc,
    time::{Duration, Instant},
};

use domain::{Channel, Enforcement, Finding, Json, Timestamp};
use futures::future::join_all;

use crate::{
    CheckConfig, CheckOutcome, CheckReport, CheckSpec, GuardrailConfig, Outcome, Ports, Report, Screened, Status,
    Violation, Warning, WhenNotEvaluated,
    checks::{self, Checked, Found, Unchecked},
    learned::Learned,
    redaction::Edits,
    team::TeamRules,
    texts::{TextAt, texts},
};

/// Above this many bytes local checks leave the calling thread, so that their timeouts can be kept.
const INLINE_BYTES: usize = 32 * 1024;
/// A value longer than this is not evaluated by text checks: it is refused, not waved through.
const MOST_BYTES: usize = 16 * 1024 * 1024;
/// More findings of one check than this are counted, not listed.
pub(crate) const MOST_FINDINGS: usize = 500;

/// What is known about a value from outside it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Context {
    /// Who wrote it; a channel in the node's parameters wins.
    pub channel: Channel,
    /// For exceptions that end. Without it, those do not apply.
    pub now: Option<Timestamp>,
}

/// The checks and the ports they may ask. Cheap to clone; one per process is enough.
#[derive(Debug, Clone, Default)]
pub struct Guardrails {
    ports: Ports,
    team: Option<Arc<TeamRules>>,
}

/// What one check said, before the customer's wishes are applied to it.
type Said = Result<Checked, Unchecked>;

impl Guardrails {
    /// With these ports; `Ports::default()` asks nobody.
    pub fn new(ports: Ports) -> Self {
        Self { ports, team: None }
    }
    /// The same checks asking other ports, such as ones that count a team's tokens.
    #[must_use]
    pub fn with_ports(&self, ports: Ports) -> Self {
        Self { ports, team: self.team.clone() }
    }
    /// The same checks held to what a team has set: thresholds, exceptions and references of its own.
    #[must_use]
    pub fn for_team(&self, team: Arc<TeamRules>) -> Self {
        Self { ports: self.ports.clone(), team: Some(team) }
    }
    /// What the checks may ask.
    pub const fn ports(&self) -> &Ports {
        &self.ports
    }

    fn effective<'c>(&self, config: &'c GuardrailConfig) -> Vec<Cow<'c, CheckConfig>> {
        let team = self.team.as_deref();
        config.checks().iter().map(|check| team.map_or(Cow::Borrowed(check), |team| team.applied(check))).collect()
    }
    fn decision(&self, json: &Json) -> Decision {
        Decision::new(json, self.ports.clone(), self.team.clone())
    }

    /// Runs every check of `config` over `json`. Halts when a check under BLOCK finds something, or could not run and
    /// was not told to continue. Remote checks see the redacted value only, and are skipped once a local one halted.
    pub async fn screen(&self, config: &GuardrailConfig, json: &Json, cx: &Context) -> Outcome {
        let cx = Context { channel: config.channel.unwrap_or(cx.channel), ..*cx };
        let mut decision = self.decision(json);
        let checks = self.effective(config);
        let size = texts(json).iter().map(|text| text.text.len()).sum::<usize>();
        let (local, remote): (Vec<_>, Vec<_>) =
            checks.iter().map(AsRef::as_ref).partition(|check: &&CheckConfig| !check.spec.may_ask_a_port());
        if size <= INLINE_BYTES && !local.iter().any(|check| check.spec.is_heavy()) {
            for check in local {
                let begun = Instant::now();
                let said = run_local(&check.spec, json, size, &cx, &self.ports.learned, check.timeout);
                decision.take(check, said, begun.elapsed(), json, &cx);
            }
        } else {
            // One copy for the threads; checks run side by side.
            let shared = Arc::new(json.clone());
            let running = local.iter().map(|check| {
                let (json, spec, learned) = (Arc::clone(&shared), check.spec.clone(), self.ports.learned.clone());
                let timeout = check.timeout;
                let job = tokio::task::spawn_blocking(move || run_local(&spec, &json, size, &cx, &learned, timeout));
                async move {
                    let begun = Instant::now();
                    let said = match tokio::time::timeout(check.timeout, job).await {
                        Ok(Ok(said)) => said,
                        Ok(Err(_)) => Err(Unchecked::new("the check stopped unexpectedly")),
                        Err(_) => Err(Unchecked::timed_out(check.timeout)),
                    };
                    (said, begun.elapsed())
                }
            });
            for (check, (said, took)) in local.iter().zip(join_all(running).await) {
                decision.take(check, said, took, json, &cx);
            }
        }
        decision.settle();
        if decision.halted {
            remote.iter().for_each(|check| decision.skip(check));
            return decision.end();
        }
        let redacted = decision.value.clone();
        let running = remote.iter().map(|check| async {
            let begun = Instant::now();
            let job = checks::run_remote(&check.spec, &redacted, &self.ports, check.timeout);
            let said = match tokio::time::timeout(check.timeout, job).await {
                Ok(said) => said,
                Err(_) => checks::after_timeout(&check.spec, &redacted, &self.ports, check.timeout),
            };
            (said, begun.elapsed())
        });
        for (check, (said, took)) in remote.iter().zip(join_all(running).await) {
            decision.take(check, said, took, &redacted, &cx);
        }
        decision.settle();
        decision.end()
    }

    /// The same without waiting for anything: checks that need a port are "not evaluated", which halts under BLOCK.
    /// For a configuration that [is local](GuardrailConfig::is_local) it answers what `screen` answers, every time.
    pub fn screen_now(&self, config: &GuardrailConfig, json: &Json, cx: &Context) -> Outcome {
        let cx = Context { channel: config.channel.unwrap_or(cx.channel), ..*cx };
        let mut decision = self.decision(json);
        let checks = self.effective(config);
        let size = texts(json).iter().map(|text| text.text.len()).sum::<usize>();
        for check in checks.iter().map(AsRef::as_ref) {
            let begun = Instant::now();
            let learned = &self.ports.learned;
            let work = || match check.spec.may_ask_a_port() {
                true => checks::without_ports(&check.spec, json, learned, begun + check.timeout),
                false => run_local(&check.spec, json, size, &cx, learned, check.timeout),
            };
            let said = if check.spec.is_heavy() { checks::aside(work) } else { work() };
            decision.take(check, said, begun.elapsed(), json, &cx);
        }
        decision.settle();
        decision.end()
    }
}

fn run_local(spec: &CheckSpec, json: &Json, size: usize, cx: &Context, learned: &Learned, timeout: Duration) -> Said {
    if size > MOST_BYTES {
        return Err(Unchecked::new(format!("the value holds more than {MOST_BYTES} bytes of text")));
    }
    checks::run_local(spec, json, &texts(json), cx.channel, learned, Instant::now() + timeout)
}

/// What has been decided so far.
struct Decision {
    value: Json,
    halted: bool,
    not_evaluated: bool,
    violations: Vec<Violation>,
    warnings: Vec<Warning>,
    checks: Vec<CheckReport>,
    redactions: usize,
    /// What the checks of this stage want taken out; all of it is done at once, at the stage's end.
    edits: Edits,
    /// A check that puts back what tokens hold, once the rest is done.
    restoring: Option<(CheckConfig, usize)>,
    ports: Ports,
    team: Option<Arc<TeamRules>>,
}

impl Decision {
    fn new(json: &Json, ports: Ports, team: Option<Arc<TeamRules>>) -> Self {
        Self {
            edits: Edits::default(),
            restoring: None,
            ports,
            team,
            value: json.clone(),
            halted: false,
            not_evaluated: false,
            violations: Vec::new(),
            warnings: Vec::new(),
            checks: Vec::new(),
            redactions: 0,
        }
    }

    fn take(&mut self, check: &CheckConfig, said: Said, took: Duration, json: &Json, cx: &Context) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let mut fallback = None;
        let outcome = match said {
            Err(unchecked) => self.not_run(check, unchecked.why),
            Ok(checked) => {
                fallback = checked.fallback;
                match self.found(check, checked.found, json, cx) {
                    Ok(0) => CheckOutcome::Clean,
                    Ok(findings) => CheckOutcome::Found { findings },
                    Err(unchecked) => self.not_run(check, unchecked.why),
                }
            }
        };
        tracing::debug!(check = %check.kind, name = check.name, ?outcome, micros, "check ran");
        self.checks.push(CheckReport {
            check: check.kind,
            name: check.name.clone(),
            enforcement: check.enforcement,
            outcome,
            fallback,
            micros,
        });
    }

    /// A check that could not run counts as one that found something.
    fn not_run(&mut self, check: &CheckConfig, why: String) -> CheckOutcome {
        let tolerated = check.shadow || check.when_not_evaluated == WhenNotEvaluated::Continue;
        if !tolerated {
            match check.enforcement {
                Enforcement::Block | Enforcement::Redact => {
                    self.halted = true;
                    self.not_evaluated = true;
                }
                Enforcement::Warn | Enforcement::Flag => self.warnings.push(Warning {
                    check: check.kind,
                    name: check.name.clone(),
                    family: "not_evaluated".to_owned(),
                    severity: domain::Severity::High,
                    score: 1.0,
                    pointer: String::new(),
                    message: format!("the check could not be evaluated: {why}"),
                }),
                Enforcement::Log => {}
            }
        }
        CheckOutcome::NotEvaluated { why }
    }

    fn found(&mut self, check: &CheckConfig, found: Vec<Found>, json: &Json, cx: &Context) -> Result<usize, Unchecked> {
        let mut counted = 0;
        let mut to_redact = Vec::new();
        for one in found {
            let of_team = self.team.iter().flat_map(|team| team.exceptions(check.kind));
            let status = if check.exceptions.iter().chain(of_team).any(|e| covers(e, &one, json, cx.now)) {
                Status::Allowed
            } else if check.shadow {
                Status::Shadow
            } else {
                Status::Enforced
            };
            let enforcement = enforcement_of(check);
            // What an exception covers is recorded and does not count; a shadow counts and does nothing.
            counted += usize::from(status != Status::Allowed);
            if status == Status::Enforced {
                match enforcement {
                    Enforcement::Block => self.halted = true,
                    Enforcement::Warn => self.warnings.push(warning(check, &one.finding, &one.pointer)),
                    Enforcement::Log | Enforcement::Flag | Enforcement::Redact => {}
                }
                if redacts(check, enforcement) {
                    to_redact.push(one.clone());
                }
            }
            if self.violations.len() < MOST_FINDINGS {
                self.violations.push(Violation {
                    finding: one.finding,
                    name: check.name.clone(),
                    pointer: one.pointer,
                    in_key: one.in_key,
                    enforcement,
                    status,
                });
            }
        }
        if !to_redact.is_empty() {
            let action = match &check.spec {
                CheckSpec::Pii(options) => Some(options.action(&self.ports)?),
                _ => None,
            };
            to_redact.iter().try_for_each(|one| self.edits.add(one, action.as_ref()))?;
        }
        if matches!(&check.spec, CheckSpec::Pii(options) if options.mode == checks::pii::Mode::Restore) && !check.shadow
        {
            self.restoring = Some((check.clone(), self.checks.len()));
        }
        Ok(counted)
    }

    /// The end of a stage: what was found is taken out, and what tokens hold is put back.
    fn settle(&mut self) {
        self.redactions += self.edits.apply(&mut self.value);
        let Some((check, index)) = self.restoring.take() else { return };
        if let Err(unchecked) = checks::pii::restore(&mut self.value, &self.ports) {
            let outcome = self.not_run(&check, unchecked.why);
            if let Some(report) = self.checks.get_mut(index) {
                report.outcome = outcome;
            }
        }
    }

    fn skip(&mut self, check: &CheckConfig) {
        self.checks.push(CheckReport {
            check: check.kind,
            name: check.name.clone(),
            enforcement: check.enforcement,
            outcome: CheckOutcome::Skipped,
            fallback: None,
            micros: 0,
        });
    }

    fn end(self) -> Outcome {
        let report = Report {
            halted: self.halted,
            not_evaluated: self.not_evaluated,
            violations: self.violations,
            warnings: self.warnings,
            checks: self.checks,
            redactions: self.redactions,
        };
        if report.halted { Outcome::Halted(report) } else { Outcome::Passed(Screened::new(self.value, report)) }
    }
}

/// D1: personal data under BLOCK is redacted, unless the check is told to block on detection.
pub(crate) fn enforcement_of(check: &CheckConfig) -> Enforcement {
    match (&check.spec, check.enforcement) {
        (CheckSpec::Pii(options), Enforcement::Block) if !options.block_on_detection => Enforcement::Redact,
        (_, enforcement) => enforcement,
    }
}

/// Personal data is redacted under everything but LOG; other findings only under REDACT.
pub(crate) fn redacts(check: &CheckConfig, enforcement: Enforcement) -> bool {
    match check.spec {
        CheckSpec::Pii(_) => enforcement != Enforcement::Log,
        _ => enforcement == Enforcement::Redact,
    }
}

fn covers(exception: &crate::allow::Exception, one: &Found, json: &Json, now: Option<Timestamp>) -> bool {
    let text = if one.in_key { None } else { json.pointer(&one.pointer).and_then(Json::as_str) };
    exception.covers(&one.finding, text.unwrap_or(""), now)
}

fn warning(check: &CheckConfig, finding: &Finding, pointer: &str) -> Warning {
    Warning {
        check: check.kind,
        name: check.name.clone(),
        family: finding.family.clone(),
        severity: finding.severity,
        score: finding.score,
        pointer: pointer.to_owned(),
        message: finding.why.clone(),
    }
}

/// The screened texts of a value, for checks.
pub(crate) type Texts<'t> = [TextAt<'t>];
