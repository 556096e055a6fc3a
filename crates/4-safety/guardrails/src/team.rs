//! What a team has set for all its guardrails: thresholds of its own, exceptions with an owner and an end, and
//! references for the semantic check. Read from JSON once, and kept until it changes.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use domain::{CheckKind, Json};

use crate::{CheckConfig, CheckSpec, ConfigError, allow::Exception, checks::similarity::References, config::kind_of};

/// References of one team.
pub const MOST_REFERENCES: usize = 2_000;
/// Bytes of one reference.
const MOST_BYTES: usize = 8 * 1024;
/// Exceptions of one team.
const MOST_EXCEPTIONS: usize = 2_000;

/// See the module.
#[derive(Debug, Default)]
pub struct TeamRules {
    thresholds: BTreeMap<CheckKind, f32>,
    /// By check; `None` covers findings of every check.
    exceptions: Vec<(Option<CheckKind>, Exception)>,
    references: TeamReferences,
    /// A configuration's references with the team's, made once for each.
    merged: Mutex<Vec<(Arc<References>, Arc<References>)>>,
}

/// A team's own references for the semantic check.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TeamReferences {
    /// Prompts that are known to be harmless here.
    pub safe: Vec<String>,
    /// Attacks by category, such as `instruction_override` or a word of the team's own.
    pub attacks: BTreeMap<String, Vec<String>>,
}

impl TeamReferences {
    pub fn is_empty(&self) -> bool {
        self.safe.is_empty() && self.attacks.is_empty()
    }
}

impl TeamRules {
    /// From `{"thresholds": {"PROMPT_INJECTION": 0.6}, "exceptions": [{"check"?, "text"|"pattern"|"families", "owner",
    /// "expires"}], "references": {"safe": […], "attacks": {"category": […]}}}`. All errors at once.
    ///
    /// # Errors
    /// Each with its path.
    pub fn parse(json: &Json) -> Result<Self, Vec<ConfigError>> {
        let mut errors = Vec::new();
        let mut bad = |path: String, code: &'static str, message: String| {
            errors.push(ConfigError { path, code, message });
        };
        let mut rules = Self::default();
        let Json::Object(members) = json else {
            return Err(vec![ConfigError {
                path: String::new(),
                code: "wrong_type",
                message: "expected an object".to_owned(),
            }]);
        };
        for (key, value) in members {
            match (key.as_str(), value) {
                ("thresholds", Json::Object(thresholds)) => {
                    for (word, share) in thresholds {
                        let share = share.as_f64().filter(|share| (0.0..=1.0).contains(share));
                        match (kind_of(word).filter(|kind| has_threshold(*kind)), share) {
                            (Some(kind), Some(share)) => {
                                rules.thresholds.insert(kind, share as f32);
                            }
                            (None, _) => bad(
                                format!("/thresholds/{word}"),
                                "unknown_key",
                                "expected PROMPT_INJECTION, CONTENT_FILTER or SEMANTIC_SIMILARITY".to_owned(),
                            ),
                            (_, None) => {
                                bad(format!("/thresholds/{word}"), "bad_value", "expected 0 to 1".to_owned());
                            }
                        }
                    }
                }
                ("exceptions", Json::Array(items)) if items.len() <= MOST_EXCEPTIONS => {
                    for (index, item) in items.iter().enumerate() {
                        match exception(item) {
                            Ok(exception) => rules.exceptions.push(exception),
                            Err(message) => bad(format!("/exceptions/{index}"), "bad_value", message),
                        }
                    }
                }
                ("references", Json::Object(sets)) => {
                    for (set, texts) in sets {
                        let path = format!("/references/{set}");
                        match (set.as_str(), texts) {
                            ("safe", texts) => match strings(texts) {
                                Some(texts) => rules.references.safe = texts,
                                None => bad(path, "bad_value", list_of_texts()),
                            },
                            ("attacks" | "attack", Json::Object(categories)) => {
                                for (category, texts) in categories {
                                    match strings(texts).filter(|_| is_word(category)) {
                                        Some(texts) => {
                                            rules.references.attacks.insert(category.clone(), texts);
                                        }
                                        None => bad(format!("{path}/{category}"), "bad_value", list_of_texts()),
                                    }
                                }
                            }
                            _ => bad(path, "unknown_key", "expected `safe` or `attacks`".to_owned()),
                        }
                    }
                }
                (other, _) => bad(
                    format!("/{other}"),
                    "bad_value",
                    "expected `thresholds`, `exceptions` (a list) or `references` (an object)".to_owned(),
                ),
            }
        }
        let references = rules.references.safe.len() + rules.references.attacks.values().map(Vec::len).sum::<usize>();
        if references > MOST_REFERENCES {
            bad("/references".to_owned(), "too_large", format!("a team may keep {MOST_REFERENCES} references"));
        }
        if errors.is_empty() { Ok(rules) } else { Err(errors) }
    }

    /// The team's references.
    pub const fn references(&self) -> &TeamReferences {
        &self.references
    }

    pub(crate) fn exceptions(&self, kind: CheckKind) -> impl Iterator<Item = &Exception> {
        self.exceptions.iter().filter(move |(of, _)| of.is_none_or(|of| of == kind)).map(|(_, exception)| exception)
    }

    /// `check` with the team's threshold where it names none itself, and with the team's references.
    pub(crate) fn applied<'c>(&self, check: &'c CheckConfig) -> Cow<'c, CheckConfig> {
        let threshold = self.thresholds.get(&check.kind).copied();
        let spec = match (&check.spec, threshold) {
            (CheckSpec::PromptInjection { threshold: None }, Some(_)) => CheckSpec::PromptInjection { threshold },
            (CheckSpec::Content(options), Some(_)) if options.threshold.is_none() => {
                let mut options = options.clone();
                options.threshold = threshold;
                CheckSpec::Content(options)
            }
            (CheckSpec::Similarity(references), _) if threshold.is_some() || !self.references.is_empty() => {
                CheckSpec::Similarity(self.merged(references, threshold))
            }
            _ => return Cow::Borrowed(check),
        };
        Cow::Owned(CheckConfig { spec, ..check.clone() })
    }

    fn merged(&self, base: &Arc<References>, threshold: Option<f32>) -> Arc<References> {
        let mut known = self.merged.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, merged)) = known.iter().find(|(of, _)| Arc::ptr_eq(of, base)) {
            return Arc::clone(merged);
        }
        let mut merged = base.as_ref().clone();
        if let Some(threshold) = threshold {
            merged.set_default_threshold(threshold);
        }
        merged.add_team(&self.references);
        let merged = Arc::new(merged);
        if known.len() >= 32 {
            known.remove(0);
        }
        known.push((Arc::clone(base), Arc::clone(&merged)));
        merged
    }
}

const fn has_threshold(kind: CheckKind) -> bool {
    matches!(kind, CheckKind::PromptInjection | CheckKind::ContentFilter | CheckKind::SemanticSimilarity)
}

fn exception(item: &Json) -> Result<(Option<CheckKind>, Exception), String> {
    let mut item = item.clone();
    let kind = match item.as_object_mut().and_then(|members| members.remove("check")) {
        None | Some(Json::Null) => None,
        Some(word) => {
            Some(word.as_str().and_then(kind_of).ok_or_else(|| "`check` names no check that there is".to_owned())?)
        }
    };
    Ok((kind, Exception::parse(&item)?))
}

fn strings(json: &Json) -> Option<Vec<String>> {
    let texts: Option<Vec<String>> = json
        .as_array()?
        .iter()
        .map(|item| item.as_str().filter(|text| !text.trim().is_empty() && text.len() <= MOST_BYTES).map(str::to_owned))
        .collect();
    texts.filter(|texts| texts.len() <= MOST_REFERENCES)
}

fn list_of_texts() -> String {
    format!("expected a word for the category and a list of texts of at most {MOST_BYTES} bytes")
}

fn is_word(category: &str) -> bool {
    (1..=64).contains(&category.len())
        && category.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}
