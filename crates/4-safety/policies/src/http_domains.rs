//! HTTP domain control (R197, R198). Hosts are compared as the URL standard reads them: lower case, IDN as punycode,
//! `0x7f.1` as 127.0.0.1, userinfo and port apart, no dot at the end.

use std::net::IpAddr;

use domain::Severity;
use serde_json::json;
use url::{Host, Url};

use crate::{Policies, Policy, Violation};

/// One entry of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DomainPattern {
    /// Exactly this host.
    Exact(String),
    /// Any host below this one, not the one itself.
    Below(String),
    Address(IpAddr),
    /// `*`.
    Any,
}

/// Which hosts a workflow may talk to. Blocked wins over allowed.
#[derive(Debug, Clone, Default)]
pub struct HttpDomains {
    pub allow: Option<Vec<DomainPattern>>,
    pub block: Vec<DomainPattern>,
}

impl DomainPattern {
    /// From `example.com`, `*.example.com`, `192.0.2.1`, `[2001:db8::1]` or `*`.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text == "*" {
            return Some(Self::Any);
        }
        if let Some(parent) = text.strip_prefix("*.") {
            return match host(parent)? {
                Host::Domain(name) => Some(Self::Below(name)),
                _ => None,
            };
        }
        Some(match host(text)? {
            Host::Domain(name) => Self::Exact(name),
            Host::Ipv4(address) => Self::Address(address.into()),
            Host::Ipv6(address) => Self::Address(address.into()),
        })
    }

    fn covers(&self, host: &Host<String>) -> bool {
        match (self, host) {
            (Self::Any, _) => true,
            (Self::Exact(name), Host::Domain(host)) => name == host,
            (Self::Below(parent), Host::Domain(host)) => {
                host.strip_suffix(parent.as_str()).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
            }
            (Self::Address(address), Host::Ipv4(host)) => plain(*address) == IpAddr::from(*host),
            (Self::Address(address), Host::Ipv6(host)) => plain(*address) == plain(IpAddr::from(*host)),
            _ => false,
        }
    }
}

/// `::ffff:192.0.2.1` is 192.0.2.1.
fn plain(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

fn host(text: &str) -> Option<Host<String>> {
    let bare = text.strip_suffix('.').unwrap_or(text);
    let host = match bare.parse::<std::net::Ipv6Addr>() {
        Ok(address) => Host::Ipv6(address),
        Err(_) => Host::parse(bare).ok()?,
    };
    match host {
        // A pattern holds no blank, slash, port or userinfo; the parser refuses those.
        Host::Domain(name) if name.is_empty() || name.contains('*') => None,
        host => Some(host),
    }
}

impl Policies {
    /// The lists themselves, for whoever holds connections to them as well.
    pub fn http_domains(&self) -> &HttpDomains {
        &self.http
    }

    /// Whether a request may go to `url`. Call it for every redirect too.
    pub fn http(&self, url: &str) -> Result<(), Violation> {
        if self.http.allow.is_none() && self.http.block.is_empty() {
            return Ok(());
        }
        let refuse = |code, message: String, host: &str| {
            let detail = json!({ "host": host });
            Err(Violation::new(Policy::HttpDomain, Severity::High, code, message, detail))
        };
        // What the standard would repair (blanks, tabs, backslashes) is read differently by different clients.
        if url.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\') {
            return refuse("url_ambiguous", "the URL holds characters that clients read differently".to_owned(), "");
        }
        let Some(parsed) = Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https" | "ws" | "wss"))
        else {
            return refuse("url_unreadable", "the URL cannot be read, so it is refused".to_owned(), "");
        };
        let Some(host) = parsed.host_str().and_then(host_of) else {
            return refuse("url_unreadable", "the URL names no host".to_owned(), "");
        };
        let shown = host.to_string();
        let host = match host {
            Host::Ipv6(address) => match address.to_canonical() {
                IpAddr::V4(v4) => Host::Ipv4(v4),
                IpAddr::V6(v6) => Host::Ipv6(v6),
            },
            other => other,
        };
        if self.http.block.iter().any(|pattern| pattern.covers(&host)) {
            return refuse("domain_blocked", format!("the workflow's policy blocks requests to {shown}"), &shown);
        }
        if self.http.allow.as_ref().is_some_and(|allow| !allow.iter().any(|pattern| pattern.covers(&host))) {
            return refuse(
                "domain_not_allowed",
                format!("the workflow's policy does not allow requests to {shown}"),
                &shown,
            );
        }
        Ok(())
    }
}

fn host_of(text: &str) -> Option<Host<String>> {
    let inner = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    host(inner)
}
