//! Exceptions: what a customer has looked at and allows, with an owner and an end.

use domain::{Finding, Json, Timestamp};
use regex::{Regex, RegexBuilder};

/// One exception.
#[derive(Debug, Clone)]
pub struct Exception {
    matcher: Matcher,
    families: Vec<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    expires: Option<Timestamp>,
}

#[derive(Debug, Clone)]
enum Matcher {
    /// The found text, or a text that contains it, ignoring case.
    Phrase(String),
    Pattern(Regex),
    /// Any finding of the families.
    Any,
}

impl Exception {
    /// From `"phrase"` or `{"text"|"pattern", "families", "owner", "expires"}`.
    pub(crate) fn parse(json: &Json) -> Result<Self, String> {
        let Json::Object(members) = json else {
            return match json {
                Json::String(text) if !text.trim().is_empty() => Ok(Self {
                    matcher: Matcher::Phrase(text.to_lowercase()),
                    families: Vec::new(),
                    owner: None,
                    expires: None,
                }),
                _ => Err("an exception is a text or an object with `text` or `pattern`".to_owned()),
            };
        };
        for key in members.keys() {
            if !["text", "pattern", "families", "owner", "expires"].contains(&key.as_str()) {
                return Err(format!("unknown key `{key}` in an exception"));
            }
        }
        let string = |key: &str| match members.get(key) {
            None => Ok(None),
            Some(Json::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(format!("`{key}` must be a text")),
        };
        let families = match members.get("families") {
            None => Vec::new(),
            Some(Json::Array(items)) => items
                .iter()
                .map(|item| item.as_str().map(str::to_owned).ok_or("`families` must be a list of texts".to_owned()))
                .collect::<Result<_, _>>()?,
            Some(_) => return Err("`families` must be a list of texts".to_owned()),
        };
        let matcher = match (string("text")?, string("pattern")?) {
            (Some(text), None) if !text.trim().is_empty() => Matcher::Phrase(text.to_lowercase()),
            (None, Some(pattern)) => Matcher::Pattern(
                RegexBuilder::new(&pattern)
                    .size_limit(1 << 20)
                    .build()
                    .map_err(|error| format!("`pattern` cannot be used: {error}"))?,
            ),
            (None, None) if !families.is_empty() => Matcher::Any,
            _ => return Err("an exception needs one of `text` and `pattern`, or `families`".to_owned()),
        };
        let expires = match string("expires")? {
            None => None,
            Some(text) => Some(Timestamp::parse(&text).ok_or("`expires` must be a time such as 2027-01-01T00:00:00Z")?),
        };
        Ok(Self { matcher, families, owner: string("owner")?, expires })
    }

    /// Whether it covers `finding` in `text` at `now`. Without a time, an exception that ends does not apply.
    pub(crate) fn covers(&self, finding: &Finding, text: &str, now: Option<Timestamp>) -> bool {
        if let Some(expires) = self.expires
            && now.is_none_or(|now| now >= expires)
        {
            return false;
        }
        if !self.families.is_empty() && !self.families.iter().any(|family| finding.family.starts_with(family.as_str()))
        {
            return false;
        }
        let span = finding.span.and_then(|span| text.get(span.start..span.end)).unwrap_or(text);
        match &self.matcher {
            Matcher::Any => true,
            Matcher::Phrase(phrase) => {
                // The exception has to cover the whole of what was found, so that an allowed phrase carries nothing in.
                let found = span.trim().to_lowercase();
                !found.is_empty() && phrase.contains(&found)
            }
            Matcher::Pattern(pattern) => {
                pattern.find(span).is_some_and(|hit| hit.start() == 0 && hit.end() == span.len())
            }
        }
    }
}
