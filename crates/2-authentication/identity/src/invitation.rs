//! Invitations, from the side of whoever holds the link. Making and sending them is the server's affair.

use domain::{Role, Secret, TeamId, Timestamp, UserId};
use http::HeaderMap;

use crate::{
    Email, Error, Identity, SignedIn, TokenHash, password,
    ports::{Accepting, Invitation, User},
    session::{Browser, Method},
    token::{random, random_text},
};

/// What the person behind the link fills in.
#[derive(Debug)]
pub struct Accept {
    pub token: Secret<String>,
    /// For a new account; the part of the address before the `@` when it is blank.
    pub name: String,
    /// A new account's password, or the password of the account that there is.
    pub password: Secret<String>,
}

/// What accepting made.
#[derive(Debug)]
pub struct Joined {
    pub user: UserId,
    pub team: TeamId,
    pub role: Role,
    pub email: Email,
    /// For a new account. Whoever had one signs in as always, with their second factor if they have one.
    pub signed_in: Option<SignedIn>,
}

impl Identity {
    /// A token for a new link, and the hash that is stored of it.
    pub fn new_link(&self) -> (Secret<String>, TokenHash) {
        let token = random_text(43);
        let hash = TokenHash::of(token.expose());
        (token, hash)
    }

    /// The invitation behind a link, and whether its address has an account.
    ///
    /// # Errors
    /// [`Error::Link`], [`Error::Unavailable`].
    pub async fn invitation(&self, token: &Secret<String>, now: Timestamp) -> Result<(Invitation, bool), Error> {
        let found = self.records().invitation(&TokenHash::of(token.expose()), now).await?.ok_or(Error::Link)?;
        let known = self.records().user_by_email(&found.email).await?.is_some();
        Ok((found, known))
    }

    /// Joins the team, with a new account or with the one that the address has, which is then asked for its password.
    ///
    /// # Errors
    /// [`Error::Link`], [`Error::Password`], [`Error::WrongCredentials`], [`Error::CoolingDown`], [`Error::Csrf`],
    /// [`Error::Busy`].
    pub async fn accept_invitation(
        &self,
        form: Accept,
        headers: &HeaderMap,
        browser: Browser,
        now: Timestamp,
    ) -> Result<Joined, Error> {
        self.require_own_origin(headers)?;
        let hash = TokenHash::of(form.token.expose());
        let found = self.records().invitation(&hash, now).await?.ok_or(Error::Link)?;
        let (who, new) = match self.records().user_by_email(&found.email).await? {
            Some(user) => (Accepting::Known(self.known_password(user, form.password, &browser, now).await?), None),
            None => {
                let user = self.new_account(&found.email, form.name, form.password, now).await?;
                (Accepting::New(user.clone()), Some(user))
            }
        };
        let done = self.records().accept_invitation(&hash, &who, now).await?.ok_or(Error::Link)?;
        self.forget_memberships();
        self.forget_sessions();
        let signed_in = match new {
            Some(user) => Some(self.open(&user, Method::Password, browser, now).await?),
            None => None,
        };
        Ok(Joined { user: done.user, team: done.team, role: done.role, email: found.email, signed_in })
    }

    async fn new_account(
        &self,
        email: &Email,
        name: String,
        chosen: Secret<String>,
        now: Timestamp,
    ) -> Result<User, Error> {
        password::acceptable(chosen.expose(), email)?;
        let name: String = name.trim().chars().filter(|c| !c.is_control()).take(100).collect();
        Ok(User {
            id: UserId::new(now, random()),
            name: if name.is_empty() { email.local_part().to_owned() } else { name },
            email: email.clone(),
            password: Some(self.passwords().hash(chosen).await?),
            // the link went to this address, or was handed over by an admin who vouches for it
            email_verified_at: Some(now),
            disabled_at: None,
            created_at: now,
        })
    }

    /// The account's own password, under the cooldowns of a sign-in.
    async fn known_password(
        &self,
        user: User,
        password: Secret<String>,
        browser: &Browser,
        now: Timestamp,
    ) -> Result<UserId, Error> {
        let keys = self.sign_in_cooldowns(&user.email, browser.client);
        for key in &keys {
            self.not_cooling_down(key, now).await?;
        }
        let compared = self.passwords().compare(password, user.password.as_ref()).await?;
        if !compared.matches || user.disabled_at.is_some() {
            for key in &keys {
                self.records().record_failure(key, key.action.policy(), now).await?;
            }
            return Err(Error::WrongCredentials);
        }
        Ok(user.id)
    }
}
