//! Signed-in browsers and their refresh tokens.

use authz::SystemPermit;
use domain::{SessionId, Timestamp, UserId};

use crate::{
    Effects, Error, Result, Store,
    kernel::{row::Row, sql::binds, tx::Tx},
};

/// A signed-in browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    pub id: SessionId,
    pub user: UserId,
    /// When the password (or the organisation) was last asked.
    pub authenticated_at: Timestamp,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    /// The client's address.
    pub client: String,
    pub user_agent: Option<String>,
    pub method: Method,
    pub last_seen_at: Option<Timestamp>,
    /// Its owner's rights changed: the next renewal gives it another id.
    pub renew: bool,
}

/// How a session's owner proved who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    Password,
    SecondFactor,
    Organisation,
}

impl Method {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::SecondFactor => "second_factor",
            Self::Organisation => "organisation",
        }
    }
    fn read(row: &Row) -> Result<Self> {
        match row.get::<String>("method")?.as_str() {
            "password" => Ok(Self::Password),
            "second_factor" => Ok(Self::SecondFactor),
            "organisation" => Ok(Self::Organisation),
            _ => Err(Error::corrupt("method", "it names no method")),
        }
    }
}

/// A refresh token's hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshToken {
    pub hash: [u8; 32],
    pub session: SessionId,
    pub issued_at: Timestamp,
    pub expires_at: Timestamp,
    pub used_at: Option<Timestamp>,
}

/// What became of a refresh token that was presented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    Rotated,
    AlreadyUsed { at: Timestamp },
    Unknown,
}

const SESSION: &str = "SELECT s.id, user_id, authenticated_at, s.created_at, expires_at, ended_at, client, \
     user_agent, method, last_seen_at, renew FROM sessions AS s JOIN users AS u ON u.id = s.user_id WHERE s.id = $1 AND u.disabled_at IS NULL";
const OF_USER: &str = "SELECT id, user_id, authenticated_at, created_at, expires_at, ended_at, client, user_agent, \
     method, last_seen_at, renew FROM sessions WHERE user_id = $1 AND ended_at IS NULL ORDER BY created_at DESC, id DESC";

impl Store {
    /// Opens a session with its first refresh token: both or neither.
    pub async fn open_session(
        &self,
        _system: SystemPermit,
        session: Session,
        first: RefreshToken,
        effects: Effects,
    ) -> Result<()> {
        self.write(effects, (session, first), |(s, first), tx| {
            Box::pin(async move {
                tx.run(
                    "INSERT INTO sessions (id, user_id, authenticated_at, created_at, expires_at, ended_at, client, \
                     user_agent, method, last_seen_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $4)",
                    binds![
                        s.id,
                        s.user,
                        s.authenticated_at,
                        s.created_at,
                        s.expires_at,
                        s.ended_at,
                        &s.client,
                        s.user_agent.as_deref(),
                        s.method.as_str()
                    ],
                )
                .await?;
                insert_token(tx, first).await
            })
        })
        .await
    }

    /// A session, ended or expired ones as they are; nothing when its user is disabled.
    pub async fn session(&self, _system: SystemPermit, id: SessionId) -> Result<Option<Session>> {
        self.db().optional(SESSION, binds![id]).await?.as_ref().map(session).transpose()
    }

    /// A refresh token by its hash.
    pub async fn refresh_token(&self, _system: SystemPermit, hash: [u8; 32]) -> Result<Option<RefreshToken>> {
        let sql = "SELECT hash, session, issued_at, expires_at, used_at FROM refresh_tokens WHERE hash = $1";
        self.db().optional(sql, binds![hash]).await?.as_ref().map(token).transpose()
    }

    /// Uses `used` at `next.issued_at` and adds `next`; when it was used before, says when and does nothing. Of two at
    /// the same moment exactly one gets [`Rotation::Rotated`].
    pub async fn rotate(&self, _system: SystemPermit, used: [u8; 32], next: RefreshToken) -> Result<Rotation> {
        self.write(Effects::none(), (used, next), |(used, next), tx| {
            Box::pin(async move {
                let sql = "UPDATE refresh_tokens SET used_at = $2 WHERE hash = $1 AND used_at IS NULL";
                if tx.run(sql, binds![used, next.issued_at]).await? == 1 {
                    insert_token(tx, next).await?;
                    return Ok(Rotation::Rotated);
                }
                let sql = "SELECT used_at FROM refresh_tokens WHERE hash = $1";
                let found = tx.optional(sql, binds![used]).await?;
                found.map_or(Ok(Rotation::Unknown), |row| Ok(Rotation::AlreadyUsed { at: row.get("used_at")? }))
            })
        })
        .await
    }

    /// Adds a refresh token to a session.
    pub async fn add_refresh_token(&self, _system: SystemPermit, next: RefreshToken, effects: Effects) -> Result<()> {
        self.write(effects, next, |next, tx| Box::pin(insert_token(tx, next))).await
    }

    /// Ends a session, if it has not ended; its refresh tokens go with it.
    pub async fn end_session(
        &self,
        _system: SystemPermit,
        id: SessionId,
        at: Timestamp,
        effects: Effects,
    ) -> Result<()> {
        self.write(effects, (id, at), |(id, at), tx| {
            Box::pin(async move {
                let sql = "UPDATE sessions SET ended_at = COALESCE(ended_at, $2) WHERE id = $1";
                Error::unless_touched(tx.run(sql, binds![*id, *at]).await?, "the session")?;
                tx.run("DELETE FROM refresh_tokens WHERE session = $1", binds![*id]).await?;
                Ok(())
            })
        })
        .await
    }

    /// Notes that a session was used, and from where.
    pub async fn session_seen(&self, _system: SystemPermit, id: SessionId, from: String, at: Timestamp) -> Result<()> {
        self.write(Effects::none(), (id, from, at), |(id, from, at), tx| {
            Box::pin(async move {
                let sql = "UPDATE sessions SET last_seen_at = $2, client = $3 WHERE id = $1 AND ended_at IS NULL";
                tx.run(sql, binds![*id, *at, &*from]).await?;
                Ok(())
            })
        })
        .await
    }

    /// A user's sessions that have not ended, newest first.
    pub async fn sessions_of(&self, _system: SystemPermit, user: UserId) -> Result<Vec<Session>> {
        self.db().all(OF_USER, binds![user]).await?.iter().map(session).collect()
    }

    /// Removes sessions that expired before `before`; says how many.
    pub async fn sweep_sessions(&self, _system: SystemPermit, before: Timestamp) -> Result<u64> {
        self.write(Effects::none(), before, |before, tx| {
            Box::pin(tx.run("DELETE FROM sessions WHERE expires_at < $1", binds![*before]))
        })
        .await
    }
}

/// Rights changed: every session of theirs gets another id at its next renewal, and is good for nothing until then.
pub(super) async fn renew_all(tx: &mut Tx, user: UserId) -> Result<()> {
    tx.run("UPDATE sessions SET renew = TRUE WHERE user_id = $1 AND ended_at IS NULL", binds![user]).await?;
    Ok(())
}

async fn insert_token(tx: &mut Tx, token: &RefreshToken) -> Result<()> {
    tx.run(
        "INSERT INTO refresh_tokens (hash, session, issued_at, expires_at, used_at) VALUES ($1, $2, $3, $4, $5)",
        binds![token.hash, token.session, token.issued_at, token.expires_at, token.used_at],
    )
    .await?;
    Ok(())
}

fn session(row: &Row) -> Result<Session> {
    Ok(Session {
        id: row.get("id")?,
        user: row.get("user_id")?,
        authenticated_at: row.get("authenticated_at")?,
        created_at: row.get("created_at")?,
        expires_at: row.get("expires_at")?,
        ended_at: row.get("ended_at")?,
        client: row.get("client")?,
        user_agent: row.get("user_agent")?,
        method: Method::read(row)?,
        last_seen_at: row.get("last_seen_at")?,
        renew: row.get("renew")?,
    })
}

fn token(row: &Row) -> Result<RefreshToken> {
    Ok(RefreshToken {
        hash: row.get("hash")?,
        session: row.get("session")?,
        issued_at: row.get("issued_at")?,
        expires_at: row.get("expires_at")?,
        used_at: row.get("used_at")?,
    })
}
