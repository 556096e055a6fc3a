//! Harmful content (R153–R161): a moderation service when one is configured, the local filter beside it and instead
//! of it whenever it does not answer.
//!
//! The local filter is two tiers: wording (every category, with its variants) and the learned model (hate, harassment,
//! self-harm, sexual, violence), which also knows when the wording alone means nothing.

mod lexicon;
mod local;
mod model;

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use domain::{CheckKind, Finding, Severity};

pub use local::{Hit, scores};
pub use model::judge;

use super::{Checked, Unchecked, each, finding, placed};
use crate::{Moderator, PortError, framework::Texts, learned::Learned};

/// Categories as OpenAI's moderation spells them.
pub const CATEGORIES: [&str; 13] = [
    "hate",
    "hate/threatening",
    "harassment",
    "harassment/threatening",
    "self-harm",
    "self-harm/intent",
    "self-harm/instructions",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
    "illicit",
    "illicit/violent",
];

/// The category of that name.
pub fn known(name: &str) -> Option<&'static str> {
    CATEGORIES.into_iter().find(|category| *category == name)
}

/// Which categories count, and from which score.
#[derive(Debug, Clone, Default)]
pub struct ContentOptions {
    /// Empty: all of them. A parent counts for its variants. A threshold, where the customer set one.
    pub categories: BTreeMap<&'static str, Option<f32>>,
    /// For categories without their own.
    pub threshold: Option<f32>,
    /// Never asks the service.
    pub local_only: bool,
    /// The customer asked for the service by name; the local filter still decides when it fails.
    pub service_required: bool,
}

impl ContentOptions {
    pub(crate) fn may_ask_a_service(&self) -> bool {
        !self.local_only
    }

    fn parent(category: &str) -> &str {
        category.split('/').next().unwrap_or(category)
    }

    /// `flagged`: whether it counts where the customer set no threshold.
    fn counts(&self, category: &str, score: f32, flagged: bool) -> bool {
        let own = self.categories.get(category).or_else(|| self.categories.get(Self::parent(category)));
        if !self.categories.is_empty() && own.is_none() {
            return false;
        }
        match own.copied().flatten().or(self.threshold) {
            Some(threshold) => score >= threshold,
            None => flagged,
        }
    }
}

/// From which score a category counts, where the customer says nothing.
const USUAL: f32 = 0.5;
/// Beside a service that said nothing, wording alone counts from here.
const STRONG: f32 = 0.8;

/// How bad a category is.
fn severity(category: &str) -> Severity {
    match category {
        "sexual/minors" | "self-harm/instructions" | "self-harm/intent" | "illicit/violent" => Severity::Critical,
        "hate" | "hate/threatening" | "harassment/threatening" | "self-harm" | "violence/graphic" => Severity::High,
        _ => Severity::Medium,
    }
}

/// What the local filter finds in one text, both tiers.
pub fn local(
    text: &str,
    options: &ContentOptions,
    learned: &Learned,
    deadline: Option<Instant>,
) -> Result<Vec<Finding>, String> {
    let hits = judge(text, learned, deadline)?;
    let counted = hits.into_iter().filter(|hit| options.counts(hit.category, hit.score, hit.score >= USUAL));
    Ok(counted
        .map(|hit| {
            let (rule, why) = match hit.learned {
                true => ("content/learned", format!("the learned model reads it as {}", words(hit.category))),
                false => ("content/local", format!("the wording is typical of {}", words(hit.category))),
            };
            let found = finding(
                CheckKind::ContentFilter,
                hit.category,
                severity(hit.category),
                hit.score,
                Some(hit.span),
                rule,
                why,
            );
            match hit.learned {
                true => Finding { by: format!("{rule}@{}", learned.name()), ..found },
                false => found,
            }
        })
        .collect())
}

fn words(category: &str) -> &'static str {
    match category {
        "hate" => "hate against a group of people",
        "hate/threatening" => "a threat against a group of people",
        "harassment" => "an insult or harassment",
        "harassment/threatening" => "a threat against a person",
        "self-harm" => "self-harm",
        "self-harm/intent" => "the intent to harm oneself",
        "self-harm/instructions" => "instructions for self-harm",
        "sexual" => "sexual content",
        "sexual/minors" => "sexual content about minors",
        "violence" => "violence",
        "violence/graphic" => "graphic violence",
        "illicit/violent" => "advice on violent wrongdoing",
        _ => "advice on wrongdoing",
    }
}

/// Asks the service and adds what the local filter finds; the service's silence leaves the decision to the latter.
pub(crate) async fn check(
    texts: &Texts<'_>,
    options: &ContentOptions,
    moderator: Option<&dyn Moderator>,
    learned: &Learned,
    timeout: Duration,
) -> Result<Checked, Unchecked> {
    let begun = Instant::now();
    let deadline = begun + timeout;
    let Some(moderator) = moderator.filter(|_| !options.local_only) else {
        return fallback_aside(texts, options, "no moderation service is configured", learned, deadline).await;
    };
    let bodies: Vec<String> = texts.iter().map(|text| text.text.to_owned()).collect();
    // Leaves time for the local filter to decide inside the check's own timeout.
    let patience = timeout.saturating_sub(timeout / 4);
    let answer = match tokio::time::timeout(patience, moderator.moderate(&bodies)).await {
        Ok(answer) => answer,
        Err(_) => Err(PortError::TimedOut),
    };
    let answer = answer.and_then(|scores| {
        if scores.len() == texts.len() {
            Ok(scores)
        } else {
            Err(PortError::Failed("the service answered for another number of texts".to_owned()))
        }
    });
    match answer {
        Err(error) => {
            // The local filter decides even where the service has used up the check's time: waiting is no pass.
            let deadline = Instant::now() + super::AFTERWARDS;
            fallback_aside(texts, options, &error.to_string(), learned, deadline).await
        }
        Ok(answers) => {
            // Beside the service, wording is enough; the learned tier stands in where there is no service.
            let mut found = each(texts, |text| wording(text, options));
            for (text, scores) in texts.iter().zip(answers) {
                let findings = scores
                    .into_iter()
                    .filter(|score| options.counts(&score.category, score.score, score.flagged || score.score >= USUAL))
                    .map(|score| {
                        let mut one = finding(
                            CheckKind::ContentFilter,
                            score.category.clone(),
                            severity(&score.category),
                            score.score,
                            None,
                            "content",
                            format!("the moderation service found {}", words(&score.category)),
                        );
                        one.by = moderator.name().to_owned();
                        one
                    })
                    .collect();
                found.extend(placed(text, findings));
            }
            Ok(found.into())
        }
    }
}

/// Wording that is hardly ever innocent.
fn wording(text: &str, options: &ContentOptions) -> Vec<Finding> {
    scores(text)
        .into_iter()
        .filter(|hit| options.counts(hit.category, hit.score, hit.score >= STRONG))
        .map(|hit| {
            let why = format!("the wording is typical of {}", words(hit.category));
            let by = "content/local";
            finding(CheckKind::ContentFilter, hit.category, severity(hit.category), hit.score, Some(hit.span), by, why)
        })
        .collect()
}

/// The local filter decides alone, and the report says so.
pub(crate) fn fallback(
    texts: &Texts<'_>,
    options: &ContentOptions,
    why: &str,
    learned: &Learned,
    deadline: Instant,
) -> Result<Checked, Unchecked> {
    let mut found = Vec::new();
    for text in texts {
        found.extend(placed(text, local(text.text, options, learned, Some(deadline)).map_err(Unchecked::new)?));
    }
    let said = !options.local_only && (options.service_required || why != "no moderation service is configured");
    Ok(Checked { found, fallback: said.then(|| format!("the local filter decided: {why}")) })
}

/// The same on a thread that may be kept busy.
async fn fallback_aside(
    texts: &Texts<'_>,
    options: &ContentOptions,
    why: &str,
    learned: &Learned,
    deadline: Instant,
) -> Result<Checked, Unchecked> {
    super::aside(|| fallback(texts, options, why, learned, deadline))
}
