//! Secrets with a grammar of their own: webhooks, passwords in URLs, `curl -u`, Authorization headers,
//! and a few formats that have their mark in the middle.

use std::sync::LazyLock;

use regex::{Regex, RegexSet};

use super::entropy;
use crate::{Entity, Kind, shape::Shape};

/// What each pattern finds; the secret is group 1 where there is one.
pub const NAMES: &[&str] = &[
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
    "key/netrc",
    "key/laravel-app-key",
    "key/django-secret",
    "key/encoded-private-key",
    "key/paypal-access",
    "key/asana-oauth",
    "key/ngrok",
    "key/ghost-admin",
    "key/clickup",
    "key/salesforce-session",
    "key/new-relic-license",
    "key/infisical-service",
    "key/azure-shared-access",
    "key/lob",
    "key/twitter-bearer",
    "key/curl-user-only",
];

const PATTERNS: &[&str] = &[
    r"(?:https?://)?hooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)/[A-Za-z0-9+/]{40,60}",
    r"https://[a-z0-9.-]{1,80}\.webhook\.office\.com/webhookb2/[a-z0-9-]{36}@[a-z0-9-]{36}/IncomingWebhook/[a-z0-9]{32}/[a-z0-9-]{36}",
    r"https://(?:ptb\.|canary\.)?discord(?:app)?\.com/api/webhooks/\d{17,20}/[A-Za-z0-9_-]{60,80}",
    r"\b[a-zA-Z][a-zA-Z0-9+.-]{1,20}://[^\s:/@'<>{}$]{0,64}:([^\s/@:'<>{}$\[]{3,128})@[A-Za-z0-9\[]",
    r#"\bcurl\b[^\n|;]{0,200}?(?:\\\n[^\n|;]{0,200}?){0,6}\s(?:-u|--user)[= ]\s{0,3}("[^"\n]{0,64}:[^"\n]{3,128}"|"[^"\n]{1,64}":"[^"\n]{3,128}"|'[^'\n]{0,64}:[^'\n]{3,128}'|[^\s:"'$]{0,64}:[^\s"']{3,128}|[^\s:]{1,64}:'[^'\n]{3,128}')"#,
    r#"(?i)\bauthorization["']?\s{0,2}[:=]\s{0,3}["']?(?:bearer|basic|token|api-token|apikey|digest|splunk|ssws|sso-key|key)?\s{0,2}((?:sha256~)?[A-Za-z0-9+/=_.~:@-]{12,2000})"#,
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
    r#"(?i)\bmachine\s+\S{3,100}\s+login\s+\S{1,100}\s+password\s+(\S{8,200})"#,
    r#"(?i)\bAPP_KEY["\']?\s{0,3}[:=]\s{0,3}["\']?(base64:[A-Za-z0-9+/]{43}=)"#,
    r#"(?i)\bsecret_key["\']?\s{0,3}[:=]\s{0,3}["\']([^"\'\s]{40,120})["\']"#,
    r#"(LS0tLS1CRUdJTi[A-Za-z0-9+/]{0,40}(?:UFJJVkFURSBLRV|BSSVZBVEUgS0VZ|QUklWQVRFIEtFW)[A-Za-z0-9+/=]{20,8000})"#,
    r#"(access_token\$(?:production|sandbox)\$[a-z0-9]{16}\$[0-9a-f]{32})"#,
    r#"\b([12]/\d{16}(?:/\d{16})?:[0-9a-f]{32})\b"#,
    r#"\b(2[A-Za-z0-9]{26}_[A-Za-z0-9]{20,22})\b"#,
    r#"\b([0-9a-f]{24}:[0-9a-f]{64})\b"#,
    r#"\b(pk_\d{1,10}_[A-Z0-9]{32})\b"#,
    r#"\b(00D[A-Za-z0-9]{12,15}![A-Za-z0-9._]{60,140})"#,
    r#"\b([0-9a-f]{36}NRAL)\b"#,
    r#"\b(st\.[0-9a-f-]{24,36}\.[0-9a-f]{32}\.[0-9a-f]{32})\b"#,
    r#"(?i)SharedAccessKey=([A-Za-z0-9+/]{40,90}={0,2})"#,
    r#"\b((?:live|test)_[0-9a-f]{35})\b"#,
    r#"\b(A{20,22}[A-Za-z0-9%]{60,140})"#,
    r#"\bcurl\b[^\n|;]{0,200}?\s(?:-u|--user)[= ]\s{0,3}["\']?([A-Za-z0-9_!$-]{12,128}):["\']?(?:\s|$)"#,
];

/// A literal without which a pattern cannot match; most texts hold none of them.
static SET: LazyLock<Option<RegexSet>> = LazyLock::new(|| {
    RegexSet::new([
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
        r"(?i)\bmachine\s",
        r"base64:",
        r"(?i)secret_key",
        r"LS0tLS1CRUdJTi",
        r"access_token\$",
        r"[12]/\d{16}",
        r"[A-Za-z0-9]{26}_[A-Za-z0-9]{20}",
        r"[0-9a-f]{24}:[0-9a-f]{64}",
        r"pk_\d",
        r"00D[A-Za-z0-9]{12,15}!",
        r"NRAL",
        r"st\.[0-9a-f]",
        r"(?i)SharedAccessKey=",
        r"_[0-9a-f]{35}",
        r"A{20}",
        r"\bcurl\b",
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
        "key/netrc" => !is_password_word(inner) && !entropy::is_filler(inner),
        "key/django-secret" => entropy::bits(inner) >= 3.5 && !entropy::is_filler(inner) && !inner.contains("env"),
        "key/curl-user-only" => mixed && entropy::bits(inner) >= 3.0 && !entropy::is_filler(inner),
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

#[cfg(test)]
mod tests {
    use super::*;

    /// R147: a pattern that does not compile finds nothing and says nothing.
    #[test]
    fn every_pattern_compiles() {
        assert_eq!((NAMES.len(), PATTERNS.len()), (PATTERNS.len(), SET.as_ref().map_or(0, RegexSet::len)));
        for (name, pattern) in NAMES.iter().zip(COMPILED.iter()) {
            assert!(pattern.is_some(), "{name}");
        }
    }
}
