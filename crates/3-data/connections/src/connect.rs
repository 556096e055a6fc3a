//! Making a connection: to the provider and back.
//!
//! What holds the two halves together: a state of 256 bits that is used once and kept as its hash; a word that only the
//! browser has, in a cookie; the session that began it; and PKCE, whose verifier is sealed until the code comes. Nothing
//! is stored before every part of the answer was found right, and then credential and grant are stored in one change.

use std::time::Duration;

use authz::{
    Permit,
    action::{ManageCredential, UseCredential},
};
use domain::{CredentialId, Json, Scope, Secret, Timestamp};
use egress::{Method, Request, Url};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{CredentialRow, Effects, NewCredentialRow, grants::Grant, oauth::OauthRequest};
use vault::{Bound, CredentialKind, Purpose};

use crate::{
    Connections, Error, ProviderError,
    clients::Opened,
    exchange::{TIMEOUT, Tokens, no_secret},
    provider::After,
    words,
};

/// How long a person may take at the provider.
const LIFE: Duration = Duration::from_secs(600);
const MOST_SCOPES: usize = 100;

/// A connection that is asked for.
#[derive(Debug, Clone)]
pub struct Connect {
    pub provider: String,
    /// What the credential will be called; of a connection that is made again, its own.
    pub name: String,
    /// Scopes beyond the provider's least; what is asked for is kept with the grant.
    pub scopes: Vec<String>,
    /// Where its token may be sent; the provider's own hosts when empty.
    pub hosts: Vec<String>,
    /// Shop, tenant and the like.
    pub parameters: Json,
    /// The connection that is made again.
    pub again: Option<CredentialId>,
    /// Who asks: the session, or the principal of one that has none.
    pub session: String,
    /// Where the provider sends the browser back to.
    pub redirect_uri: String,
}

/// A connection that has begun.
#[derive(Debug)]
pub struct Begun {
    /// Where the browser goes.
    pub authorize_url: Url,
    /// Names the cookie; part of the state's hash.
    pub cookie: String,
    /// What the cookie holds.
    pub binding: Secret<String>,
    pub expires_at: Timestamp,
    /// All scopes that are asked for.
    pub scopes: Vec<String>,
}

/// The way back.
#[derive(Debug)]
pub struct Callback {
    /// Every field of the query, in order.
    pub query: Vec<(String, String)>,
    /// What the browser's cookie holds.
    pub binding: Option<Secret<String>>,
    pub session: String,
}

impl Callback {
    fn field(&self, name: &str) -> Option<&str> {
        let mut found = self.query.iter().filter(|(field, _)| field == name);
        // A field that is there twice is no field.
        found
            .next()
            .filter(|_| self.query.iter().filter(|(field, _)| field == name).count() == 1)
            .map(|(_, v)| v.as_str())
    }
    /// The cookie that belongs to it.
    pub fn cookie(query: &[(String, String)]) -> Option<String> {
        query.iter().find(|(name, _)| name == "state").map(|(_, state)| cookie(&words::hash(state)))
    }
}

/// What is sealed between the two halves.
#[derive(Serialize, Deserialize)]
struct Pending {
    verifier: String,
    name: String,
    requested: Vec<String>,
    hosts: Vec<String>,
    parameters: Json,
    again: Option<CredentialId>,
    redirect_uri: String,
}

fn cookie(state_hash: &[u8; 32]) -> String {
    format!("__Host-nodeloom-connect-{}", hex::encode(&state_hash[..6]))
}

impl Connections {
    /// Begins a connection; `effects` are stored with it.
    ///
    /// # Errors
    /// [`Error::UnknownProvider`], [`Error::NoClient`], [`Error::Parameter`], [`Error::Scope`], [`Error::Vault`].
    pub async fn begin(
        &self,
        permit: &Permit<ManageCredential>,
        reading: &Permit<UseCredential>,
        connect: Connect,
        effects: Effects,
    ) -> Result<Begun, Error> {
        let scope = permit.scope();
        let client = self.client(scope, &connect.provider).await?;
        let parameters = parameters(&client, &connect.parameters)?;
        let requested = scopes(&client, &connect.scopes)?;
        match connect.again {
            // The row says that it is there, and that it is of this team and environment.
            Some(id) => {
                let shown = self.vault.credential(reading, id).await?;
                if shown.provider.as_deref() != Some(&client.name) {
                    return Err(Error::NotAConnection);
                }
            }
            None => vault::check(CredentialKind::OauthToken, &connect.name, &connect.hosts)?,
        }
        let (state, verifier, binding) = (words::random()?, words::random()?, words::random()?);
        let mut url = client.authorize_url(&parameters)?;
        {
            let mut query = url.query_pairs_mut();
            query
                .append_pair("response_type", "code")
                .append_pair("client_id", &client.client_id)
                .append_pair("redirect_uri", &connect.redirect_uri)
                .append_pair("state", state.expose());
            if !requested.is_empty() {
                query.append_pair("scope", &requested.join(client.separator()));
            }
            if client.pkce() {
                query
                    .append_pair("code_challenge", &words::challenge(&verifier))
                    .append_pair("code_challenge_method", "S256");
            }
            query.extend_pairs(client.provider.authorize_extra);
        }
        let state_hash = words::hash(state.expose());
        let pending = Pending {
            verifier: verifier.expose().clone(),
            name: connect.name,
            requested: requested.clone(),
            hosts: connect.hosts,
            parameters,
            again: connect.again,
            redirect_uri: connect.redirect_uri,
        };
        let plain = Secret::new(serde_json::to_vec(&pending).unwrap_or_default());
        let expires_at = self.clock.now() + LIFE;
        let request = OauthRequest {
            state_hash,
            scope,
            provider: client.name,
            sealed: self.vault.seal(Purpose::Settings, &bound(scope, &state_hash), plain.expose())?,
            binding_hash: words::hash(binding.expose()),
            session: connect.session,
            expires_at,
        };
        self.store.begin_connection(permit, request, effects).await?;
        Ok(Begun { authorize_url: url, cookie: cookie(&state_hash), binding, expires_at, scopes: requested })
    }

    /// In which team and environment the connection was begun that this way back belongs to.
    ///
    /// # Errors
    /// [`Error::State`].
    pub async fn place_of(&self, query: &[(String, String)]) -> Result<Scope, Error> {
        let (_, state) = query.iter().find(|(name, _)| name == "state").ok_or(Error::State)?;
        Ok(self.begun(&words::hash(state)).await?.scope)
    }

    async fn begun(&self, state_hash: &[u8; 32]) -> Result<OauthRequest, Error> {
        let system = authz::act_as_system("the way back from a provider names its connection by the state alone");
        self.store.begun_connection(system, *state_hash, self.clock.now()).await?.ok_or(Error::State)
    }

    /// Finishes a connection.
    ///
    /// # Errors
    /// Nothing was stored: [`Error::State`], [`Error::OtherBrowser`], [`Error::OtherSession`], [`Error::Denied`],
    /// [`Error::Callback`], [`Error::Provider`].
    pub async fn finish(
        &self,
        permit: &Permit<ManageCredential>,
        reading: &Permit<UseCredential>,
        callback: &Callback,
        effects: Effects,
    ) -> Result<CredentialRow, Error> {
        let state_hash = words::hash(callback.field("state").ok_or(Error::State)?);
        let begun = self.begun(&state_hash).await?;
        if begun.scope != permit.scope() {
            return Err(Error::State);
        }
        // Asked before the state is used up, so that whoever only saw the address cannot spoil it.
        let binding = callback.binding.as_ref().ok_or(Error::OtherBrowser)?;
        if words::hash(binding.expose()) != begun.binding_hash {
            return Err(Error::OtherBrowser);
        }
        if callback.session != begun.session {
            return Err(Error::OtherSession);
        }
        let now = self.clock.now();
        let system = authz::act_as_system("a state is used once");
        if !self.store.use_state(system, state_hash, now).await? {
            return Err(Error::State);
        }
        let opened = self.vault.open(Purpose::Settings, &bound(begun.scope, &state_hash), &begun.sealed);
        let pending: Pending =
            serde_json::from_slice(opened.map_err(vault::Error::Open)?.expose()).map_err(|_| Error::State)?;
        let client = self.client(begun.scope, &begun.provider).await?;
        if let Some(judge) = client.provider.callback {
            let secret = client.secret.as_ref().ok_or_else(no_secret)?;
            if !judge(&callback.query, secret.expose()) {
                return Err(Error::Callback { why: "its signature is missing or wrong" });
            }
        }
        if let Some(issuer) = &client.settings.issuer
            && callback.field("iss") != Some(issuer.as_str())
        {
            return Err(Error::Callback { why: "it comes from another issuer" });
        }
        if let Some(code) = callback.field("error") {
            return Err(Error::Denied { code: words::code(code) });
        }
        let code = callback.field("code").filter(|code| !code.is_empty() && code.len() <= 4096);
        let code = code.ok_or(Error::Callback { why: "it brings no code" })?;
        let mut fields =
            vec![("grant_type", "authorization_code"), ("code", code), ("redirect_uri", &*pending.redirect_uri)];
        if client.pkce() {
            fields.push(("code_verifier", &pending.verifier));
        }
        let tokens = self.tokens(&client, client.token_url(&pending.parameters)?, &fields, now).await?;
        self.keep(permit, reading, &client, pending, tokens, effects).await
    }

    async fn keep(
        &self,
        permit: &Permit<ManageCredential>,
        reading: &Permit<UseCredential>,
        client: &Opened,
        pending: Pending,
        tokens: Tokens,
        effects: Effects,
    ) -> Result<CredentialRow, Error> {
        let (scope, now) = (permit.scope(), self.clock.now());
        let mut parameters = pending.parameters;
        if let Some(url) = &tokens.answer.instance_url {
            parameters["instance_url"] = json!(url.trim_end_matches('/'));
        }
        let account = self.after(client, &tokens, &mut parameters).await?.or_else(|| tokens.answer.account.clone());
        let hosts = if pending.hosts.is_empty() { client.hosts(&parameters)? } else { pending.hosts };
        let value = tokens.value(client, None)?;
        let id = pending.again.unwrap_or_else(|| CredentialId::new(now, rand::random()));
        let grant = Grant {
            credential: id,
            scope,
            provider: client.name.clone(),
            account,
            scopes: tokens.scopes.clone().unwrap_or_else(|| pending.requested.clone()),
            requested: pending.requested,
            parameters,
            expires_at: tokens.expires_at,
            refresh_expires_at: tokens.refresh_expires_at,
            refreshable: tokens.refresh.is_some(),
            status: "active".to_owned(),
            reason: None,
            refreshes: 0,
            refreshed_at: now,
            failures: 0,
            retry_at: None,
            lease_until: None,
        };
        let Some(again) = pending.again else {
            let new = NewCredentialRow {
                id,
                name: pending.name,
                kind: CredentialKind::OauthToken.as_str().to_owned(),
                hosts,
                sealed: self.vault.seal_value(scope, id, 1, &value)?,
                provider: Some(client.name.clone()),
                rotation_due_at: None,
            };
            return Ok(self.store.add_connection(permit, new, grant, effects).await?);
        };
        let mut tries = 0;
        loop {
            let version = self.vault.credential(reading, again).await?.version + 1;
            let sealed = self.vault.seal_value(scope, again, version, &value)?;
            let kept = self
                .store
                .renew_connection(permit, version, sealed, hosts.clone(), grant.clone(), effects.clone())
                .await;
            match kept {
                Ok(()) => return Ok(self.vault.credential(reading, again).await?),
                // A refresh came in between: the tokens from the person who has just agreed are the newer ones.
                Err(store::Error::Missing { .. }) if tries < 3 => tries += 1,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// What some providers only tell after the first token; whom it is for.
    async fn after(&self, client: &Opened, tokens: &Tokens, parameters: &mut Json) -> Result<Option<String>, Error> {
        let After::Resources { url, parameter } = client.provider.after else { return Ok(None) };
        let url = client.url(client.settings.resources_url.as_deref().unwrap_or(url), parameters)?;
        let mut request = Request::to(Method::GET, url)
            .timeout(TIMEOUT)
            .max_response_bytes(1 << 20)
            .header("accept", "application/json")?
            .secret_header("authorization", &format!("Bearer {}", tokens.access.expose()))?;
        request.follow_redirects = false;
        let answer = self.answer(client, request).await?;
        let found: Vec<&Json> = answer.as_array().into_iter().flatten().take(100).collect();
        let texts = |name: &str| -> Vec<String> {
            found.iter().filter_map(|one| one.get(name)?.as_str()).map(str::to_owned).collect()
        };
        let ids = texts("id");
        if ids.is_empty() {
            let why = "it is for no site";
            return Err(ProviderError::NothingGranted { provider: client.name.clone(), why }.into());
        }
        parameters[parameter] = json!(ids);
        Ok(Some(texts("url").join(", ").chars().take(200).collect()))
    }
}

fn bound(scope: Scope, state_hash: &[u8; 32]) -> Bound<'_> {
    Bound { table: "oauth_requests", field: "sealed", scope: Some(scope), row: state_hash, version: 1 }
}

/// All that the provider's addresses need, judged; nothing else.
fn parameters(client: &Opened, given: &Json) -> Result<Json, Error> {
    let known = client.provider.parameters;
    let empty = serde_json::Map::new();
    let given = match given {
        Json::Null => &empty,
        Json::Object(map) => map,
        _ => return Err(Error::Parameter { name: "parameters".to_owned(), why: "an object is expected".to_owned() }),
    };
    if let Some(name) = given.keys().find(|name| known.iter().all(|parameter| parameter.name != name.as_str())) {
        let name = words::code(name);
        return Err(Error::Parameter { name, why: "the provider has no such parameter".to_owned() });
    }
    let mut all = serde_json::Map::new();
    for parameter in known {
        let value = match given.get(parameter.name) {
            None => parameter.default,
            Some(value) => value.as_str(),
        };
        match value.filter(|value| (parameter.fits)(value)) {
            Some(value) => _ = all.insert(parameter.name.to_owned(), json!(value)),
            None => {
                let why = format!("expected {}", parameter.expected);
                return Err(Error::Parameter { name: parameter.name.to_owned(), why });
            }
        }
    }
    Ok(Json::Object(all))
}

/// The provider's least, and what is asked for beyond it.
fn scopes(client: &Opened, more: &[String]) -> Result<Vec<String>, Error> {
    let mut all = client.default_scopes();
    for scope in more {
        // RFC 6749, 3.3, and no comma: it would be two where the separator is one.
        let fits = |b: u8| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e) && b != b',';
        if scope.is_empty() || scope.len() > 300 || !scope.bytes().all(fits) {
            return Err(Error::Scope {
                why: "a scope has 1 to 300 visible characters, no quotes and no comma".to_owned(),
            });
        }
        if !all.contains(scope) {
            all.push(scope.clone());
        }
    }
    if all.len() > MOST_SCOPES {
        return Err(Error::Scope { why: format!("there are more than {MOST_SCOPES}") });
    }
    Ok(all)
}
