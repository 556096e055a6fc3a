//! Sign-in by password, and its repetition before dangerous acts.

use std::net::IpAddr;

use domain::{Secret, Timestamp, UserId};
use http::HeaderMap;

use crate::{
    Caller, Error, Identity, SignedIn,
    cooldown::{CooldownAction, CooldownKey},
    email::Email,
    error::NotIdentified,
    password,
    ports::User,
    session::Browser,
};

impl Identity {
    /// Signs in. An unknown user, a wrong password and a disabled account are answered alike and cost the same.
    ///
    /// # Errors
    /// [`Error::WrongCredentials`], [`Error::CoolingDown`], [`Error::EmailNotVerified`], [`Error::Busy`], [`Error::Csrf`].
    pub async fn sign_in(
        &self,
        email: &str,
        password: Secret<String>,
        headers: &HeaderMap,
        browser: Browser,
        now: Timestamp,
    ) -> Result<SignedIn, Error> {
        self.require_own_origin(headers)?;
        let Ok(email) = email.parse::<Email>() else {
            self.passwords().compare(password, None).await?;
            return Err(Error::WrongCredentials);
        };
        let keys = self.sign_in_cooldowns(&email, browser.client);
        for key in keys {
            self.not_cooling_down(&key, now).await?;
        }
        let user = self.records().user_by_email(&email).await?.filter(|user| user.disabled_at.is_none());
        let stored = user.as_ref().and_then(|user| user.password.as_ref());
        let again = password.clone();
        let compared = self.passwords().compare(password, stored).await?;
        let Some(user) = user.filter(|_| compared.matches) else {
            for key in keys {
                self.records().record_failure(&key, key.action.policy(), now).await?;
            }
            return Err(Error::WrongCredentials);
        };
        if user.email_verified_at.is_none() {
            return Err(Error::EmailNotVerified { user: user.id });
        }
        for key in keys {
            self.records().clear_cooldown(&key).await?;
        }
        if compared.outdated {
            let hash = self.passwords().hash(again).await?;
            self.records().set_password(user.id, &hash, now).await?;
        }
        self.open(&user, browser, now).await
    }

    /// Asks the password again, for a dangerous act; the answer replaces the session.
    ///
    /// # Errors
    /// As [`Identity::sign_in`]; [`Error::NotIdentified`] for callers without a session.
    pub async fn step_up(
        &self,
        caller: &Caller,
        password: Secret<String>,
        browser: Browser,
        now: Timestamp,
    ) -> Result<SignedIn, Error> {
        let user = self.checked_again(caller, password, now).await?;
        if let Some(old) = caller.session() {
            self.end_session(old, now).await?;
        }
        self.open(&user, browser, now).await
    }

    /// Changes the caller's password; every session ends, and the answer is a new one for this browser.
    ///
    /// # Errors
    /// As [`Identity::step_up`], and [`Error::Password`].
    pub async fn change_password(
        &self,
        caller: &Caller,
        old: Secret<String>,
        new: Secret<String>,
        browser: Browser,
        now: Timestamp,
    ) -> Result<SignedIn, Error> {
        let user = self.checked_again(caller, old, now).await?;
        password::acceptable(new.expose(), &user.email)?;
        let hash = self.passwords().hash(new).await?;
        self.records().set_password(user.id, &hash, now).await?;
        self.end_other_sessions(user.id, None, now).await?;
        self.open(&user, browser, now).await
    }

    async fn checked_again(&self, caller: &Caller, password: Secret<String>, now: Timestamp) -> Result<User, Error> {
        let id = caller.session().and_then(|_| caller.user()).ok_or(NotIdentified::Missing)?;
        let key = self.step_up_cooldown(id);
        self.not_cooling_down(&key, now).await?;
        let user = self.records().user(id).await?.filter(|user| user.disabled_at.is_none());
        let stored = user.as_ref().and_then(|user| user.password.as_ref());
        let compared = self.passwords().compare(password, stored).await?;
        let Some(user) = user.filter(|_| compared.matches) else {
            self.records().record_failure(&key, key.action.policy(), now).await?;
            return Err(Error::WrongCredentials);
        };
        self.records().clear_cooldown(&key).await?;
        Ok(user)
    }

    /// Refuses while a cooldown holds.
    ///
    /// # Errors
    /// [`Error::CoolingDown`], [`Error::Unavailable`].
    pub async fn not_cooling_down(&self, key: &CooldownKey, now: Timestamp) -> Result<(), Error> {
        match self.records().cooldown(key).await? {
            Some(cooldown) if cooldown.holds(now, key.action.policy()) => {
                Err(Error::CoolingDown { until: cooldown.until })
            }
            _ => Ok(()),
        }
    }

    /// Whom a cooldown is about, as a pseudonym.
    pub fn cooldown_key(&self, action: CooldownAction, parts: &[&[u8]]) -> CooldownKey {
        CooldownKey { action, subject: self.keys().pseudonym(parts) }
    }

    fn sign_in_cooldowns(&self, email: &Email, client: IpAddr) -> [CooldownKey; 2] {
        let (email, client) = (email.as_str().as_bytes(), client.to_canonical().to_string());
        [
            self.cooldown_key(CooldownAction::SignIn, &[email, client.as_bytes()]),
            self.cooldown_key(CooldownAction::SignInAnywhere, &[email]),
        ]
    }
    fn step_up_cooldown(&self, user: UserId) -> CooldownKey {
        self.cooldown_key(CooldownAction::StepUp, &[user.uuid().as_bytes()])
    }
}
