//! The first administrator: a link that is printed once at the first start, good for a day and for one use.

use domain::{Secret, SessionId, TeamId, Timestamp, UserId};
use http::HeaderMap;

use crate::{
    Error, Identity, SignedIn, TokenHash,
    email::Email,
    password,
    ports::{FirstAdmin, User},
    session::{Browser, Method},
    token::{random, random_text},
};

/// What the person behind the link fills in.
#[derive(Debug)]
pub struct SetUp {
    pub token: Secret<String>,
    pub email: String,
    pub name: String,
    pub password: Secret<String>,
    pub team_name: String,
    /// Whether the address counts as confirmed: where no mail can be sent, whoever holds the link vouches for it.
    pub verified: bool,
}

/// What a set-up made.
#[derive(Debug, Clone)]
pub struct SetUpDone {
    pub user: UserId,
    pub team: TeamId,
    pub session: SessionId,
    pub signed_in: SignedIn,
}

impl Identity {
    /// A new set-up token, which ends the earlier ones; `None` when there is a user already. To be printed in a link,
    /// after `#`, so that it reaches no log on its way.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn new_setup_token(&self, now: Timestamp) -> Result<Option<Secret<String>>, Error> {
        if self.records().any_user().await? {
            return Ok(None);
        }
        let text = random_text(43);
        self.records().put_setup_token(&TokenHash::of(text.expose()), now + self.policy().setup_life).await?;
        Ok(Some(text))
    }

    /// Makes the first administrator and his team, and signs him in.
    ///
    /// # Errors
    /// [`Error::SetupToken`], [`Error::Password`], [`Error::Email`], [`Error::Csrf`], [`Error::Busy`].
    pub async fn set_up(
        &self,
        form: SetUp,
        headers: &HeaderMap,
        browser: Browser,
        now: Timestamp,
    ) -> Result<SetUpDone, Error> {
        self.require_own_origin(headers)?;
        let hash = TokenHash::of(form.token.expose());
        // before the hard work, so that a stranger without a token cannot make us do it
        if !self.records().setup_token_valid(&hash, now).await? {
            return Err(Error::SetupToken);
        }
        let email: Email = form.email.parse()?;
        password::acceptable(form.password.expose(), &email)?;
        let user = User {
            id: UserId::new(now, random()),
            email,
            name: form.name,
            password: Some(self.passwords().hash(form.password).await?),
            email_verified_at: form.verified.then_some(now),
            disabled_at: None,
            created_at: now,
        };
        let first = FirstAdmin { user, team: TeamId::new(now, random()), team_name: form.team_name };
        if !self.records().set_up(&hash, &first, now).await? {
            return Err(Error::SetupToken);
        }
        let signed_in = self.open(&first.user, Method::Password, browser, now).await?;
        Ok(SetUpDone { user: first.user.id, team: first.team, session: signed_in.session, signed_in })
    }
}
