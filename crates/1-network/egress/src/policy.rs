//! What the operator allows: the few places inside the perimeter that may be called.

use std::{fmt, net::IpAddr, str::FromStr, time::Duration};

use ipnet::IpNet;

use crate::{Class, DomainPattern, Error, classify};

/// The operator's policy. The default refuses everything that is not the public Internet.
///
/// A caller that may reach more than another (our own model server, but not a customer's HTTP node) is given an
/// [`Egress`](crate::Egress) with a policy of its own.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Places inside the perimeter that may be called all the same.
    pub allow: Vec<AllowRule>,
    /// Certificates (PEM) of authorities to trust beside the public ones.
    pub extra_authorities_pem: Option<Vec<u8>>,
    /// From the first packet to the end of the TLS handshake.
    pub connect_timeout: Duration,
    pub max_redirects: u8,
    pub max_request_bytes: u64,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            allow: Vec::new(),
            extra_authorities_pem: None,
            connect_timeout: Duration::from_secs(5),
            max_redirects: 5,
            max_request_bytes: 32 << 20,
        }
    }
}

impl Policy {
    /// The default policy plus `rules`.
    ///
    /// # Errors
    /// The first text that is not a rule.
    pub fn allowing<'a>(rules: impl IntoIterator<Item = &'a str>) -> Result<Self, InvalidRule> {
        let allow = rules.into_iter().map(str::parse).collect::<Result<_, _>>()?;
        Ok(Self { allow, ..Self::default() })
    }

    /// Judges every address that `host` resolved to. One refused address refuses the name: an answer that mixes public
    /// and private addresses is how rebinding looks.
    pub(crate) fn judge(&self, host: &str, port: u16, addresses: &[IpAddr]) -> Result<(), Error> {
        for &address in addresses {
            let class = classify(address);
            if class != Class::Public && !self.allow.iter().any(|rule| rule.covers(host, port, address, class)) {
                return Err(Error::AddressRefused { host: host.to_owned(), class });
            }
        }
        Ok(())
    }
}

/// One place that the operator allows: `10.0.0.0/8`, `10.1.2.3:5432`, `[::1]:8080`, `db.internal`, `localhost:11434`.
///
/// Without a port it allows every port. A rule by name allows whatever the name resolves to, except a metadata
/// address: that must be allowed by address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowRule {
    place: Place,
    port: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Network(IpNet),
    Host(DomainPattern),
}

/// A text that is not a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{text}\" is not a place to allow; expected 10.0.0.0/8, 10.1.2.3:5432, [::1]:8080, db.internal or localhost:11434"
)]
pub struct InvalidRule {
    text: String,
}

impl FromStr for AllowRule {
    type Err = InvalidRule;
    fn from_str(text: &str) -> Result<Self, InvalidRule> {
        let invalid = || InvalidRule { text: text.to_owned() };
        let text = text.trim();
        if let Ok(network) = text.parse::<IpNet>() {
            return Ok(Self { place: Place::Network(network.trunc()), port: None });
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self { place: Place::Network(address.into()), port: None });
        }
        if let Ok(socket) = text.parse::<std::net::SocketAddr>() {
            return Ok(Self { place: Place::Network(socket.ip().into()), port: Some(socket.port()) });
        }
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) => (host, Some(port.parse().map_err(|_| invalid())?)),
            None => (text, None),
        };
        Ok(Self { place: Place::Host(host.parse().map_err(|_| invalid())?), port })
    }
}
impl fmt::Display for AllowRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.place, self.port) {
            (Place::Network(network), None) => network.fmt(f),
            (Place::Network(network), Some(port)) => std::net::SocketAddr::new(network.addr(), port).fmt(f),
            (Place::Host(host), None) => host.fmt(f),
            (Place::Host(host), Some(port)) => write!(f, "{host}:{port}"),
        }
    }
}

impl AllowRule {
    fn covers(&self, host: &str, port: u16, address: IpAddr, class: Class) -> bool {
        let here = self.port.is_none_or(|allowed| allowed == port);
        here && match &self.place {
            Place::Network(network) => network.contains(&address) || network.contains(&address.to_canonical()),
            Place::Host(pattern) => class != Class::Metadata && pattern.matches(host),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(rule: &str, host: &str, port: u16, address: &str) -> bool {
        Policy::allowing([rule]).unwrap().judge(host, port, &[address.parse().unwrap()]).is_ok()
    }

    #[test]
    fn a_rule_allows_its_place_and_no_other() {
        assert!(allowed("10.0.0.0/8", "a", 1, "10.9.9.9"));
        assert!(!allowed("10.0.0.0/8", "a", 1, "192.168.0.1"));
        assert!(allowed("127.0.0.1:11434", "localhost", 11434, "127.0.0.1"));
        assert!(allowed("127.0.0.1:11434", "x", 11434, "::ffff:127.0.0.1"));
        assert!(!allowed("127.0.0.1:11434", "evil.example", 5432, "127.0.0.1"));
        assert!(allowed("db.internal:5432", "db.internal", 5432, "10.0.0.7"));
        assert!(!allowed("db.internal:5432", "other.internal", 5432, "10.0.0.7"));
        assert!(!allowed("db.internal", "db.internal", 80, "169.254.169.254"));
        assert!(allowed("169.254.169.254", "db.internal", 80, "169.254.169.254"));
        assert!(allowed("[::1]:80", "[::1]", 80, "::1"));
    }

    #[test]
    fn a_mixed_answer_is_refused_whole() {
        let addresses = ["93.184.216.34".parse().unwrap(), "127.0.0.1".parse().unwrap()];
        assert!(matches!(
            Policy::default().judge("a", 80, &addresses),
            Err(Error::AddressRefused { class: Class::Loopback, .. })
        ));
    }

    #[test]
    fn what_is_not_a_rule_is_refused() {
        for text in ["", "http://a", "a:b", "10.0.0.0/99", "*"] {
            assert!(text.parse::<AllowRule>().is_err(), "{text}");
        }
    }
}
