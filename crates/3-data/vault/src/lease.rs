//! A credential opened for one use.

use domain::{CredentialId, Environment, Scope, Secret};

use crate::{CredentialValue, Error, Masker};

/// What a credential is wanted for.
#[derive(Debug, Clone, Default)]
pub struct Use<'a> {
    /// The host it will be sent to, without port; `None` only for what never leaves (a database driver gets its own).
    pub host: Option<&'a str>,
}

/// A credential's value, for one use: it is wiped when dropped. Only [`Vault::lease`](crate::Vault::lease) makes one.
pub struct Lease {
    id: CredentialId,
    name: String,
    scope: Scope,
    hosts: Vec<String>,
    version: u32,
    value: CredentialValue,
    /// Values that are hidden besides.
    also: Vec<Secret<String>>,
}

impl Lease {
    pub(crate) fn new(
        id: CredentialId,
        name: String,
        scope: Scope,
        hosts: Vec<String>,
        version: u32,
        value: CredentialValue,
    ) -> Self {
        Self { id, name, scope, hosts, version, value, also: Vec::new() }
    }
    pub const fn id(&self) -> CredentialId {
        self.id
    }
    /// What customers call it.
    pub fn name(&self) -> &str {
        &self.name
    }
    pub const fn environment(&self) -> Environment {
        self.scope.environment
    }
    /// Which of its values this is.
    pub const fn version(&self) -> u32 {
        self.version
    }
    pub const fn value(&self) -> &CredentialValue {
        &self.value
    }
    /// Asks again before it is sent somewhere else, such as after a redirect.
    ///
    /// # Errors
    /// [`Error::HostNotBound`].
    pub fn may_go_to(&self, host: &str) -> Result<(), Error> {
        if host_is_bound(&self.hosts, host) { Ok(()) } else { Err(Error::HostNotBound { host: host.to_owned() }) }
    }
    /// The same with what the value was exchanged for in its place; both are hidden.
    #[must_use]
    pub fn carrying(mut self, value: CredentialValue) -> Self {
        self.also.extend(self.value.secrets());
        self.value = value;
        self
    }
    /// Every text that must never be seen again.
    pub fn secrets(&self) -> Vec<Secret<String>> {
        let mut all = self.value.secrets();
        all.extend(self.also.iter().cloned());
        all
    }
    /// Hides this credential's values in whatever comes back.
    pub fn masker(&self) -> Masker {
        Masker::new(&self.secrets())
    }
}
impl std::fmt::Debug for Lease {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Lease({})", self.id)
    }
}

/// `api.example.com` is that host alone, `*.example.com` every host below it, `*` any; nothing listed is nothing
/// allowed.
pub(crate) fn host_is_bound(hosts: &[String], host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    !host.is_empty()
        && hosts.iter().any(|bound| {
            let bound = bound.to_ascii_lowercase();
            bound == "*"
                || bound == host
                || bound.strip_prefix("*.").is_some_and(|parent| {
                    host.strip_suffix(parent).is_some_and(|below| below.len() > 1 && below.ends_with('.'))
                })
        })
}

/// Whether a host may be listed: a name or an address without scheme, port or path.
pub(crate) fn is_host_pattern(text: &str) -> bool {
    let name = text.strip_prefix("*.").unwrap_or(text);
    text == "*"
        || (!name.is_empty()
            && text.len() <= 253
            && !name.starts_with('.')
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b':')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_bound_exactly_or_below_a_star() {
        let bound =
            |hosts: &[&str], host| host_is_bound(&hosts.iter().map(|h| (*h).to_owned()).collect::<Vec<_>>(), host);
        assert!(bound(&["api.example.com"], "API.example.com."));
        assert!(bound(&["*.example.com"], "a.b.example.com"));
        assert!(bound(&["*"], "anything"));
        for (hosts, host) in [
            (&["*.example.com"][..], "example.com"),
            (&["*.example.com"], "evilexample.com"),
            (&["*.example.com"], ".example.com"),
            (&["api.example.com"], "api.example.com.evil.net"),
            (&[], "api.example.com"),
            (&["*"], ""),
        ] {
            assert!(!bound(hosts, host), "{hosts:?} {host}");
        }
    }
}
