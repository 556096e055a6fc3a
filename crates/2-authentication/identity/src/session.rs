//! Sessions: opened at sign-in, kept by rotating refresh tokens, ended by anybody's word (R033, R039).
//!
//! A refresh token is used once. Within ten seconds of that use it may come again (two tabs, a lost answer) and gets a
//! sibling; after them its return means that somebody else has a copy, and the session ends.

use std::{net::IpAddr, time::Duration};

use domain::{Secret, SessionId, Timestamp, UserId};
use http::{HeaderMap, HeaderValue};

use crate::{
    Caller, Error, Identity, TokenHash, cookies, csrf,
    error::NotIdentified,
    ports::{Rotation, User},
    token::{random, random_text},
};

/// A signed-in browser, as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRecord {
    pub id: SessionId,
    pub user: UserId,
    /// When the password (or the organisation) was last asked.
    pub authenticated_at: Timestamp,
    pub created_at: Timestamp,
    /// However often it is refreshed, it ends here.
    pub expires_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    pub client: IpAddr,
    pub user_agent: Option<String>,
    pub method: Method,
    pub last_seen_at: Option<Timestamp>,
    /// Its owner's rights changed: it is good for nothing but its renewal, which gives it another id.
    pub renew: bool,
}

/// How a session's owner proved who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    Password,
    SecondFactor,
    /// Their organisation says so, and answers for how it knows.
    Organisation,
}

/// A refresh token, as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshRecord {
    pub hash: TokenHash,
    pub session: SessionId,
    pub issued_at: Timestamp,
    pub expires_at: Timestamp,
    pub used_at: Option<Timestamp>,
}

/// What a browser gets. [`SignedIn::cookies`] is how.
#[derive(Debug, Clone)]
pub struct SignedIn {
    pub user: UserId,
    pub session: SessionId,
    pub access: Secret<String>,
    pub refresh: Secret<String>,
    pub csrf: String,
    access_life: Duration,
    refresh_life: Duration,
}

impl SignedIn {
    /// `Set-Cookie` values. The CSRF token is also for the answer's body.
    pub fn cookies(&self) -> Vec<HeaderValue> {
        [
            cookies::access(self.access.expose(), self.access_life),
            cookies::refresh(self.refresh.expose(), self.refresh_life),
            cookies::csrf(&self.csrf, self.refresh_life),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// From where a session is opened.
#[derive(Debug, Clone)]
pub struct Browser {
    pub client: IpAddr,
    pub user_agent: Option<String>,
}

impl Identity {
    /// Opens a session for a user who has just proven who he is.
    pub(crate) async fn open(
        &self,
        user: &User,
        method: Method,
        browser: Browser,
        now: Timestamp,
    ) -> Result<SignedIn, Error> {
        let policy = self.policy();
        let session = SessionRecord {
            id: SessionId::new(now, random()),
            user: user.id,
            authenticated_at: now,
            created_at: now,
            expires_at: now + policy.session_life,
            ended_at: None,
            client: browser.client,
            user_agent: browser.user_agent.map(|agent| agent.chars().filter(|c| !c.is_control()).take(256).collect()),
            method,
            last_seen_at: Some(now),
            renew: false,
        };
        let (refresh, first) = self.refresh_token(&session, now);
        self.records().open_session(&session, &first).await?;
        Ok(self.signed_in(&session, refresh, now))
    }

    /// Answers the refresh route: a new access token and a new refresh token for the one in the cookie.
    ///
    /// # Errors
    /// [`Error::NotIdentified`] (sign in again), [`Error::RefreshReused`] (record it, sign in again), [`Error::Csrf`].
    pub async fn refresh(&self, headers: &HeaderMap, now: Timestamp) -> Result<SignedIn, Error> {
        self.require_own_origin(headers)?;
        let token = cookies::read(headers, cookies::REFRESH)?.ok_or(NotIdentified::Missing)?;
        let hash = TokenHash::of(token);
        let known = self.records().refresh_token(&hash).await?.ok_or(NotIdentified::Unknown)?;
        let session = self.records().session(known.session).await?.ok_or(NotIdentified::Unknown)?;
        session.alive(now)?;
        if now >= known.expires_at {
            return Err(NotIdentified::Expired.into());
        }
        let (text, next) = self.refresh_token(&session, now);
        match self.records().rotate(&hash, &next).await? {
            Rotation::Rotated => {}
            Rotation::AlreadyUsed { at } if at <= now && now.since(at) <= self.policy().refresh_grace => {
                self.records().add_refresh_token(&next).await?;
            }
            Rotation::AlreadyUsed { .. } => {
                self.end_session(session.id, now).await?;
                return Err(Error::RefreshReused { session: session.id, user: session.user });
            }
            Rotation::Unknown => return Err(NotIdentified::Unknown.into()),
        }
        if session.renew {
            return self.replace(&session, now).await;
        }
        Ok(self.signed_in(&session, text, now))
    }

    /// Another id for a session whose owner's rights changed: a new session with the life, the method and the age of
    /// proof of the old one, which ends.
    async fn replace(&self, old: &SessionRecord, now: Timestamp) -> Result<SignedIn, Error> {
        let session = SessionRecord {
            id: SessionId::new(now, random()),
            created_at: now,
            last_seen_at: Some(now),
            renew: false,
            ..old.clone()
        };
        let (refresh, first) = self.refresh_token(&session, now);
        self.records().open_session(&session, &first).await?;
        self.end_session(old.id, now).await?;
        Ok(self.signed_in(&session, refresh, now))
    }

    /// Opens a session for a person whom their organisation vouches for. Whoever calls this has verified its word.
    ///
    /// # Errors
    /// [`Error::NotIdentified`] for an account that is not there or disabled.
    pub async fn sign_in_by_organisation(
        &self,
        user: UserId,
        browser: Browser,
        now: Timestamp,
    ) -> Result<SignedIn, Error> {
        let user = self.records().user(user).await?.filter(|user| user.disabled_at.is_none());
        self.open(&user.ok_or(NotIdentified::Unknown)?, Method::Organisation, browser, now).await
    }

    /// Ends the session that the browser still shows when somebody signs in there: the new one takes its place.
    pub(crate) async fn end_presented(&self, headers: &HeaderMap, now: Timestamp) -> Result<(), Error> {
        let Ok(Some(token)) = cookies::read(headers, cookies::ACCESS) else { return Ok(()) };
        let Ok(claims) = self.tokens().verify_at_any_time(token) else { return Ok(()) };
        self.end_session(claims.sid, now).await
    }

    /// The sessions of whoever asks, newest first.
    ///
    /// # Errors
    /// [`Error::NotIdentified`] for callers that are no person in a session.
    pub async fn sessions_of(&self, caller: &Caller, now: Timestamp) -> Result<Vec<SessionRecord>, Error> {
        let user = caller.session_user()?;
        let mut sessions = self.records().sessions_of(user).await?;
        sessions.retain(|session| now < session.expires_at);
        Ok(sessions)
    }

    /// Ends a session; here at once, elsewhere within five seconds.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn end_session(&self, id: SessionId, now: Timestamp) -> Result<(), Error> {
        self.records().end_session(id, now).await?;
        self.forget_session(id);
        Ok(())
    }

    /// Ends all sessions of `user` but `except` (after a change of password or of rights).
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn end_other_sessions(
        &self,
        user: UserId,
        except: Option<SessionId>,
        now: Timestamp,
    ) -> Result<u32, Error> {
        let mut ended = 0;
        for session in self.records().sessions_of(user).await? {
            if Some(session.id) != except {
                self.end_session(session.id, now).await?;
                ended += 1;
            }
        }
        Ok(ended)
    }

    /// A new session in place of the caller's, for whenever its rights have changed: an id that was planted or seen
    /// before is worth nothing after.
    ///
    /// # Errors
    /// [`Error::NotIdentified`] when the caller has no session.
    pub async fn renew(&self, caller: &Caller, browser: Browser, now: Timestamp) -> Result<SignedIn, Error> {
        let id = caller.session().ok_or(NotIdentified::Missing)?;
        let old = self.records().session(id).await?.ok_or(NotIdentified::Unknown)?;
        let user = self.records().user(old.user).await?.ok_or(NotIdentified::Unknown)?;
        self.end_session(id, now).await?;
        self.open(&user, old.method, browser, now).await
    }

    fn refresh_token(&self, session: &SessionRecord, now: Timestamp) -> (Secret<String>, RefreshRecord) {
        let text = random_text(43);
        let expires_at = (now + self.policy().refresh_life).min(session.expires_at);
        let record = RefreshRecord {
            hash: TokenHash::of(text.expose()),
            session: session.id,
            issued_at: now,
            expires_at,
            used_at: None,
        };
        (text, record)
    }

    fn signed_in(&self, session: &SessionRecord, refresh: Secret<String>, now: Timestamp) -> SignedIn {
        SignedIn {
            user: session.user,
            session: session.id,
            access: self.tokens().sign(session.user, session.id, now),
            refresh,
            csrf: csrf::make(self.keys(), session.id),
            access_life: self.policy().access_life,
            refresh_life: self.policy().refresh_life.min(session.expires_at.since(now)),
        }
    }
}

impl SessionRecord {
    /// Whether it can still be used.
    pub(crate) fn alive(&self, now: Timestamp) -> Result<(), NotIdentified> {
        if self.ended_at.is_some() {
            return Err(NotIdentified::Revoked);
        }
        if now >= self.expires_at {
            return Err(NotIdentified::Expired);
        }
        Ok(())
    }
    /// Whether it may act at `now`: alive, and under an id from after the last change of its owner's rights.
    pub(crate) fn may_act(&self, now: Timestamp) -> Result<(), NotIdentified> {
        self.alive(now)?;
        if self.renew { Err(NotIdentified::Expired) } else { Ok(()) }
    }
}
