//! Whose request this is: credentials in, [`Caller`] out.
//!
//! A request presents one thing: an API key or an access token in `Authorization`, or the access cookie. What is
//! presented in `Authorization` is never mixed with cookies. Changes by cookie need the CSRF proof.

use std::{fmt, net::IpAddr, sync::Arc, time::Duration};

use authz::{Actor, Narrowing};
use domain::{ApiKeyId, Principal, Role, Scope, SessionId, TeamId, Timestamp, UserId};
use http::{HeaderMap, Method, header};

use crate::{
    ApiKeyRecord, Error, Identity, Member, TokenHash, api_key, cookies, csrf,
    error::NotIdentified,
    session::{Method as Proof, SessionRecord},
};

/// How a caller was recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Means {
    /// A browser; its changes carried the CSRF proof.
    Cookie,
    /// A program with a session's access token.
    AccessToken,
    ApiKey,
}

/// Somebody we know. Rights are asked per team and environment, by [`Caller::actor`].
#[derive(Clone)]
pub struct Caller {
    identity: Identity,
    known: Known,
    means: Means,
    client: IpAddr,
}

#[derive(Clone)]
enum Known {
    Session(SessionRecord),
    Key(Arc<ApiKeyRecord>),
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller")
            .field("principal", &self.principal())
            .field("means", &self.means)
            .finish_non_exhaustive()
    }
}

enum Presented<'a> {
    ApiKey(&'a str),
    Access(&'a str, Means),
}

impl Identity {
    /// Recognises whoever sent this request from `client` (the address that the network layer vouches for).
    ///
    /// # Errors
    /// [`Error::NotIdentified`] 401, [`Error::Csrf`] 403, [`Error::AddressNotAllowed`] 403, [`Error::Unavailable`] 503.
    pub async fn authenticate(
        &self,
        method: &Method,
        headers: &HeaderMap,
        client: IpAddr,
        now: Timestamp,
    ) -> Result<Caller, Error> {
        match presented(headers)? {
            Presented::ApiKey(text) => {
                let hash = api_key::hash_of(text)?;
                let key = self.known_key(&hash, client, now).await?;
                self.note_use(&key, client, now);
                Ok(Caller { identity: self.clone(), known: Known::Key(key), means: Means::ApiKey, client })
            }
            Presented::Access(token, means) => {
                let claims = self.tokens().verify(token, now)?;
                let session = self.known_session(claims.sid, now).await?;
                if session.user != claims.sub {
                    return Err(NotIdentified::BadSignature.into());
                }
                if means == Means::Cookie && !csrf::is_safe(method) {
                    csrf::check(self.keys(), self.origins(), session.id, headers)?;
                }
                self.note_session(&session, client, now);
                Ok(Caller { identity: self.clone(), known: Known::Session(session), means, client })
            }
        }
    }

    async fn known_key(&self, hash: &TokenHash, client: IpAddr, now: Timestamp) -> Result<Arc<ApiKeyRecord>, Error> {
        let key = self.api_key(hash, now).await?.ok_or(NotIdentified::Unknown)?;
        key.usable(now)?;
        if !key.usable_from(client) {
            return Err(Error::AddressNotAllowed);
        }
        Ok(key)
    }

    async fn known_session(&self, id: SessionId, now: Timestamp) -> Result<SessionRecord, Error> {
        let session = self.session(id, now).await?.ok_or(NotIdentified::Unknown)?;
        session.may_act(now)?;
        Ok(session)
    }
}

fn presented(headers: &HeaderMap) -> Result<Presented<'_>, NotIdentified> {
    let mut lines = headers.get_all(header::AUTHORIZATION).iter();
    let Some(line) = lines.next() else {
        let token = cookies::read(headers, cookies::ACCESS)?.ok_or(NotIdentified::Missing)?;
        return Ok(Presented::Access(token, Means::Cookie));
    };
    if lines.next().is_some() {
        return Err(NotIdentified::Ambiguous);
    }
    let line = line.to_str().map_err(|_| NotIdentified::Malformed)?;
    let (scheme, token) = line.split_once(' ').ok_or(NotIdentified::Malformed)?;
    let token = token.trim();
    if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() {
        return Err(NotIdentified::Malformed);
    }
    Ok(if api_key::looks_like_key(token) {
        Presented::ApiKey(token)
    } else {
        Presented::Access(token, Means::AccessToken)
    })
}

impl Caller {
    /// Who acts.
    pub fn principal(&self) -> Principal {
        match &self.known {
            Known::Session(session) => Principal::User { id: session.user },
            Known::Key(key) => key.principal(),
        }
    }
    pub const fn means(&self) -> Means {
        self.means
    }
    /// The address it was recognised from.
    pub const fn client(&self) -> IpAddr {
        self.client
    }
    pub const fn session(&self) -> Option<SessionId> {
        match &self.known {
            Known::Session(session) => Some(session.id),
            Known::Key(_) => None,
        }
    }
    pub fn api_key(&self) -> Option<ApiKeyId> {
        match &self.known {
            Known::Session(_) => None,
            Known::Key(key) => Some(key.id),
        }
    }
    /// The person who is here in a session; keys are nobody in this sense.
    ///
    /// # Errors
    /// [`Error::NotIdentified`].
    pub fn session_user(&self) -> Result<UserId, Error> {
        match &self.known {
            Known::Session(session) => Ok(session.user),
            Known::Key(_) => Err(NotIdentified::Missing.into()),
        }
    }
    /// The person, where it is one in person or through a key.
    pub fn user(&self) -> Option<UserId> {
        self.principal().person()
    }

    /// The caller's standing in one team and environment.
    ///
    /// # Errors
    /// [`Error::NotAMember`], answered like "not there"; [`Error::SecondFactorRequired`]; [`Error::Unavailable`].
    pub async fn actor(&self, scope: Scope, now: Timestamp) -> Result<Actor, Error> {
        let role = self.role_in(scope.team, now).await?;
        self.has_what_the_team_demands(scope.team, now).await?;
        Ok(Actor::new(self.principal(), scope, role, self.narrowing()))
    }

    /// A person in a team that demands a second factor has one, or signed in through their organisation, which answers
    /// for that. Machines have none to show.
    async fn has_what_the_team_demands(&self, team: TeamId, now: Timestamp) -> Result<(), Error> {
        let by_organisation = matches!(&self.known, Known::Session(s) if s.method == Proof::Organisation);
        let Some(person) = self.user().filter(|_| !by_organisation) else { return Ok(()) };
        let wanting = self.identity.demands_second_factor(team, now).await?
            && !self.identity.has_second_factor(person, now).await?;
        if wanting { Err(Error::SecondFactorRequired) } else { Ok(()) }
    }

    /// The caller's role in `team`.
    ///
    /// # Errors
    /// As [`Caller::actor`].
    pub async fn role_in(&self, team: TeamId, now: Timestamp) -> Result<Role, Error> {
        if let Known::Key(key) = &self.known
            && key.team != team
        {
            return Err(Error::NotAMember);
        }
        self.identity.role(self.member(), team, now).await?.ok_or(Error::NotAMember)
    }

    /// The teams it is in, with its role in each. A key sees its own team only.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn teams(&self) -> Result<Vec<(TeamId, Role)>, Error> {
        let mut teams = self.identity.records().teams(self.member()).await?;
        if let Known::Key(key) = &self.known {
            teams.retain(|(team, _)| *team == key.team);
        }
        Ok(teams)
    }

    /// Whether it would still be recognised: for whatever lives longer than a request (WebSockets ask every few
    /// seconds). Reads what is at most four seconds old.
    ///
    /// # Errors
    /// As [`Identity::authenticate`].
    pub async fn still_known(&self, now: Timestamp) -> Result<(), Error> {
        match &self.known {
            Known::Session(session) => self.identity.known_session(session.id, now).await.map(drop),
            Known::Key(key) => self.identity.known_key(&key.hash, self.client, now).await.map(drop),
        }
    }

    /// Whether the password was asked within `period`: dangerous acts ask for it again otherwise. Never true of keys.
    pub fn recently_authenticated(&self, period: Duration, now: Timestamp) -> bool {
        match &self.known {
            Known::Session(session) => session.authenticated_at <= now && now.since(session.authenticated_at) < period,
            Known::Key(_) => false,
        }
    }

    fn member(&self) -> Member {
        match &self.known {
            Known::Session(session) => Member::User(session.user),
            Known::Key(key) => key.member(),
        }
    }
    fn narrowing(&self) -> Narrowing {
        match &self.known {
            Known::Session(_) => Narrowing::default(),
            Known::Key(key) => key.narrowing(),
        }
    }
}
