//! An e-mail address as we compare it.

use std::{fmt, str::FromStr};

use crate::Error;

/// Trimmed and in lower case; one account per address.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Email(String);

impl Email {
    /// The comparable form.
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// What stands before the `@`.
    pub fn local_part(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(local, _)| local)
    }
}

impl FromStr for Email {
    type Err = Error;
    /// Plausible, not proven: one `@`, something on both sides, at most 254 bytes, no white space or control characters.
    fn from_str(text: &str) -> Result<Self, Error> {
        let text = text.trim().to_lowercase();
        let (local, host) = text.split_once('@').ok_or(Error::Email)?;
        let odd = |c: char| c.is_whitespace() || c.is_control() || "<>()[],;:\\\"".contains(c);
        let host_ok = !host.is_empty() && !host.contains('@') && !host.starts_with('.') && !host.ends_with('.');
        if text.len() > 254 || local.is_empty() || local.len() > 64 || !host_ok || text.chars().any(odd) {
            return Err(Error::Email);
        }
        Ok(Self(text))
    }
}
impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_blanks_do_not_make_another_account() {
        assert_eq!(" Ada@Example.COM ".parse::<Email>().unwrap().as_str(), "ada@example.com");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in ["", "a", "@b", "a@", "a@b@c", "a b@c", "a@b\n.c", "<a@b>", &format!("{}@b.c", "a".repeat(65))] {
            assert!(text.parse::<Email>().is_err(), "{text:?}");
        }
    }
}
