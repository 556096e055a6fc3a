//! Sign-in: by password, with a second step where there is a second factor, and again before dangerous acts.

use std::net::IpAddr;

use domain::{Secret, Timestamp, UserId};
use http::HeaderMap;

use crate::{
    Caller, Error, Identity, SignedIn,
    cooldown::{Cooldown, CooldownAction, CooldownKey},
    email::Email,
    error::NotIdentified,
    password,
    ports::User,
    session::{Browser, Method},
    token::{TokenHash, random_text},
};

/// What a right password leads to.
#[derive(Debug)]
pub enum Step {
    SignedIn(SignedIn),
    /// The second factor is awaited.
    SecondFactor(Pending),
}

/// A sign-in whose second step is awaited.
#[derive(Debug)]
pub struct Pending {
    pub token: Secret<String>,
    pub expires_at: Timestamp,
}

/// How somebody proves anew who they are: whoever has a second factor with a code of it, others with the password.
#[derive(Debug, Default)]
pub struct Proof {
    pub password: Option<Secret<String>>,
    pub code: Option<Secret<String>>,
}

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
    ) -> Result<Step, Error> {
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
        if self.records().has_second_factor(user.id).await? {
            let token = random_text(43);
            let expires_at = now + self.policy().second_step_life;
            self.records().open_pending(&TokenHash::of(token.expose()), user.id, now, expires_at).await?;
            return Ok(Step::SecondFactor(Pending { token, expires_at }));
        }
        self.end_presented(headers, now).await?;
        self.open(&user, Method::Password, browser, now).await.map(Step::SignedIn)
    }

    /// The second step of a sign-in: a code of the second factor, or a recovery code.
    ///
    /// # Errors
    /// [`Error::WrongCode`], [`Error::CoolingDown`], [`Error::Csrf`].
    pub async fn second_step(
        &self,
        pending: &Secret<String>,
        code: &Secret<String>,
        headers: &HeaderMap,
        browser: Browser,
        now: Timestamp,
    ) -> Result<SignedIn, Error> {
        self.require_own_origin(headers)?;
        let hash = TokenHash::of(pending.expose());
        let id = self.records().try_pending(&hash, now).await?.ok_or(Error::WrongCode)?;
        self.check_code(id, code, now).await?;
        let user = self.records().user(id).await?.filter(|user| user.disabled_at.is_none());
        let user = user.ok_or(Error::WrongCode)?;
        if !self.records().use_pending(&hash, now).await? {
            return Err(Error::WrongCode);
        }
        self.end_presented(headers, now).await?;
        self.open(&user, Method::SecondFactor, browser, now).await
    }

    /// Asks for proof again, for a dangerous act; the answer replaces the session.
    ///
    /// # Errors
    /// As [`Identity::sign_in`]; [`Error::NotIdentified`] for callers without a session.
    pub async fn step_up(
        &self,
        caller: &Caller,
        proof: Proof,
        browser: Browser,
        now: Timestamp,
    ) -> Result<SignedIn, Error> {
        let id = caller.session_user()?;
        let (user, method) = if self.records().has_second_factor(id).await? {
            self.check_code(id, &proof.code.ok_or(Error::WrongCode)?, now).await?;
            let user = self.records().user(id).await?.filter(|user| user.disabled_at.is_none());
            (user.ok_or(NotIdentified::Unknown)?, Method::SecondFactor)
        } else {
            let password = proof.password.unwrap_or_else(|| Secret::new(String::new()));
            (self.checked_again(caller, password, now).await?, Method::Password)
        };
        if let Some(old) = caller.session() {
            self.end_session(old, now).await?;
        }
        self.open(&user, method, browser, now).await
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
        self.records().change_password(user.id, &hash, now).await?;
        self.forget_sessions();
        let strong = self.records().has_second_factor(user.id).await?;
        let method = if strong { Method::SecondFactor } else { Method::Password };
        self.open(&user, method, browser, now).await
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

    /// Begins a pause, unless one holds: for acts that cost something however they end, such as sending a mail.
    ///
    /// # Errors
    /// [`Error::CoolingDown`], [`Error::Unavailable`].
    pub async fn take_turn(&self, key: &CooldownKey, now: Timestamp) -> Result<(), Error> {
        match self.records().take_turn(key, key.action.policy(), now).await? {
            Some(until) => Err(Error::CoolingDown { until }),
            None => Ok(()),
        }
    }

    /// What is recorded against a person (R041, D7): every action with failures, or a pause, that is remembered.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn cooldowns_of(&self, user: UserId, email: &Email) -> Result<Vec<(CooldownAction, Cooldown)>, Error> {
        let address = email.as_str().as_bytes();
        let keys = [
            self.cooldown_key(CooldownAction::SignInAnywhere, &[address]),
            self.cooldown_key(CooldownAction::Sso, &[address]),
            self.cooldown_key(CooldownAction::Resend, &[address]),
            self.cooldown_key(CooldownAction::Reset, &[address]),
            self.step_up_cooldown(user),
            self.second_factor_cooldown(user),
        ];
        let mut found = Vec::new();
        for key in keys {
            found.extend(self.records().cooldown(&key).await?.map(|cooldown| (key.action, cooldown)));
        }
        Ok(found)
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

    pub(crate) fn sign_in_cooldowns(&self, email: &Email, client: IpAddr) -> [CooldownKey; 2] {
        let (email, client) = (email.as_str().as_bytes(), client.to_canonical().to_string());
        [
            self.cooldown_key(CooldownAction::SignIn, &[email, client.as_bytes()]),
            self.cooldown_key(CooldownAction::SignInAnywhere, &[email]),
        ]
    }
    pub(crate) fn second_factor_cooldown(&self, user: UserId) -> CooldownKey {
        self.cooldown_key(CooldownAction::SecondFactor, &[user.uuid().as_bytes()])
    }
    fn step_up_cooldown(&self, user: UserId) -> CooldownKey {
        self.cooldown_key(CooldownAction::StepUp, &[user.uuid().as_bytes()])
    }
}
