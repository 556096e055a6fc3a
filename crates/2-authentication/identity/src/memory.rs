//! All records in memory, with the same rules as storage: for tests here and above.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError, atomic::AtomicUsize, atomic::Ordering},
};

use async_trait::async_trait;
use domain::{ApiKeyId, Role, SessionId, TeamId, Timestamp, UserId};

use crate::{
    ApiKeyRecord, Email, Member, PasswordHash, TokenHash, Unavailable,
    cooldown::{Cooldown, CooldownKey, CooldownPolicy},
    ports::{ApiKeys, Cooldowns, FirstAdmin, Memberships, Rotation, Sessions, SetupTokens, User, Users},
    session::{RefreshRecord, SessionRecord},
};

/// Records in memory.
#[derive(Debug, Default)]
pub struct Memory {
    state: Mutex<State>,
    /// How often it was asked, to see what a cache saves.
    pub asked: AtomicUsize,
}

/// The tables; tests may look and change.
#[derive(Debug, Default)]
pub struct State {
    pub users: HashMap<UserId, User>,
    pub members: HashMap<(Member, TeamId), Role>,
    pub api_keys: HashMap<TokenHash, ApiKeyRecord>,
    pub sessions: HashMap<SessionId, SessionRecord>,
    pub refresh: HashMap<TokenHash, RefreshRecord>,
    pub setup: Option<(TokenHash, Timestamp)>,
    pub cooldowns: HashMap<CooldownKey, Cooldown>,
}

type Answer<T> = Result<T, Unavailable>;

impl Memory {
    /// The tables, locked.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Users for Memory {
    async fn user_by_email(&self, email: &Email) -> Answer<Option<User>> {
        Ok(self.state().users.values().find(|user| user.email == *email).cloned())
    }
    async fn user(&self, id: UserId) -> Answer<Option<User>> {
        Ok(self.state().users.get(&id).cloned())
    }
    async fn set_password(&self, id: UserId, hash: &PasswordHash, _: Timestamp) -> Answer<()> {
        if let Some(user) = self.state().users.get_mut(&id) {
            user.password = Some(hash.clone());
        }
        Ok(())
    }
}

#[async_trait]
impl Memberships for Memory {
    async fn role(&self, member: Member, team: TeamId) -> Answer<Option<Role>> {
        Ok(self.state().members.get(&(member, team)).copied())
    }
    async fn teams(&self, member: Member) -> Answer<Vec<(TeamId, Role)>> {
        let state = self.state();
        let mut teams: Vec<_> =
            state.members.iter().filter(|((m, _), _)| *m == member).map(|((_, t), r)| (*t, *r)).collect();
        teams.sort_unstable();
        Ok(teams)
    }
}

#[async_trait]
impl ApiKeys for Memory {
    async fn api_key(&self, hash: &TokenHash) -> Answer<Option<ApiKeyRecord>> {
        Ok(self.state().api_keys.get(hash).cloned())
    }
    async fn api_key_used(&self, id: ApiKeyId, _: IpAddr, at: Timestamp) -> Answer<()> {
        if let Some(key) = self.state().api_keys.values_mut().find(|key| key.id == id) {
            key.last_used_at = Some(at);
        }
        Ok(())
    }
}

#[async_trait]
impl Sessions for Memory {
    async fn open_session(&self, session: &SessionRecord, first: &RefreshRecord) -> Answer<()> {
        let mut state = self.state();
        state.sessions.insert(session.id, session.clone());
        state.refresh.insert(first.hash, first.clone());
        Ok(())
    }
    async fn session(&self, id: SessionId) -> Answer<Option<SessionRecord>> {
        let state = self.state();
        let session = state.sessions.get(&id).cloned();
        Ok(session.filter(|s| state.users.get(&s.user).is_some_and(|user| user.disabled_at.is_none())))
    }
    async fn refresh_token(&self, hash: &TokenHash) -> Answer<Option<RefreshRecord>> {
        Ok(self.state().refresh.get(hash).cloned())
    }
    async fn rotate(&self, used: &TokenHash, next: &RefreshRecord) -> Answer<Rotation> {
        let mut state = self.state();
        let Some(old) = state.refresh.get_mut(used) else { return Ok(Rotation::Unknown) };
        if let Some(at) = old.used_at {
            return Ok(Rotation::AlreadyUsed { at });
        }
        old.used_at = Some(next.issued_at);
        state.refresh.insert(next.hash, next.clone());
        Ok(Rotation::Rotated)
    }
    async fn add_refresh_token(&self, next: &RefreshRecord) -> Answer<()> {
        self.state().refresh.insert(next.hash, next.clone());
        Ok(())
    }
    async fn end_session(&self, id: SessionId, at: Timestamp) -> Answer<()> {
        if let Some(session) = self.state().sessions.get_mut(&id) {
            session.ended_at.get_or_insert(at);
        }
        Ok(())
    }
    async fn sessions_of(&self, user: UserId) -> Answer<Vec<SessionRecord>> {
        let state = self.state();
        let mut list: Vec<_> =
            state.sessions.values().filter(|s| s.user == user && s.ended_at.is_none()).cloned().collect();
        list.sort_by_key(|session| std::cmp::Reverse(session.id));
        Ok(list)
    }
}

#[async_trait]
impl SetupTokens for Memory {
    async fn any_user(&self) -> Answer<bool> {
        Ok(!self.state().users.is_empty())
    }
    async fn put_setup_token(&self, hash: &TokenHash, expires_at: Timestamp) -> Answer<()> {
        self.state().setup = Some((*hash, expires_at));
        Ok(())
    }
    async fn set_up(&self, hash: &TokenHash, first: &FirstAdmin, at: Timestamp) -> Answer<bool> {
        let mut state = self.state();
        if !state.setup.is_some_and(|(known, end)| known == *hash && at < end) || !state.users.is_empty() {
            return Ok(false);
        }
        state.setup = None;
        state.members.insert((Member::User(first.user.id), first.team), Role::Admin);
        state.users.insert(first.user.id, first.user.clone());
        Ok(true)
    }
    async fn setup_token_valid(&self, hash: &TokenHash, at: Timestamp) -> Answer<bool> {
        let state = self.state();
        Ok(state.users.is_empty() && state.setup.is_some_and(|(known, end)| known == *hash && at < end))
    }
}

#[async_trait]
impl Cooldowns for Memory {
    async fn cooldown(&self, key: &CooldownKey) -> Answer<Option<Cooldown>> {
        Ok(self.state().cooldowns.get(key).copied())
    }
    async fn record_failure(&self, key: &CooldownKey, policy: CooldownPolicy, at: Timestamp) -> Answer<Cooldown> {
        let mut state = self.state();
        let next = Cooldown::after_failure(state.cooldowns.get(key).copied(), policy, at);
        state.cooldowns.insert(*key, next);
        Ok(next)
    }
    async fn clear_cooldown(&self, key: &CooldownKey) -> Answer<()> {
        self.state().cooldowns.remove(key);
        Ok(())
    }
}
