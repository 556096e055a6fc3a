//! Which domains one call may reach: the workflow's allow-list and block-list (R197, R198), given as data per call.

use std::{fmt, str::FromStr};

/// `example.com` means that host alone; `*.example.com` means every host below it (and not itself).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DomainPattern {
    name: String,
    below: bool,
}

/// A text that is not a domain pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a host such as api.example.com, an address, or *.example.com")]
pub struct InvalidDomain;

impl FromStr for DomainPattern {
    type Err = InvalidDomain;
    fn from_str(text: &str) -> Result<Self, InvalidDomain> {
        let (rest, below) = match text.trim().strip_prefix("*.") {
            Some(rest) => (rest, true),
            None => (text.trim(), false),
        };
        let bare = rest.trim_start_matches('[').trim_end_matches(']');
        if let (Ok(address), false) = (bare.parse::<std::net::IpAddr>(), below) {
            return Ok(Self { name: address.to_string(), below });
        }
        if rest.is_empty() || rest.contains(['*', '/', ':', '@', ' ', '?', '#']) {
            return Err(InvalidDomain);
        }
        // The URL parser lower-cases and turns other scripts into the form that is sent (punycode).
        let url = url::Url::parse(&format!("http://{rest}/")).map_err(|_| InvalidDomain)?;
        let name = url.host_str().ok_or(InvalidDomain)?.trim_end_matches('.').to_owned();
        if name.is_empty() { Err(InvalidDomain) } else { Ok(Self { name, below }) }
    }
}
impl fmt::Display for DomainPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.below { "*." } else { "" }, self.name)
    }
}

impl DomainPattern {
    /// Whether `host`, as the URL parser spells it, is meant.
    pub fn matches(&self, host: &str) -> bool {
        let host = host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.');
        match self.below {
            false => host.eq_ignore_ascii_case(&self.name),
            true => {
                host.len() > self.name.len() + 1
                    && host.is_char_boundary(host.len() - self.name.len())
                    && host[host.len() - self.name.len()..].eq_ignore_ascii_case(&self.name)
                    && host.as_bytes()[host.len() - self.name.len() - 1] == b'.'
            }
        }
    }
}

/// The domains of one call. The default allows every domain that the operator's policy does not refuse.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Domains {
    /// When given, only these; an empty list allows nothing.
    pub allow: Option<Vec<DomainPattern>>,
    /// Never these, whatever `allow` says.
    pub block: Vec<DomainPattern>,
}

impl Domains {
    /// Every domain.
    pub const fn any() -> Self {
        Self { allow: None, block: Vec::new() }
    }
    /// Only the one domain.
    pub fn only(pattern: DomainPattern) -> Self {
        Self { allow: Some(vec![pattern]), block: Vec::new() }
    }

    /// Refuses `host` when it is blocked or not among the allowed.
    ///
    /// # Errors
    /// [`DomainBlocked`](crate::Error::DomainBlocked), [`DomainNotAllowed`](crate::Error::DomainNotAllowed).
    pub fn check(&self, host: &str) -> Result<(), crate::Error> {
        if self.block.iter().any(|pattern| pattern.matches(host)) {
            return Err(crate::Error::DomainBlocked { host: host.to_owned() });
        }
        match &self.allow {
            Some(allow) if !allow.iter().any(|pattern| pattern.matches(host)) => {
                Err(crate::Error::DomainNotAllowed { host: host.to_owned() })
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, host: &str) -> bool {
        pattern.parse::<DomainPattern>().unwrap().matches(host)
    }

    /// R197: a name that only looks like an allowed one is another name.
    #[test]
    fn only_the_host_itself_or_what_stands_below_it_matches() {
        assert!(matches("api.example.com", "api.example.com"));
        assert!(matches("api.example.com", "API.example.com."));
        assert!(!matches("api.example.com", "evil-api.example.com"));
        assert!(!matches("example.com", "api.example.com"));
        assert!(matches("*.example.com", "api.example.com"));
        assert!(matches("*.example.com", "a.b.example.com"));
        assert!(!matches("*.example.com", "example.com"));
        assert!(!matches("*.example.com", "evilexample.com"));
        assert!(!matches("*.example.com", "example.com.evil.org"));
        assert!(matches("münchen.example", "xn--mnchen-3ya.example"));
        assert!(matches("::1", "[::1]"));
    }

    #[test]
    fn what_is_not_a_domain_is_refused() {
        for text in ["", "*", "*.", "http://a", "a/b", "a b", "a:80", "*.*.a", "u@a"] {
            assert_eq!(text.parse::<DomainPattern>(), Err(InvalidDomain), "{text}");
        }
    }

    /// R198: the block-list wins over the allow-list.
    #[test]
    fn blocked_wins() {
        let domains = Domains {
            allow: Some(vec!["*.example.com".parse().unwrap()]),
            block: vec!["bad.example.com".parse().unwrap()],
        };
        assert!(domains.check("good.example.com").is_ok());
        assert!(matches!(domains.check("bad.example.com"), Err(crate::Error::DomainBlocked { .. })));
        assert!(matches!(domains.check("example.org"), Err(crate::Error::DomainNotAllowed { .. })));
    }
}
