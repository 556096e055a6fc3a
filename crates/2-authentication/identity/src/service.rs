//! [`Identity`]: the keys, the records and the short memory, in one handle.

use std::{net::IpAddr, sync::Arc, time::Duration};

use domain::{ApiKeyId, Role, SessionId, TeamId, Timestamp, UserId};
use http::{HeaderMap, HeaderValue};

use crate::{
    ApiKeyRecord, Error, Keys, Member, Passwords, Records, TokenHash, access::Tokens, cache::Recent, csrf,
    session::SessionRecord,
};

/// What can be configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Who signs: our own address, such as `https://localhost:8443`.
    pub issuer: String,
    /// The origins whose pages may send changes with cookies: our own, and those of CORS. Spelt as browsers do.
    pub origins: Vec<String>,
    /// Life of an access token. Default 10 min.
    pub access_life: Duration,
    /// Life of a refresh token. Default 14 d.
    pub refresh_life: Duration,
    /// How long a used refresh token may come again. Default 10 s.
    pub refresh_grace: Duration,
    /// Life of a session, however often refreshed. Default 30 d (R039).
    pub session_life: Duration,
    /// Life of a set-up link. Default 24 h.
    pub setup_life: Duration,
    /// Life of a link that confirms an address. Default 24 h.
    pub verification_life: Duration,
    /// Life of a link that sets a new password. Default 1 h.
    pub reset_life: Duration,
    /// Life of an invitation. Default 7 d.
    pub invitation_life: Duration,
    /// How long the second step of a sign-in may take. Default 5 min.
    pub second_step_life: Duration,
}

impl Policy {
    /// The defaults for a server at `address`, such as `https://localhost:8443`.
    pub fn at(address: &str) -> Self {
        let day = Duration::from_secs(24 * 3600);
        Self {
            issuer: address.to_owned(),
            origins: vec![address.to_owned()],
            access_life: Duration::from_secs(600),
            refresh_life: day * 14,
            refresh_grace: Duration::from_secs(10),
            session_life: day * 30,
            setup_life: day,
            verification_life: day,
            reset_life: Duration::from_secs(3600),
            invitation_life: day * 7,
            second_step_life: Duration::from_secs(300),
        }
    }
}

/// Answers who is asking. Cheap to clone.
#[derive(Clone)]
pub struct Identity(Arc<Inner>);

struct Inner {
    records: Arc<dyn Records>,
    passwords: Passwords,
    tokens: Tokens,
    policy: Policy,
    origins: Vec<HeaderValue>,
    api_keys: Recent<TokenHash, Option<Arc<ApiKeyRecord>>>,
    sessions: Recent<SessionId, Option<SessionRecord>>,
    roles: Recent<(Member, TeamId), Option<Role>>,
    /// When a use was last written down, in whole minutes.
    uses: Recent<(ApiKeyId, i64), ()>,
    seen: Recent<(SessionId, i64), ()>,
    demands: Recent<TeamId, bool>,
    factors: Recent<UserId, bool>,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").field("policy", &self.0.policy).finish_non_exhaustive()
    }
}

/// How much is remembered of each kind.
const REMEMBERED: usize = 50_000;

impl Identity {
    /// Everything that is needed to answer.
    ///
    /// # Errors
    /// [`Error::Configuration`] for origins that no browser sends.
    pub fn new(records: Arc<dyn Records>, keys: Keys, passwords: Passwords, policy: Policy) -> Result<Self, Error> {
        const BAD: Error = Error::Configuration(
            "an allowed origin must be spelt as a browser sends it, such as https://app.example.com",
        );
        let origins = policy
            .origins
            .iter()
            .map(|origin| {
                let plain = origin.starts_with("https://") && !origin.ends_with('/') && !origin.contains('*');
                HeaderValue::from_str(origin).ok().filter(|_| plain).ok_or(BAD)
            })
            .collect::<Result<_, _>>()?;
        let tokens =
            Tokens { keys, issuer: policy.issuer.clone(), audience: "nodeloom".into(), life: policy.access_life };
        Ok(Self(Arc::new(Inner {
            records,
            passwords,
            tokens,
            policy,
            origins,
            api_keys: Recent::new(REMEMBERED),
            sessions: Recent::new(REMEMBERED),
            roles: Recent::new(REMEMBERED),
            uses: Recent::new(REMEMBERED),
            seen: Recent::new(REMEMBERED),
            demands: Recent::new(REMEMBERED),
            factors: Recent::new(REMEMBERED),
        })))
    }

    pub fn policy(&self) -> &Policy {
        &self.0.policy
    }
    /// For hashing outside of a sign-in (a new user, a reset).
    pub fn passwords(&self) -> &Passwords {
        &self.0.passwords
    }
    pub(crate) fn records(&self) -> &dyn Records {
        &*self.0.records
    }
    pub(crate) fn tokens(&self) -> &Tokens {
        &self.0.tokens
    }
    pub(crate) fn keys(&self) -> &Keys {
        &self.0.tokens.keys
    }
    pub(crate) fn origins(&self) -> &[HeaderValue] {
        &self.0.origins
    }

    /// For routes that act before there is a session (sign-in, set-up, refresh) and for WebSocket handshakes.
    ///
    /// # Errors
    /// [`Error::Csrf`] when a browser says that a page of another origin sent this.
    pub fn require_own_origin(&self, headers: &HeaderMap) -> Result<(), Error> {
        csrf::own_origin(self.origins(), headers).map_err(Error::from)
    }

    /// What storage says of a key, at most four seconds old.
    pub(crate) async fn api_key(&self, hash: &TokenHash, now: Timestamp) -> Result<Option<Arc<ApiKeyRecord>>, Error> {
        if let Some(known) = self.0.api_keys.get(hash, now) {
            return Ok(known);
        }
        let read = self.records().api_key(hash).await?.map(Arc::new);
        self.0.api_keys.put(*hash, read.clone(), now);
        Ok(read)
    }

    /// What storage says of a session, at most four seconds old.
    pub(crate) async fn session(&self, id: SessionId, now: Timestamp) -> Result<Option<SessionRecord>, Error> {
        if let Some(known) = self.0.sessions.get(&id, now) {
            return Ok(known);
        }
        let read = self.records().session(id).await?;
        self.0.sessions.put(id, read.clone(), now);
        Ok(read)
    }

    /// What storage says of a membership, at most four seconds old.
    pub(crate) async fn role(&self, member: Member, team: TeamId, now: Timestamp) -> Result<Option<Role>, Error> {
        if let Some(known) = self.0.roles.get(&(member, team), now) {
            return Ok(known);
        }
        let read = self.records().role(member, team).await?;
        self.0.roles.put((member, team), read, now);
        Ok(read)
    }

    /// Whether a team demands a second factor, at most four seconds old.
    pub(crate) async fn demands_second_factor(&self, team: TeamId, now: Timestamp) -> Result<bool, Error> {
        if let Some(known) = self.0.demands.get(&team, now) {
            return Ok(known);
        }
        let read = self.records().demands_second_factor(team).await?;
        self.0.demands.put(team, read, now);
        Ok(read)
    }

    /// Whether a person has a confirmed second factor, at most four seconds old.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn has_second_factor(&self, user: UserId, now: Timestamp) -> Result<bool, Error> {
        if let Some(known) = self.0.factors.get(&user, now) {
            return Ok(known);
        }
        let read = self.records().has_second_factor(user).await?;
        self.0.factors.put(user, read, now);
        Ok(read)
    }

    /// Writes down that a session was used, at most about once a minute and without making the request wait.
    pub(crate) fn note_session(&self, session: &SessionRecord, from: IpAddr, now: Timestamp) {
        let minute = |at: Timestamp| at.micros().div_euclid(60_000_000);
        let noted = session.last_seen_at.is_some_and(|at| minute(at) == minute(now));
        let slot = (session.id, minute(now));
        if noted || self.0.seen.get(&slot, now).is_some() {
            return;
        }
        self.0.seen.put(slot, (), now);
        let (records, id) = (self.0.records.clone(), session.id);
        tokio::spawn(async move {
            if let Err(error) = records.session_seen(id, from, now).await {
                tracing::debug!(%error, session = %id, "the use of a session was not written down");
            }
        });
    }

    /// Writes down that a key was used, at most about once a minute and without making the request wait.
    pub(crate) fn note_use(&self, key: &ApiKeyRecord, from: IpAddr, now: Timestamp) {
        let minute = |at: Timestamp| at.micros().div_euclid(60_000_000);
        let noted = key.last_used_at.is_some_and(|at| minute(at) == minute(now));
        let slot = (key.id, minute(now));
        if noted || self.0.uses.get(&slot, now).is_some() {
            return;
        }
        self.0.uses.put(slot, (), now);
        let (records, id) = (self.0.records.clone(), key.id);
        tokio::spawn(async move {
            if let Err(error) = records.api_key_used(id, from, now).await {
                tracing::debug!(%error, key = %id, "the use of an API key was not written down");
            }
        });
    }

    /// After a key was revoked or changed through this process: effective at once instead of within five seconds.
    pub fn forget_api_key(&self, hash: &TokenHash) {
        self.0.api_keys.forget(hash);
    }
    /// After keys were revoked whose hashes are not at hand.
    pub fn forget_api_keys(&self) {
        self.0.api_keys.forget_all();
    }
    /// After a session was ended.
    pub fn forget_session(&self, id: SessionId) {
        self.0.sessions.forget(&id);
    }
    /// After many sessions ended or were marked for renewal.
    pub fn forget_sessions(&self) {
        self.0.sessions.forget_all();
    }
    /// After a team's demands or a person's second factor changed.
    pub fn forget_second_factors(&self) {
        self.0.demands.forget_all();
        self.0.factors.forget_all();
    }
    /// After members or their roles were changed.
    pub fn forget_memberships(&self) {
        self.0.roles.forget_all();
    }
}
