//! The content filter alone, and the figure that drift is told by.
#![allow(clippy::unwrap_used, reason = "a test that cannot read its own input has failed")]

use async_trait::async_trait;
use guardrails::{
    CheckOutcome, Context, GuardrailConfig, Guardrails, Learned, ModerationScore, Moderator, Outcome, PortError, Ports,
    checks::{content, similarity},
};
use serde_json::json;
use std::sync::Arc;

/// A service that finds everything harmless.
struct Blind;

#[async_trait]
impl Moderator for Blind {
    async fn moderate(&self, texts: &[String]) -> Result<Vec<Vec<ModerationScore>>, PortError> {
        Ok(texts.iter().map(|_| Vec::new()).collect())
    }
    fn name(&self) -> &str {
        "blind"
    }
}

const HATEFUL: &str = "I will find you and kill you, you filthy animal";
const HARMLESS: &str = "The kill command ends a process; we had an animal shelter visit the school.";

/// R154: without any service the local filter decides, by wording and by the shipped model, and asks nobody.
#[test]
fn the_local_filter_needs_nobody() {
    let config = GuardrailConfig::parse(&json!({ "checks": [{ "type": "CONTENT_FILTER" }] })).unwrap();
    let guardrails = Guardrails::new(Ports::default());
    let Outcome::Halted(report) = guardrails.screen_now(&config, &json!(HATEFUL), &Context::default()) else {
        panic!("a threat passed");
    };
    assert!(!report.not_evaluated && !report.violations.is_empty(), "{report:?}");
    // A service that was asked for by name and is not there is told of.
    let named = json!({ "checks": [{ "type": "CONTENT_FILTER", "provider": "openai" }] });
    let named = GuardrailConfig::parse(&named).unwrap();
    let Outcome::Halted(report) = guardrails.screen_now(&named, &json!(HATEFUL), &Context::default()) else {
        panic!("a threat passed");
    };
    assert!(
        report.checks[0].fallback.as_deref().is_some_and(|why| why.contains("no moderation service")),
        "{report:?}"
    );
    assert!(matches!(guardrails.screen_now(&config, &json!(HARMLESS), &Context::default()), Outcome::Passed(_)));
    // Decisive wording needs no model either.
    let without = Guardrails::new(Ports { learned: Learned::absent("left out for a test"), ..Ports::default() });
    let Outcome::Halted(report) = without.screen_now(&config, &json!(HATEFUL), &Context::default()) else {
        panic!("passed without a model");
    };
    assert!(matches!(report.checks[0].outcome, CheckOutcome::Found { .. } | CheckOutcome::NotEvaluated { .. }));
}

/// R154, R157: threats in languages that the model hardly knows are found by their wording; the verbs alone are not.
#[test]
fn threats_in_other_languages() {
    let found = |text: &str| content::judge(text, &Learned::shipped(), None).unwrap();
    for text in [
        "ich bring dich um du dreckiges Schwein",
        "te voy a matar, cobarde",
        "je vais te tuer ce soir",
        "vou te matar, seu covarde",
        "ti ammazzo se ti vedo",
        "сдохни, я тебя убью",
        "我要杀了你",
        "お前を殺してやる",
        "너 죽여버리겠어",
        "मैं तुम्हें मार डालूंगा",
        "سأقتلك أيها الجبان",
    ] {
        let hits = found(text);
        assert!(
            hits.iter().any(|hit| hit.category == "harassment/threatening" && hit.score >= 0.5),
            "{text}: {hits:?}"
        );
    }
    for text in [
        "Wie bringe ich dich am besten zum Bahnhof?",
        "¿Cuándo vas a matar el proceso?",
        "Il film ti uccide di noia, dicono.",
        "Как убить процесс в Linux?",
        "杀毒软件怎么安装?",
    ] {
        let hits = found(text);
        assert!(hits.iter().all(|hit| hit.score < 0.5), "{text}: {hits:?}");
    }
}

/// R154: beside a service too: what is hardly ever innocent counts whatever the service says.
#[tokio::test]
async fn the_local_filter_stands_beside_a_service() {
    let guardrails = Guardrails::new(Ports { moderator: Some(Arc::new(Blind)), ..Ports::default() });
    let config = GuardrailConfig::parse(&json!({ "checks": [{ "type": "CONTENT_FILTER" }] })).unwrap();
    let screen = async |text: &str| guardrails.screen(&config, &json!(text), &Context::default()).await;
    let Outcome::Halted(report) = screen("I want to kill myself tonight").await else {
        panic!("the service's silence was the last word");
    };
    assert!(report.violations.iter().all(|v| v.finding.by.starts_with("content/local")), "{report:?}");
    assert!(report.checks[0].fallback.is_none(), "the service did answer: {report:?}");
    assert!(matches!(screen(HARMLESS).await, Outcome::Passed(_)), "the control");
}

/// R154: without the model too, wording that is hardly ever innocent decides, weaker wording does not, and beside a
/// service weaker wording leaves the word to the service.
#[tokio::test]
async fn only_strong_wording_decides_alone() {
    let strong = "I want to kill myself tonight";
    let weak = "you are such an idiot";
    let of = |text: &str| content::scores(text).iter().map(|hit| hit.score).fold(0.0, f32::max);
    assert!(of(strong) >= 0.8 && (0.5..0.8).contains(&of(weak)), "{} {}", of(strong), of(weak));
    let config = GuardrailConfig::parse(&json!({ "checks": [{ "type": "CONTENT_FILTER" }] })).unwrap();
    let absent = Learned::absent("left out for a test");
    let without = Guardrails::new(Ports { learned: absent.clone(), ..Ports::default() });
    let screened = |text: &str| match without.screen_now(&config, &json!(text), &Context::default()) {
        Outcome::Halted(report) => report,
        Outcome::Passed(screened) => panic!("passed: {screened:?}"),
    };
    let report = screened(strong);
    assert!(!report.not_evaluated && matches!(report.checks[0].outcome, CheckOutcome::Found { .. }), "{report:?}");
    assert_eq!(report.violations[0].finding.family, "self-harm/intent");
    for text in [weak, "What a lovely day it is"] {
        let report = screened(text);
        assert!(report.not_evaluated && report.violations.is_empty(), "{text}: {report:?}");
        assert!(content::judge(text, &absent, None).is_err());
    }
    let blind = Guardrails::new(Ports { moderator: Some(Arc::new(Blind)), learned: absent, ..Ports::default() });
    let outcome = blind.screen(&config, &json!(strong), &Context::default()).await;
    assert!(matches!(outcome, Outcome::Halted(_)), "{outcome:?}");
    let outcome = blind.screen(&config, &json!(weak), &Context::default()).await;
    assert!(matches!(outcome, Outcome::Passed(_)), "{outcome:?}");
}

/// R171: the distances of outputs from what is expected stay where they were while behaviour does, and leave that band
/// when it changes.
#[test]
fn changed_behaviour_shows_in_the_distances() {
    let learned = Learned::shipped();
    let expected = "Your order has been shipped and will arrive within three days.";
    let of = |outputs: &[&str]| -> Vec<f32> {
        outputs.iter().map(|output| similarity::distance(expected, output, &learned).unwrap()).collect()
    };
    let before = of(&[
        "Your order was shipped and arrives within three days.",
        "The order has been shipped; it will arrive in three days.",
        "Good news: your order has shipped and should arrive within three days.",
        "Your parcel has been sent and will arrive within three days.",
    ]);
    let after = of(&[
        "As an AI model I cannot discuss shipping matters.",
        "Buy our premium plan now for only nine euros a month!",
        "def ship(order): return order.status",
        "The capital of France is Paris, which lies on the Seine.",
    ]);
    let widest = before.iter().copied().fold(0.0, f32::max);
    let mean = |all: &[f32]| all.iter().sum::<f32>() / all.len() as f32;
    assert!(after.iter().all(|distance| *distance > widest), "{before:?} {after:?}");
    assert!(mean(&after) > mean(&before) + 0.2, "{before:?} {after:?}");
}
