//! API keys: `nlk_<32 random characters>_<6 of checksum>`. Shown once, stored as a hash, never more than their owner.

use std::{net::IpAddr, time::Duration};

use authz::{Narrowing, Permission};
use domain::{ApiKeyId, Environment, Principal, Secret, ServiceAccountId, TeamId, Timestamp, UserId};
use ipnet::IpNet;

use crate::{
    Member, TokenHash,
    error::NotIdentified,
    token::{checksum, random, random_text},
};

const START: &str = "nlk_";
const RANDOM: usize = 32;
const WHOLE: usize = START.len() + RANDOM + 1 + 6;
/// How much of a key is kept readable, so that people can tell their keys apart.
const SHOWN: usize = START.len() + 6;

/// Whom a key stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyOwner {
    User(UserId),
    ServiceAccount(ServiceAccountId),
}

/// A key as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKeyRecord {
    pub id: ApiKeyId,
    pub hash: TokenHash,
    /// `nlk_` and six characters, for people.
    pub prefix: String,
    pub name: String,
    /// A key belongs to one team.
    pub team: TeamId,
    pub owner: KeyOwner,
    /// Only these; `None` is all that the owner's role has.
    pub permissions: Option<Vec<Permission>>,
    /// Only here; `None` is everywhere.
    pub environments: Option<Vec<Environment>>,
    /// Only from here; empty is from anywhere.
    pub addresses: Vec<IpNet>,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
    pub last_used_at: Option<Timestamp>,
}

/// What a new key should be.
#[derive(Debug, Clone)]
pub struct NewApiKey {
    pub name: String,
    pub team: TeamId,
    pub owner: KeyOwner,
    pub permissions: Option<Vec<Permission>>,
    pub environments: Option<Vec<Environment>>,
    pub addresses: Vec<IpNet>,
    /// `None` never ends; the server's default is 90 days.
    pub life: Option<Duration>,
}

impl NewApiKey {
    /// Makes the key. The text is shown to its owner now and never again; the record is for storage.
    pub fn make(self, now: Timestamp) -> (Secret<String>, ApiKeyRecord) {
        let body = random_text(RANDOM);
        let text = format!("{START}{}_{}", body.expose(), checksum(body.expose()));
        let record = ApiKeyRecord {
            id: ApiKeyId::new(now, random()),
            hash: TokenHash::of(&text),
            prefix: text[..SHOWN].to_owned(),
            name: self.name,
            team: self.team,
            owner: self.owner,
            permissions: self.permissions,
            environments: self.environments,
            addresses: self.addresses,
            created_at: now,
            expires_at: self.life.map(|life| now + life),
            revoked_at: None,
            last_used_at: None,
        };
        (Secret::new(text), record)
    }
}

/// Whether `text` claims to be an API key.
pub fn looks_like_key(text: &str) -> bool {
    text.starts_with(START)
}

/// The hash to look up, if `text` has the form of a key: junk never reaches storage.
pub(crate) fn hash_of(text: &str) -> Result<TokenHash, NotIdentified> {
    let (body, sum) = text
        .strip_prefix(START)
        .filter(|_| text.len() == WHOLE && text.is_ascii())
        .and_then(|rest| rest.split_once('_'))
        .ok_or(NotIdentified::Malformed)?;
    let form = body.len() == RANDOM && body.bytes().all(|b| b.is_ascii_alphanumeric());
    if !form || checksum(body) != sum {
        return Err(NotIdentified::Malformed);
    }
    Ok(TokenHash::of(text))
}

impl ApiKeyRecord {
    /// Whether it can be used at `now`.
    pub(crate) fn usable(&self, now: Timestamp) -> Result<(), NotIdentified> {
        if self.revoked_at.is_some() {
            return Err(NotIdentified::Revoked);
        }
        if self.expires_at.is_some_and(|end| now >= end) {
            return Err(NotIdentified::Expired);
        }
        Ok(())
    }
    /// Whether it can be used from `client`.
    pub(crate) fn usable_from(&self, client: IpAddr) -> bool {
        let client = client.to_canonical();
        self.addresses.is_empty() || self.addresses.iter().any(|range| range.contains(&client))
    }
    pub(crate) const fn principal(&self) -> Principal {
        match self.owner {
            KeyOwner::User(owner) => Principal::ApiKey { id: self.id, owner },
            KeyOwner::ServiceAccount(id) => Principal::ServiceAccount { id, key: Some(self.id) },
        }
    }
    pub(crate) const fn member(&self) -> Member {
        match self.owner {
            KeyOwner::User(id) => Member::User(id),
            KeyOwner::ServiceAccount(id) => Member::ServiceAccount(id),
        }
    }
    pub(crate) fn narrowing(&self) -> Narrowing {
        Narrowing { permissions: self.permissions.clone(), environments: self.environments.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) fn new_key() -> NewApiKey {
        NewApiKey {
            name: "ci".into(),
            team: TeamId::new(Timestamp::from_micros(0), [1; 10]),
            owner: KeyOwner::User(UserId::new(Timestamp::from_micros(0), [2; 10])),
            permissions: None,
            environments: None,
            addresses: Vec::new(),
            life: None,
        }
    }

    #[test]
    fn a_key_is_found_by_its_hash_and_stored_in_no_other_form() {
        let (text, record) = new_key().make(Timestamp::from_micros(0));
        assert_eq!(hash_of(text.expose()), Ok(record.hash));
        assert!(text.expose().starts_with(&record.prefix) && record.prefix.len() == 10);
        assert!(!format!("{record:?}").contains(&text.expose()[10..]));
    }

    #[test]
    fn a_mistyped_key_is_refused_without_a_look_into_storage() {
        let (text, _) = new_key().make(Timestamp::from_micros(0));
        let text = text.expose();
        for at in START.len()..text.len() {
            let mut other = text.clone().into_bytes();
            other[at] = if other[at] == b'x' { b'y' } else { b'x' };
            assert!(hash_of(std::str::from_utf8(&other).unwrap()).is_err(), "position {at}");
        }
        for junk in ["", "nlk_", "nlk_é", &text[..text.len() - 1], &format!("{text}0")] {
            assert!(hash_of(junk).is_err(), "{junk}");
        }
    }
}
