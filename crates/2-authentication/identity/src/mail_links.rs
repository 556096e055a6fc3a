//! Links that go out by mail: an address is confirmed (R040), a password is set anew.
//!
//! Whoever asks for a mail learns nothing: the same answer for every address, in the same time, because what depends on
//! the address happens after the answer ([`Identity::verification_link`] and [`Identity::reset_link`] are called then).

use domain::{Secret, Timestamp, UserId};
use http::HeaderMap;

use crate::{
    Caller, Email, Error, Identity, TokenHash,
    cooldown::CooldownAction,
    password,
    ports::{EmailConfirmed, MailPurpose, MailToken, User},
    token::random_text,
};

/// A link to be mailed. The token is in no other place.
#[derive(Debug)]
pub struct MailLink {
    pub user: UserId,
    pub name: String,
    pub to: Email,
    pub token: Secret<String>,
    pub expires_at: Timestamp,
}

impl Identity {
    /// Whether a mail may go to this address for this reason now; begins the pause until the next one. The same for
    /// addresses with and without an account (R031, R041).
    ///
    /// # Errors
    /// [`Error::CoolingDown`], [`Error::Unavailable`].
    pub async fn may_mail(&self, action: CooldownAction, to: &Email, now: Timestamp) -> Result<(), Error> {
        self.take_turn(&self.cooldown_key(action, &[to.as_str().as_bytes()]), now).await
    }

    /// A link that confirms `email`, when an account awaits that.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn verification_link(&self, email: &Email, now: Timestamp) -> Result<Option<MailLink>, Error> {
        let user = self.records().user_by_email(email).await?;
        match user.filter(|user| user.disabled_at.is_none() && user.email_verified_at.is_none()) {
            Some(user) => self.link(MailPurpose::Verify, user, email.clone(), now).await.map(Some),
            None => Ok(None),
        }
    }

    /// A link that makes `email` the address of the caller's account; none when it has an account.
    ///
    /// # Errors
    /// [`Error::NotIdentified`], [`Error::Unavailable`].
    pub async fn change_email_link(
        &self,
        caller: &Caller,
        email: &Email,
        now: Timestamp,
    ) -> Result<Option<MailLink>, Error> {
        let id = caller.session_user()?;
        if self.records().user_by_email(email).await?.is_some() {
            return Ok(None);
        }
        let Some(user) = self.records().user(id).await? else { return Ok(None) };
        self.link(MailPurpose::Verify, user, email.clone(), now).await.map(Some)
    }

    /// A link that sets a new password for the account of `email`, if it has one whose address is confirmed: a mail to
    /// an address that is not might hand the account to a stranger.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn reset_link(&self, email: &Email, now: Timestamp) -> Result<Option<MailLink>, Error> {
        let user = self.records().user_by_email(email).await?;
        match user.filter(|user| user.disabled_at.is_none() && user.email_verified_at.is_some()) {
            Some(user) => self.link(MailPurpose::Reset, user, email.clone(), now).await.map(Some),
            None => Ok(None),
        }
    }

    async fn link(&self, purpose: MailPurpose, user: User, to: Email, now: Timestamp) -> Result<MailLink, Error> {
        let token = random_text(43);
        let life = match purpose {
            MailPurpose::Verify => self.policy().verification_life,
            MailPurpose::Reset => self.policy().reset_life,
        };
        let expires_at = now + life;
        let record = MailToken {
            hash: TokenHash::of(token.expose()),
            user: user.id,
            email: to.clone(),
            created_at: now,
            expires_at,
        };
        self.records().put_mail_token(purpose, &record).await?;
        Ok(MailLink { user: user.id, name: user.name, to, token, expires_at })
    }

    /// Takes the link that confirms an address.
    ///
    /// # Errors
    /// [`Error::Link`], [`Error::EmailTaken`].
    pub async fn confirm_email(&self, token: &Secret<String>, now: Timestamp) -> Result<UserId, Error> {
        match self.records().confirm_email(&TokenHash::of(token.expose()), now).await? {
            EmailConfirmed::Done(user) => Ok(user),
            EmailConfirmed::Taken => Err(Error::EmailTaken),
            EmailConfirmed::No => Err(Error::Link),
        }
    }

    /// Takes the link that sets a new password. Every session of the person ends; they sign in anew, with their second
    /// factor if they have one.
    ///
    /// # Errors
    /// [`Error::Link`], [`Error::Password`] (the link stays good), [`Error::Csrf`], [`Error::Busy`].
    pub async fn reset_password(
        &self,
        token: &Secret<String>,
        new: Secret<String>,
        headers: &HeaderMap,
        now: Timestamp,
    ) -> Result<UserId, Error> {
        self.require_own_origin(headers)?;
        let hash = TokenHash::of(token.expose());
        // before the hard work, so that a stranger without a link cannot make us do it
        let known = self.records().mail_token(MailPurpose::Reset, &hash, now).await?.ok_or(Error::Link)?;
        password::acceptable(new.expose(), &known.email)?;
        let new = self.passwords().hash(new).await?;
        let user = self.records().reset_password(&hash, &new, now).await?.ok_or(Error::Link)?;
        self.forget_sessions();
        // whoever had forgotten the password has failed often enough
        let anywhere = self.cooldown_key(CooldownAction::SignInAnywhere, &[known.email.as_str().as_bytes()]);
        self.records().clear_cooldown(&anywhere).await?;
        Ok(user)
    }

    /// Whether the link that sets a new password would be taken now.
    ///
    /// # Errors
    /// [`Error::Link`], [`Error::Unavailable`].
    pub async fn reset_link_is_good(&self, token: &Secret<String>, now: Timestamp) -> Result<(), Error> {
        let known = self.records().mail_token(MailPurpose::Reset, &TokenHash::of(token.expose()), now).await?;
        known.map(drop).ok_or(Error::Link)
    }
}
