//! Secrets with a grammar of their own: private keys, webhooks, passwords in URLs, `curl -u`, Authorization headers,
//! and a few formats that have their mark in the middle.

use std::sync::LazyLock;

use regex::{Regex, RegexSet};

use super::entropy;
use crate::{Entity, Kind, shape::Shape};

/// What each pattern finds; the secret is group 1 where there is one.
pub const NAMES: &[&str] = &[
    "key/private-key",
    "key/slack-webhook",
    "key/teams-webhook",
    "key/discord-webhook",
    "key/url-password",
    "key/curl-user",
    "key/authorization-header",
    "key/api-key-header",
    "key/azure-ad-client-secret",
    "key/hashicorp-terraform",
    "key/telegram-bot-token",
    "key/mailchimp-key",
    "key/facebook-app-token",
    "key/vault-service-old",
    "key/1password-secret-key",
    "key/discord-token",
    "key/azure-storage-connection",
    "key/zapier-webhook",
    "key/github-app-jwt",
    "key/aws-secret-key",
    "key/kubernetes-secret",
    "key/aws-presigned",
    "key/azure-sas",
    "key/sidekiq-url",
];

const PATTERNS: &[&str] = &[
    r"-----BEGIN[ A-Z0-9_-]{0,100}PRIVATE KEY(?: BLOCK)?-----[\s\S-]{16,32000}?-----END[ A-Z0-9_-]{0,100}PRIVATE KEY(?: BLOCK)?-----",
    r"(?:https?://)?hooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)/[A-Za-z0-9+/]{40,60}",
    r"https://[a-z0-9.-]{1,80}\.webhook\.office\.com/webhookb2/[a-z0-9-]{36}@[a-z0-9-]{36}/IncomingWebhook/[a-z0-9]{32}/[a-z0-9-]{36}",
    r"https://(?:ptb\.|canary\.)?discord(?:app)?\.com/api/webhooks/\d{17,20}/[A-Za-z0-9_-]{60,80}",
    r"\b[a-zA-Z][a-zA-Z0-9+.-]{1,20}://[^\s:/@'<>{}$]{0,64}:([^\s/@:'<>{}$\[]{3,128})@[A-Za-z0-9\[]",
    r#"\bcurl\b[^\n|;]{0,200}?(?:\\\n[^\n|;]{0,200}?){0,6}\s(?:-u|--user)[= ]\s{0,3}("[^"\n]{0,64}:[^"\n]{3,128}"|'[^'\n]{0,64}:[^'\n]{3,128}'|[^\s:"'$]{0,64}:[^\s"']{3,128}|[^\s:]{1,64}:'[^'\n]{3,128}')"#,
    r#"(?i)\bauthorization["']?\s{0,2}[:=]\s{0,3}["']?(?:bearer|basic|token|api-token|apikey|digest)?\s{0,2}((?:sha256~)?[A-Za-z0-9+/=_.~:@-]{12,2000})"#,
    r#"(?i)["'\s](?:x-)?(?:[a-z]{2,20}-)?(?:api-?key|api-?token|auth-?token|access-?token|token|apikey)["']?:\s{1,2}["']?([A-Za-z0-9+/=_.~-]{11,500})"#,
    r"(?:^|[^A-Za-z0-9_~.-])([A-Za-z0-9_~.]{3}\dQ~[A-Za-z0-9_~.-]{25,34})(?:[^A-Za-z0-9_~.-]|$)",
    r"\b([A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{60,70})",
    r"\b(\d{8,10}:AA[A-Za-z0-9_-]{33})(?:[^A-Za-z0-9_-]|$)",
    r"\b([0-9a-f]{32}-us\d{1,2})\b",
    r"\b(\d{15,16}(?:\||%7C)[A-Za-z0-9_-]{27,40})(?:[^A-Za-z0-9_-]|$)",
    r"(?:^|[^A-Za-z0-9_.])(s\.[A-Za-z0-9]{24})(?:[^A-Za-z0-9_.(]|$)",
    r"\b(A3-[A-Z0-9]{6}-(?:[A-Z0-9]{11}|[A-Z0-9]{6}-[A-Z0-9]{5})-[A-Z0-9]{5}-[A-Z0-9]{5}-[A-Z0-9]{5})\b",
    r"\b([MNO][A-Za-z0-9_-]{23,25}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,38})(?:[^A-Za-z0-9_-]|$)",
    r"(?i)AccountKey=([A-Za-z0-9+/]{86}==)",
    r"(https://hooks\.zapier\.com/hooks/catch/\d{4,10}/[a-z0-9]{5,20})",
    r"\b(v1\.[0-9a-f]{40})\b",
    r#"(?i)aws.{0,30}?(?:secret|sk|key).{0,30}?["'=:\s]([A-Za-z0-9+/]{40})(?:[^A-Za-z0-9+/=]|$)"#,
    r"(?s)kind:\s{0,4}Secret\b.{0,800}?\bdata:\s{1,40}[\w.-]{1,80}:\s{0,4}([A-Za-z0-9+/]{16,4000}={0,2})",
    r"(?i)X-Amz-Signature=([0-9a-f]{64})",
    r"(?i)[?&]sig=([A-Za-z0-9%]{43,70}%3D)",
    r"(?i)https?://([0-9a-f]{8}:[0-9a-f]{8})@(?:gems|enterprise)\.contribsys\.com",
];

/// A literal without which a pattern cannot match; most texts hold none of them.
static SET: LazyLock<Option<RegexSet>> = LazyLock::new(|| {
    RegexSet::new([
        "PRIVATE KEY",
        r"hooks\.slack",
        r"webhook\.office",
        r"discord(?:app)?\.com/api/webhooks",
        r"://[^\s/]{1,200}@",
        r"\bcurl\b",
        r"(?i)authorization",
        r"(?i)(?:key|token)[^\n]{0,2}:",
        r"\dQ~",
        r"\.atlasv1\.",
        r":AA",
        r"-us\d",
        r"\|[A-Za-z0-9_-]{27}|%7C",
        r"s\.[A-Za-z0-9]{24}",
        "A3-",
        r"\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27}",
        r"(?i)AccountKey=",
        r"hooks\.zapier",
        r"v1\.[0-9a-f]{40}",
        r"(?i)aws",
        r"kind:\s{0,4}Secret",
        r"(?i)X-Amz-Signature",
        r"(?i)sig=",
        r"contribsys",
    ])
    .ok()
});

static COMPILED: LazyLock<Vec<Option<Regex>>> =
    LazyLock::new(|| PATTERNS.iter().map(|pattern| Regex::new(pattern).ok()).collect());

pub fn find(text: &str, shape: Shape, found: &mut Vec<Entity>) {
    if !(shape.colon || shape.equals || shape.longest_token >= 16) {
        return;
    }
    let Some(set) = SET.as_ref() else { return };
    for index in set.matches(text) {
        let Some(pattern) = COMPILED[index].as_ref() else { continue };
        for hit in pattern.captures_iter(text) {
            let Some(secret) = hit.get(1).or_else(|| hit.get(0)) else { continue };
            let value = secret.as_str();
            if counts(NAMES[index], value) {
                found.push(Entity::new(Kind::ApiKey, secret.start(), secret.end(), 0.97, NAMES[index]));
            }
        }
    }
}

fn counts(name: &str, value: &str) -> bool {
    let inner = value.trim_matches(['"', '\'']);
    let digit = inner.bytes().any(|b| b.is_ascii_digit());
    let mixed = entropy::is_mixed(inner, 0);
    match name {
        "key/private-key" => value.len() > 90,
        "key/url-password" | "key/sidekiq-url" => {
            !entropy::is_filler(inner) && !is_password_word(inner) && !inner.bytes().all(|b| b.is_ascii_digit())
        }
        "key/curl-user" => {
            let secret =
                inner.split_once(':').map_or(inner, |(user, secret)| if secret.is_empty() { user } else { secret });
            !is_password_word(secret.trim_matches(['"', '\''])) && !secret.contains('$')
                || inner.contains('$')
                    && secret.len() >= 8
                    && digit
                    && !secret.contains("$(")
                    && !secret.starts_with('$')
                    && !secret.starts_with("${")
        }
        "key/authorization-header" => {
            !entropy::is_filler(inner)
                && entropy::bits(inner) >= 2.8
                && (digit || entropy::bits(inner) >= 3.0 && inner.ends_with('='))
        }
        "key/api-key-header" => digit && !entropy::is_filler(inner) && entropy::bits(inner) >= 2.8 && mixed,
        "key/vault-service-old" => mixed && inner.bytes().any(|b| b.is_ascii_uppercase()) && !entropy::is_filler(inner),
        "key/aws-secret-key" => mixed && entropy::bits(inner) >= 4.0 && !entropy::is_filler(inner),
        "key/1password-secret-key" => !entropy::is_filler(inner) && digit,
        _ => digit && !entropy::is_filler(inner),
    }
}

/// What documentation writes where a password would stand.
fn is_password_word(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    [
        "password", "passwd", "pass", "pwd", "secret", "token", "pw", "foo", "bar", "test", "user", "username",
        "api_key", "apikey", "key",
    ]
    .iter()
    .any(|word| {
        lower == *word || lower.strip_prefix("your").is_some_and(|rest| rest.trim_start_matches(['_', '-']) == *word)
    }) || lower.starts_with(['<', '{', '*', '%', '['])
        || lower.starts_with("$(")
        || lower.starts_with("${")
        || lower.bytes().all(|b| b == b'x' || b == b'*')
}
