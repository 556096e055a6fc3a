//! All records in memory, with the same rules as storage: for tests here and above.

use std::{
    collections::{HashMap, HashSet},
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError, atomic::AtomicUsize, atomic::Ordering},
};

use async_trait::async_trait;
use domain::{ApiKeyId, Role, Secret, SessionId, TeamId, Timestamp, UserId};

use crate::{
    ApiKeyRecord, Email, Member, PasswordHash, TokenHash, Unavailable,
    cooldown::{Cooldown, CooldownKey, CooldownPolicy},
    ports::{
        AcceptedInvitation, Accepting, ApiKeys, Cooldowns, EmailConfirmed, FirstAdmin, Invitation, Invitations,
        MailPurpose, MailToken, MailTokens, Memberships, Rotation, SecondFactorRecord, SecondFactors, Sessions,
        SetupTokens, User, Users,
    },
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
    pub demanding: HashSet<TeamId>,
    pub mail_tokens: HashMap<TokenHash, (MailPurpose, MailToken)>,
    pub invitations: HashMap<TokenHash, Invitation>,
    pub factors: HashMap<UserId, (SecondFactorRecord, i64)>,
    pub recovery: HashSet<(UserId, TokenHash)>,
    /// Whose, until when, and how often it was tried.
    pub pending: HashMap<TokenHash, (UserId, Timestamp, u32)>,
}

impl State {
    fn end_all(&mut self, user: UserId, at: Timestamp) {
        self.sessions.values_mut().filter(|s| s.user == user).for_each(|s| _ = s.ended_at.get_or_insert(at));
        self.mail_tokens.retain(|_, (_, token)| token.user != user);
        self.pending.retain(|_, (whose, _, _)| *whose != user);
    }
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
    async fn change_password(&self, id: UserId, hash: &PasswordHash, at: Timestamp) -> Answer<()> {
        self.set_password(id, hash, at).await?;
        self.state().end_all(id, at);
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
    async fn demands_second_factor(&self, team: TeamId) -> Answer<bool> {
        Ok(self.state().demanding.contains(&team))
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
    async fn session_seen(&self, id: SessionId, from: IpAddr, at: Timestamp) -> Answer<()> {
        if let Some(session) = self.state().sessions.get_mut(&id) {
            (session.client, session.last_seen_at) = (from, Some(at));
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
    async fn take_turn(&self, key: &CooldownKey, policy: CooldownPolicy, at: Timestamp) -> Answer<Option<Timestamp>> {
        let mut state = self.state();
        let (next, wait) = Cooldown::take_turn(state.cooldowns.get(key).copied(), policy, at);
        state.cooldowns.insert(*key, next);
        Ok(wait)
    }
}

#[async_trait]
impl MailTokens for Memory {
    async fn put_mail_token(&self, purpose: MailPurpose, token: &MailToken) -> Answer<()> {
        self.state().mail_tokens.insert(token.hash, (purpose, token.clone()));
        Ok(())
    }
    async fn mail_token(&self, purpose: MailPurpose, hash: &TokenHash, at: Timestamp) -> Answer<Option<MailToken>> {
        let state = self.state();
        let found = state.mail_tokens.get(hash).filter(|(kind, token)| *kind == purpose && at < token.expires_at);
        Ok(found.map(|(_, token)| token.clone()))
    }
    async fn confirm_email(&self, hash: &TokenHash, at: Timestamp) -> Answer<EmailConfirmed> {
        let Some(token) = self.mail_token(MailPurpose::Verify, hash, at).await? else { return Ok(EmailConfirmed::No) };
        let mut state = self.state();
        if state.users.values().any(|user| user.email == token.email && user.id != token.user) {
            return Ok(EmailConfirmed::Taken);
        }
        state.mail_tokens.remove(hash);
        if let Some(user) = state.users.get_mut(&token.user) {
            (user.email, user.email_verified_at) = (token.email, Some(at));
        }
        Ok(EmailConfirmed::Done(token.user))
    }
    async fn reset_password(&self, hash: &TokenHash, new: &PasswordHash, at: Timestamp) -> Answer<Option<UserId>> {
        let Some(token) = self.mail_token(MailPurpose::Reset, hash, at).await? else { return Ok(None) };
        self.change_password(token.user, new, at).await?;
        Ok(Some(token.user))
    }
}

#[async_trait]
impl Invitations for Memory {
    async fn invitation(&self, hash: &TokenHash, at: Timestamp) -> Answer<Option<Invitation>> {
        Ok(self.state().invitations.get(hash).filter(|found| at < found.expires_at).cloned())
    }
    async fn accept_invitation(
        &self,
        hash: &TokenHash,
        who: &Accepting,
        at: Timestamp,
    ) -> Answer<Option<AcceptedInvitation>> {
        let Some(found) = self.invitation(hash, at).await? else { return Ok(None) };
        let mut state = self.state();
        state.invitations.remove(hash);
        let user = match who {
            Accepting::New(user) => {
                state.users.insert(user.id, user.clone());
                user.id
            }
            Accepting::Known(id) => *id,
        };
        state.members.entry((Member::User(user), found.team)).or_insert(found.role);
        Ok(Some(AcceptedInvitation { user, team: found.team, role: found.role }))
    }
}

#[async_trait]
impl SecondFactors for Memory {
    async fn second_factor(&self, user: UserId) -> Answer<Option<SecondFactorRecord>> {
        Ok(self.state().factors.get(&user).map(|(factor, _)| factor.clone()))
    }
    async fn has_second_factor(&self, user: UserId) -> Answer<bool> {
        Ok(self.state().factors.get(&user).is_some_and(|(factor, _)| factor.confirmed_at.is_some()))
    }
    async fn begin_second_factor(&self, user: UserId, secret: &Secret<Vec<u8>>, _: Timestamp) -> Answer<bool> {
        if self.has_second_factor(user).await? {
            return Ok(false);
        }
        let factor = SecondFactorRecord { secret: secret.clone(), confirmed_at: None };
        self.state().factors.insert(user, (factor, 0));
        Ok(true)
    }
    async fn confirm_second_factor(&self, user: UserId, step: i64, codes: &[TokenHash], at: Timestamp) -> Answer<bool> {
        match self.state().factors.get_mut(&user) {
            Some((factor, last)) if factor.confirmed_at.is_none() && *last < step => {
                (factor.confirmed_at, *last) = (Some(at), step);
            }
            _ => return Ok(false),
        }
        self.replace_recovery_codes(user, codes).await?;
        Ok(true)
    }
    async fn take_step(&self, user: UserId, step: i64) -> Answer<bool> {
        let mut state = self.state();
        let Some((_, last)) = state.factors.get_mut(&user).filter(|(_, last)| *last < step) else { return Ok(false) };
        *last = step;
        Ok(true)
    }
    async fn replace_recovery_codes(&self, user: UserId, codes: &[TokenHash]) -> Answer<()> {
        let mut state = self.state();
        state.recovery.retain(|(whose, _)| *whose != user);
        state.recovery.extend(codes.iter().map(|code| (user, *code)));
        Ok(())
    }
    async fn use_recovery_code(&self, user: UserId, hash: &TokenHash, _: Timestamp) -> Answer<bool> {
        Ok(self.state().recovery.remove(&(user, *hash)))
    }
    async fn recovery_codes_left(&self, user: UserId) -> Answer<u32> {
        let left = self.state().recovery.iter().filter(|(whose, _)| *whose == user).count();
        Ok(u32::try_from(left).unwrap_or(u32::MAX))
    }
    async fn remove_second_factor(&self, user: UserId) -> Answer<()> {
        let mut state = self.state();
        state.factors.remove(&user);
        state.recovery.retain(|(whose, _)| *whose != user);
        Ok(())
    }
    async fn open_pending(&self, hash: &TokenHash, user: UserId, _: Timestamp, expires_at: Timestamp) -> Answer<()> {
        self.state().pending.insert(*hash, (user, expires_at, 0));
        Ok(())
    }
    async fn try_pending(&self, hash: &TokenHash, at: Timestamp) -> Answer<Option<UserId>> {
        let mut state = self.state();
        let found = state.pending.get_mut(hash).filter(|(_, until, tried)| at < *until && *tried < 5);
        Ok(found.map(|(user, _, tried)| {
            *tried += 1;
            *user
        }))
    }
    async fn use_pending(&self, hash: &TokenHash, _: Timestamp) -> Answer<bool> {
        Ok(self.state().pending.remove(hash).is_some())
    }
}
