//! Keeping a connection alive: one refresh at a time, whoever wants it.
//!
//! Most providers give a new refresh token with every refresh and take the use of an old one for theft, so two refreshes of
//! one grant at the same moment would end it. A lease in the database says who asks the provider; the others wait until
//! the grant's count has moved on and take the new token. A refresh runs in a task of its own: a caller that gives up
//! does not lose the token that the provider has just given.

use std::{sync::Arc, time::Duration};

use authz::{Permit, action::UseCredential};
use domain::{CredentialId, LeaseId, Secret, Timestamp};
use store::{
    Effects,
    grants::{Grant, NotRefreshed, Refreshed},
};
use tokio::time::Instant;
use vault::{CredentialKind, Lease, Named, Use};

use crate::{Connections, Error, ProviderError, clients::Opened, exchange::Tokens};

/// Longer than a provider may take; then another may try.
const LEASE: Duration = Duration::from_secs(60);
/// How long a waiter waits for whoever has the lease.
const PATIENCE: Duration = Duration::from_secs(75);
/// A token is refreshed this long before it expires; one that lives shorter, a tenth of its life before.
const MARGIN: Duration = Duration::from_secs(300);
/// A token this young that is refused was not refused for its age.
const YOUNG: Duration = Duration::from_secs(60);
const LONGEST_PAUSE: Duration = Duration::from_secs(900);

/// Whether a token is so near its end that it should be refreshed.
pub(crate) fn is_due(grant: &Grant, now: Timestamp) -> bool {
    grant.expires_at.is_some_and(|at| {
        let life = at.since(grant.refreshed_at);
        now + MARGIN.min(life / 10) >= at
    })
}

fn is_over(grant: &Grant, now: Timestamp) -> bool {
    grant.expires_at.is_some_and(|at| now >= at)
}

/// What an inactive grant says to whoever wants to use it.
pub(crate) fn active(grant: &Grant) -> Result<(), Error> {
    match grant.status.as_str() {
        "active" => Ok(()),
        "expired" => Err(Error::Expired),
        "revoked" => Err(Error::Revoked),
        _ => Err(Error::Reauthorize { reason: grant.reason.clone().unwrap_or_else(|| "invalid_grant".to_owned()) }),
    }
}

impl Connections {
    /// Opens a credential for one use; that of a connection with a token that is good for a while yet. Team and
    /// environment are those of the permit.
    ///
    /// # Errors
    /// Those of [`vault::Vault::lease`]; [`Error::Expired`], [`Error::Revoked`], [`Error::Reauthorize`];
    /// [`Error::Provider`] when the token is over and the provider gave no other.
    pub async fn lease(
        &self,
        permit: &Permit<UseCredential>,
        named: Named<'_>,
        wanted: &Use<'_>,
        now: Timestamp,
    ) -> Result<Lease, Error> {
        let lease = match self.vault.lease(permit, named, wanted, now).await {
            Ok(lease) => lease,
            Err(vault::Error::NotActive { status }) => return Err(self.why_not(permit, named, status).await),
            Err(error) => return Err(error.into()),
        };
        match lease.value().kind() {
            CredentialKind::OauthToken => {}
            // Its key file is sent to nobody, so to be sent it has to be exchanged.
            CredentialKind::ServiceAccount if wanted.host.is_some() => return self.exchanged(lease).await,
            _ => return Ok(lease),
        }
        let system = authz::act_as_system("a lease of a connection asks when its token expires");
        let Some(grant) = self.store.grant(system, lease.id()).await? else { return Ok(lease) };
        active(&grant)?;
        if !is_due(&grant, now) {
            // The token was read before its grant: a refresh in between has left it an old one.
            let newer = now.since(grant.refreshed_at) < LEASE;
            return if newer { Ok(self.vault.lease(permit, named, wanted, now).await?) } else { Ok(lease) };
        }
        if !grant.refreshable {
            if is_over(&grant, now) {
                self.end(&grant, "expired", "it has no refresh token").await?;
                return Err(Error::Expired);
            }
            return Ok(lease);
        }
        match self.refreshed(grant.credential, grant.refreshes).await {
            Ok(()) => Ok(self.vault.lease(permit, named, wanted, now).await?),
            // The provider is away and the token is good for a while yet.
            Err(error) if error.may_retry() && !is_over(&grant, self.clock.now()) => {
                tracing::warn!(credential = %grant.credential, code = error.code(), "a token was not refreshed in time");
                Ok(lease)
            }
            Err(error) => Err(error),
        }
    }

    async fn why_not(&self, permit: &Permit<UseCredential>, named: Named<'_>, status: &'static str) -> Error {
        let id: Option<CredentialId> = named.0.parse().ok();
        let found = self.store.sealed_credential(permit, id, named.0).await;
        let Ok(Some(found)) = found else { return vault::Error::NotActive { status }.into() };
        let system = authz::act_as_system("a lease of a connection asks why it is not active");
        match self.store.grant(system, found.shown.id).await {
            Ok(Some(grant)) => match active(&grant) {
                Err(error) => error,
                Ok(()) => vault::Error::NotActive { status }.into(),
            },
            _ => vault::Error::NotActive { status }.into(),
        }
    }

    /// The API answered 401 to this lease. `true`: there is another token by now, and it is worth asking again.
    ///
    /// # Errors
    /// [`Error::Store`]; a provider that does not answer is `false`.
    pub async fn rejected(&self, lease: &Lease) -> Result<bool, Error> {
        let system = authz::act_as_system("a token was refused by the API it is for");
        let Some(grant) = self.store.grant(system, lease.id()).await? else {
            self.forget_exchanged(lease.id());
            return Ok(false);
        };
        let Some(found) = self.store.sealed_credential_of(system, lease.id()).await? else { return Ok(false) };
        if active(&grant).is_err() {
            return Ok(false);
        }
        if found.shown.version != lease.version() {
            return Ok(true);
        }
        let now = self.clock.now();
        if grant.refreshable && (now.since(grant.refreshed_at) >= YOUNG || grant.refreshes == 0) {
            return match self.refreshed(grant.credential, grant.refreshes).await {
                Ok(()) => Ok(true),
                Err(Error::Store(error)) => Err(error.into()),
                Err(_) => Ok(false),
            };
        }
        if grant.refreshable || !is_over(&grant, now) {
            self.end(&grant, "revoked", "the API refused a fresh token").await?;
        } else {
            self.end(&grant, "expired", "it has no refresh token").await?;
        }
        Ok(false)
    }

    /// Refreshes every active connection that is due, and marks those that are over. For a loop of the server.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn keep_fresh(&self) -> Result<usize, Error> {
        use futures::StreamExt as _;
        let system = authz::act_as_system("tokens are refreshed before they expire");
        let now = self.clock.now();
        let due = self.store.grants_due(system, now + MARGIN, now, 500).await?;
        let due: Vec<Grant> = due.into_iter().filter(|grant| is_due(grant, now)).collect();
        let count = due.len();
        futures::stream::iter(due)
            .for_each_concurrent(8, |grant| async move {
                let done = if grant.refreshable {
                    self.refreshed(grant.credential, grant.refreshes).await
                } else if is_over(&grant, now) {
                    self.end(&grant, "expired", "it has no refresh token").await
                } else {
                    Ok(())
                };
                if let Err(error) = done {
                    tracing::warn!(credential = %grant.credential, code = error.code(), "a token was not refreshed");
                }
            })
            .await;
        Ok(count)
    }

    async fn end(&self, grant: &Grant, status: &'static str, reason: &str) -> Result<(), Error> {
        let system = authz::act_as_system("a connection has come to its end");
        let (id, seen) = (grant.credential, grant.refreshes);
        self.store.set_grant_status(system, id, seen, status, reason.to_owned(), Effects::none()).await?;
        Ok(())
    }

    /// Returns when the grant has a token newer than its `seen`th, whoever got it.
    pub(crate) async fn refreshed(&self, credential: CredentialId, seen: u64) -> Result<(), Error> {
        let (this, gate) = (self.clone(), self.gate(credential));
        let work = tokio::spawn(async move {
            let _turn = gate.lock().await;
            this.refresh(credential, seen).await
        });
        match work.await {
            Ok(done) => done,
            Err(_) => Err(unavailable("the refresh", "it was cut off")),
        }
    }

    /// One in this process at a time; whoever comes after finds it done.
    pub(crate) fn gate(&self, credential: CredentialId) -> Arc<tokio::sync::Mutex<()>> {
        let mut gates = self.gates.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(gate) = gates.get(&credential).and_then(std::sync::Weak::upgrade) {
            return gate;
        }
        gates.retain(|_, gate| gate.strong_count() > 0);
        let gate = Arc::default();
        gates.insert(credential, Arc::downgrade(&gate));
        gate
    }

    async fn refresh(&self, credential: CredentialId, seen: u64) -> Result<(), Error> {
        let system = authz::act_as_system("a token is refreshed for whoever needs it");
        let deadline = Instant::now() + PATIENCE;
        let mut pause = Duration::from_millis(20);
        loop {
            let grant = self.store.grant(system, credential).await?.ok_or(Error::NotAConnection)?;
            if grant.refreshes > seen {
                return Ok(());
            }
            active(&grant)?;
            let now = self.clock.now();
            if grant.retry_at.is_some_and(|at| at > now) {
                let why = grant.reason.as_deref().unwrap_or("it was away a moment ago");
                return Err(unavailable(&grant.provider, why));
            }
            let owner = LeaseId::new(now, rand::random());
            if self.store.begin_refresh(system, credential, seen, owner, now, now + LEASE).await? {
                if self.ask(&grant, owner).await? {
                    return Ok(());
                }
                continue;
            }
            if Instant::now() >= deadline {
                return Err(unavailable(&grant.provider, "another worker is still refreshing the token"));
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(500));
        }
    }

    /// Asks the provider, with the lease; `false`: the lease was lost meanwhile.
    async fn ask(&self, grant: &Grant, owner: LeaseId) -> Result<bool, Error> {
        let system = authz::act_as_system("a token is refreshed for whoever needs it");
        let done = self.ask_provider(grant).await;
        let error = match done {
            Ok((client, tokens)) => return self.keep_refreshed(grant, owner, &client, &tokens).await,
            Err(error) => error,
        };
        let gone = matches!(&error, Error::Provider(ProviderError::InvalidGrant { .. }));
        let asked_to_wait = match &error {
            Error::Provider(ProviderError::Unavailable { retry_after_seconds: Some(seconds), .. }) => *seconds,
            _ => 0,
        };
        // 10 s, 20 s, 40 s … a quarter of an hour: an hour of 5xx is a handful of calls, and the grant stays active.
        let pause = Duration::from_secs(10 << grant.failures.min(7)).max(Duration::from_secs(asked_to_wait.min(3600)));
        let reason = match &error {
            Error::Provider(ProviderError::InvalidGrant { code, .. }) => code.clone(),
            error => error.to_string().chars().take(300).collect(),
        };
        let failed = NotRefreshed {
            credential: grant.credential,
            owner,
            seen: grant.refreshes,
            status: gone.then_some("reauthorization_required"),
            reason,
            retry_at: (!gone)
                .then(|| self.clock.now() + pause.min(LONGEST_PAUSE.max(Duration::from_secs(asked_to_wait)))),
        };
        if !self.store.fail_refresh(system, failed, Effects::none()).await? {
            // Somebody else was faster after all: theirs counts.
            return Ok(false);
        }
        match error {
            Error::Provider(ProviderError::InvalidGrant { code, .. }) => Err(Error::Reauthorize { reason: code }),
            error => Err(error),
        }
    }

    async fn ask_provider(&self, grant: &Grant) -> Result<(Opened, Tokens), Error> {
        let system = authz::act_as_system("a refresh opens the grant's own token");
        let found = self.store.sealed_credential_of(system, grant.credential).await?;
        let found = found.ok_or(vault::Error::NotFound)?;
        let value = self.vault.open_value(grant.scope, &found.shown, &found.sealed)?;
        let client = self.client(grant.scope, &grant.provider).await?;
        let refresh: &Secret<String> = value.field("refresh_token").ok_or(Error::Expired)?;
        let scopes = grant.scopes.join(client.separator());
        let mut fields = vec![("grant_type", "refresh_token"), ("refresh_token", refresh.expose().as_str())];
        if client.provider.scope_on_refresh && !scopes.is_empty() {
            fields.push(("scope", &scopes));
        }
        let tokens = self.tokens(&client, client.token_url(&grant.parameters)?, &fields, self.clock.now()).await?;
        Ok((client, tokens))
    }

    /// The provider has given tokens, and the ones before may be worth nothing by now: a database that is away for a
    /// moment must not lose them.
    async fn keep_refreshed(
        &self,
        grant: &Grant,
        owner: LeaseId,
        client: &Opened,
        tokens: &Tokens,
    ) -> Result<bool, Error> {
        let system = authz::act_as_system("a token is refreshed for whoever needs it");
        let mut parameters = grant.parameters.clone();
        if let Some(url) = &tokens.answer.instance_url {
            parameters["instance_url"] = url.trim_end_matches('/').into();
        }
        let mut pause = Duration::from_millis(50);
        let deadline = Instant::now() + LEASE;
        loop {
            let kept = async {
                let found = self.store.sealed_credential_of(system, grant.credential).await?;
                let found = found.ok_or(vault::Error::NotFound)?;
                let before = self.vault.open_value(grant.scope, &found.shown, &found.sealed)?;
                let version = found.shown.version + 1;
                let value = tokens.value(client, Some(&before))?;
                let done = Refreshed {
                    credential: grant.credential,
                    owner,
                    seen: grant.refreshes,
                    version,
                    sealed: self.vault.seal_value(grant.scope, grant.credential, version, &value)?,
                    scopes: tokens.scopes.clone().unwrap_or_else(|| grant.scopes.clone()),
                    parameters: parameters.clone(),
                    expires_at: tokens.expires_at,
                    refresh_expires_at: tokens.refresh_expires_at.or(grant.refresh_expires_at),
                    refreshable: value.field("refresh_token").is_some(),
                    at: self.clock.now(),
                };
                Ok::<bool, Error>(self.store.end_refresh(system, done, Effects::none()).await?)
            };
            match kept.await {
                Err(error) if error.may_retry() && Instant::now() < deadline => {
                    tracing::warn!(credential = %grant.credential, "a new token could not be stored yet");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(Duration::from_secs(2));
                }
                kept => return kept,
            }
        }
    }
}

fn unavailable(provider: &str, why: &str) -> Error {
    ProviderError::Unavailable { provider: provider.to_owned(), why: why.to_owned(), retry_after_seconds: None }.into()
}
