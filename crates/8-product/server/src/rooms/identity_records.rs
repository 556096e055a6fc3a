//! What identity asks of data, answered by the store.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use async_trait::async_trait;
use authz::{SystemPermit, act_as_system};
use domain::{ApiKeyId, Role, SessionId, TeamId, Timestamp, UserId};
use identity::{
    ApiKeyRecord, KeyOwner, Member, PasswordHash, TokenHash, Unavailable,
    cooldown::{Cooldown, CooldownKey, CooldownPolicy},
    ports::{ApiKeys, Cooldowns, FirstAdmin, Memberships, Rotation, Sessions, SetupTokens, User, Users},
    session::{Method, RefreshRecord, SessionRecord},
};
use store::{Effects, Store, people};
use vault::Vault;

/// The store as identity sees it; the vault opens second factors.
pub struct StoredIdentities {
    pub store: Store,
    pub vault: Vault,
}

pub(super) type Answer<T> = Result<T, Unavailable>;

pub(super) const fn system() -> SystemPermit {
    act_as_system("identity reads before it is known who asks")
}

pub(super) fn away(error: impl std::error::Error + Send + Sync + 'static) -> Unavailable {
    Unavailable(Box::new(error))
}

const fn member(member: Member) -> people::Member {
    match member {
        Member::User(id) => people::Member::User(id),
        Member::ServiceAccount(id) => people::Member::ServiceAccount(id),
    }
}

fn user(user: people::User) -> Answer<User> {
    Ok(User {
        id: user.id,
        email: user.email.parse().map_err(away)?,
        name: user.name,
        password: user.password_hash.map(PasswordHash::from_stored),
        email_verified_at: user.email_verified_at,
        disabled_at: user.disabled_at,
        created_at: user.created_at,
    })
}

pub(super) fn stored_user(user: &User) -> people::User {
    people::User {
        id: user.id,
        email: user.email.to_string(),
        name: user.name.clone(),
        password_hash: user.password.as_ref().map(|hash| hash.as_stored().to_owned()),
        email_verified_at: user.email_verified_at,
        disabled_at: user.disabled_at,
        created_at: user.created_at,
    }
}

#[async_trait]
impl Users for StoredIdentities {
    async fn user_by_email(&self, email: &identity::Email) -> Answer<Option<User>> {
        self.store.user_by_email(system(), &email.to_string()).await.map_err(away)?.map(user).transpose()
    }
    async fn user(&self, id: UserId) -> Answer<Option<User>> {
        self.store.user(system(), id).await.map_err(away)?.map(user).transpose()
    }
    async fn set_password(&self, id: UserId, hash: &PasswordHash, _at: Timestamp) -> Answer<()> {
        self.store.set_password(system(), id, hash.as_stored().to_owned(), Effects::none()).await.map_err(away)
    }
    async fn change_password(&self, id: UserId, hash: &PasswordHash, at: Timestamp) -> Answer<()> {
        let hash = hash.as_stored().to_owned();
        self.store.change_password(system(), id, hash, at, Effects::none()).await.map_err(away)
    }
}

#[async_trait]
impl Memberships for StoredIdentities {
    async fn role(&self, who: Member, team: TeamId) -> Answer<Option<Role>> {
        self.store.role_of(system(), member(who), team).await.map_err(away)
    }
    async fn teams(&self, who: Member) -> Answer<Vec<(TeamId, Role)>> {
        self.store.teams_of(system(), member(who)).await.map_err(away)
    }
    async fn demands_second_factor(&self, team: TeamId) -> Answer<bool> {
        Ok(self.store.team_demands(system(), team).await.map_err(away)?.second_factor)
    }
}

fn key(key: people::ApiKey) -> Answer<ApiKeyRecord> {
    let shown = key.shown;
    Ok(ApiKeyRecord {
        id: shown.id,
        hash: TokenHash::from_bytes(key.hash),
        prefix: shown.prefix,
        name: shown.name,
        team: shown.team,
        owner: match shown.owner {
            people::Member::User(id) => KeyOwner::User(id),
            people::Member::ServiceAccount(id) => KeyOwner::ServiceAccount(id),
        },
        permissions: shown.permissions,
        environments: shown.environments,
        addresses: shown.addresses.iter().map(|range| range.parse().map_err(away)).collect::<Answer<_>>()?,
        created_at: shown.created_at,
        expires_at: shown.expires_at,
        revoked_at: shown.revoked_at,
        last_used_at: shown.last_used_at,
    })
}

/// A key as storage keeps it.
pub fn stored_key(key: &ApiKeyRecord) -> people::ApiKey {
    people::ApiKey {
        hash: *key.hash.bytes(),
        shown: people::ApiKeyShown {
            id: key.id,
            prefix: key.prefix.clone(),
            name: key.name.clone(),
            team: key.team,
            owner: match key.owner {
                KeyOwner::User(id) => people::Member::User(id),
                KeyOwner::ServiceAccount(id) => people::Member::ServiceAccount(id),
            },
            permissions: key.permissions.clone(),
            environments: key.environments.clone(),
            addresses: key.addresses.iter().map(ToString::to_string).collect(),
            created_at: key.created_at,
            expires_at: key.expires_at,
            revoked_at: key.revoked_at,
            last_used_at: key.last_used_at,
            last_used_from: None,
        },
    }
}

#[async_trait]
impl ApiKeys for StoredIdentities {
    async fn api_key(&self, hash: &TokenHash) -> Answer<Option<ApiKeyRecord>> {
        self.store.api_key_by_hash(system(), *hash.bytes()).await.map_err(away)?.map(key).transpose()
    }
    async fn api_key_used(&self, id: ApiKeyId, from: IpAddr, at: Timestamp) -> Answer<()> {
        self.store.api_key_used(system(), id, from.to_string(), at).await.map_err(away)
    }
}

fn session(found: people::Session) -> Answer<SessionRecord> {
    Ok(SessionRecord {
        id: found.id,
        user: found.user,
        authenticated_at: found.authenticated_at,
        created_at: found.created_at,
        expires_at: found.expires_at,
        ended_at: found.ended_at,
        client: found.client.parse().map_err(away)?,
        user_agent: found.user_agent,
        method: match found.method {
            people::Method::Password => Method::Password,
            people::Method::SecondFactor => Method::SecondFactor,
            people::Method::Organisation => Method::Organisation,
        },
        last_seen_at: found.last_seen_at,
        renew: found.renew,
    })
}

fn refresh(token: people::RefreshToken) -> RefreshRecord {
    RefreshRecord {
        hash: TokenHash::from_bytes(token.hash),
        session: token.session,
        issued_at: token.issued_at,
        expires_at: token.expires_at,
        used_at: token.used_at,
    }
}

fn stored_refresh(token: &RefreshRecord) -> people::RefreshToken {
    people::RefreshToken {
        hash: *token.hash.bytes(),
        session: token.session,
        issued_at: token.issued_at,
        expires_at: token.expires_at,
        used_at: token.used_at,
    }
}

#[async_trait]
impl Sessions for StoredIdentities {
    async fn open_session(&self, new: &SessionRecord, first: &RefreshRecord) -> Answer<()> {
        let stored = people::Session {
            id: new.id,
            user: new.user,
            authenticated_at: new.authenticated_at,
            created_at: new.created_at,
            expires_at: new.expires_at,
            ended_at: new.ended_at,
            client: new.client.to_string(),
            user_agent: new.user_agent.clone(),
            method: match new.method {
                Method::Password => people::Method::Password,
                Method::SecondFactor => people::Method::SecondFactor,
                Method::Organisation => people::Method::Organisation,
            },
            last_seen_at: new.last_seen_at,
            renew: new.renew,
        };
        self.store.open_session(system(), stored, stored_refresh(first), Effects::none()).await.map_err(away)
    }
    async fn session(&self, id: SessionId) -> Answer<Option<SessionRecord>> {
        self.store.session(system(), id).await.map_err(away)?.map(session).transpose()
    }
    async fn refresh_token(&self, hash: &TokenHash) -> Answer<Option<RefreshRecord>> {
        Ok(self.store.refresh_token(system(), *hash.bytes()).await.map_err(away)?.map(refresh))
    }
    async fn rotate(&self, used: &TokenHash, next: &RefreshRecord) -> Answer<Rotation> {
        Ok(match self.store.rotate(system(), *used.bytes(), stored_refresh(next)).await.map_err(away)? {
            people::Rotation::Rotated => Rotation::Rotated,
            people::Rotation::AlreadyUsed { at } => Rotation::AlreadyUsed { at },
            people::Rotation::Unknown => Rotation::Unknown,
        })
    }
    async fn add_refresh_token(&self, next: &RefreshRecord) -> Answer<()> {
        self.store.add_refresh_token(system(), stored_refresh(next), Effects::none()).await.map_err(away)
    }
    async fn end_session(&self, id: SessionId, at: Timestamp) -> Answer<()> {
        self.store.end_session(system(), id, at, Effects::none()).await.map_err(away)
    }
    async fn session_seen(&self, id: SessionId, from: IpAddr, at: Timestamp) -> Answer<()> {
        self.store.session_seen(system(), id, from.to_string(), at).await.map_err(away)
    }
    async fn sessions_of(&self, user: UserId) -> Answer<Vec<SessionRecord>> {
        self.store.sessions_of(system(), user).await.map_err(away)?.into_iter().map(session).collect()
    }
}

#[async_trait]
impl SetupTokens for StoredIdentities {
    async fn any_user(&self) -> Answer<bool> {
        self.store.any_user(system()).await.map_err(away)
    }
    async fn put_setup_token(&self, hash: &TokenHash, expires_at: Timestamp) -> Answer<()> {
        self.store.put_setup_token(system(), *hash.bytes(), expires_at).await.map_err(away)
    }
    async fn set_up(&self, hash: &TokenHash, first: &FirstAdmin, at: Timestamp) -> Answer<bool> {
        let team = people::Team {
            id: first.team,
            slug: slug(&first.team_name),
            name: first.team_name.clone(),
            created_at: at,
        };
        let first = people::FirstAdmin { user: stored_user(&first.user), team };
        self.store.set_up(system(), *hash.bytes(), first, at, Effects::none()).await.map_err(away)
    }
    async fn setup_token_valid(&self, hash: &TokenHash, at: Timestamp) -> Answer<bool> {
        self.store.setup_token_valid(system(), *hash.bytes(), at).await.map_err(away)
    }
}

/// A team's name as it stands in addresses: `Security & Risk` is `security-risk`.
pub fn slug(name: &str) -> String {
    let words: Vec<String> = name
        .to_lowercase()
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect();
    let slug: String = words.join("-").chars().take(40).collect();
    if slug.is_empty() { "team".to_owned() } else { slug.trim_end_matches('-').to_owned() }
}

const fn cooldown(found: people::Cooldown) -> Cooldown {
    Cooldown { failures: found.failures, last_failure: found.last_failure, until: found.until }
}

#[async_trait]
impl Cooldowns for StoredIdentities {
    async fn cooldown(&self, key: &CooldownKey) -> Answer<Option<Cooldown>> {
        Ok(self.store.cooldown(system(), key.action.as_str(), key.subject).await.map_err(away)?.map(cooldown))
    }
    async fn record_failure(&self, key: &CooldownKey, policy: CooldownPolicy, at: Timestamp) -> Answer<Cooldown> {
        let next = move |before: Option<people::Cooldown>| {
            let Cooldown { failures, last_failure, until } = Cooldown::after_failure(before.map(cooldown), policy, at);
            people::Cooldown { failures, last_failure, until }
        };
        self.store.record_failure(system(), key.action.as_str(), key.subject, next).await.map(cooldown).map_err(away)
    }
    async fn clear_cooldown(&self, key: &CooldownKey) -> Answer<()> {
        self.store.clear_cooldown(system(), key.action.as_str(), key.subject).await.map_err(away)
    }
    async fn take_turn(&self, key: &CooldownKey, policy: CooldownPolicy, at: Timestamp) -> Answer<Option<Timestamp>> {
        // The closure may run more than once; the last time counts.
        let waits = Arc::new(AtomicI64::new(0));
        let told = waits.clone();
        let next = move |before: Option<people::Cooldown>| {
            let (next, wait) = Cooldown::take_turn(before.map(cooldown), policy, at);
            told.store(wait.map_or(0, Timestamp::micros), Ordering::SeqCst);
            people::Cooldown { failures: next.failures, last_failure: next.last_failure, until: next.until }
        };
        self.store.record_failure(system(), key.action.as_str(), key.subject, next).await.map_err(away)?;
        let wait = waits.load(Ordering::SeqCst);
        Ok((wait != 0).then(|| Timestamp::from_micros(wait)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slug_is_fit_for_an_address() {
        assert_eq!(slug("Security & Risk"), "security-risk");
        assert_eq!(slug("日本"), "team");
    }
}
