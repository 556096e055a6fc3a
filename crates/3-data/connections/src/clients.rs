//! The clients that a team has registered with providers, and what their settings change of a provider's data.

use authz::{
    Permit,
    action::{ManageCredential, UseCredential},
};
use domain::{Json, Scope, Secret, Timestamp};
use egress::Url;
use serde::{Deserialize, Serialize};
use store::{Effects, oauth::OauthClient};
use uuid::Uuid;
use vault::{Bound, Purpose};

use crate::{
    Connections, Error, Provider,
    provider::{BodyForm, ClientAuth},
    providers::find,
};

/// What differs from the provider's own data: a server of one's own, a sandbox, or everything of a custom provider.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClientSettings {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorize_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoke_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resources_url: Option<String>,
    /// An address that answers 200 to a token that works.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probe_url: Option<String>,
    /// What `iss` on the way back must be (RFC 9207).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// Where the API is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_hosts: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_scopes: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope_separator: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_auth: Option<ClientAuth>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<BodyForm>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pkce: Option<bool>,
}

/// A client to be kept.
#[derive(Debug)]
pub struct NewClient {
    pub provider: String,
    pub client_id: String,
    /// Absent for a public client.
    pub client_secret: Option<Secret<String>>,
    pub settings: ClientSettings,
}

/// A client as it is shown: never its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    pub provider: String,
    pub client_id: String,
    pub has_secret: bool,
    pub settings: ClientSettings,
    pub updated_at: Timestamp,
}

/// A client, opened, with its provider.
pub(crate) struct Opened {
    pub provider: &'static Provider,
    /// The word it goes by, `custom-acme` included.
    pub name: String,
    pub client_id: String,
    pub secret: Option<Secret<String>>,
    pub settings: ClientSettings,
}

impl Opened {
    pub fn pkce(&self) -> bool {
        self.settings.pkce.unwrap_or(self.provider.pkce)
    }
    pub fn client_auth(&self) -> ClientAuth {
        self.settings.client_auth.unwrap_or(self.provider.client_auth)
    }
    pub fn body(&self) -> BodyForm {
        self.settings.body.unwrap_or(self.provider.body)
    }
    pub fn separator(&self) -> &str {
        self.settings.scope_separator.as_deref().unwrap_or(self.provider.scope_separator)
    }
    pub fn default_scopes(&self) -> Vec<String> {
        let own = || self.provider.default_scopes.iter().map(|scope| (*scope).to_owned()).collect();
        self.settings.default_scopes.clone().unwrap_or_else(own)
    }
    pub fn authorize_url(&self, parameters: &Json) -> Result<Url, Error> {
        self.url(self.settings.authorize_url.as_deref().unwrap_or(self.provider.authorize), parameters)
    }
    pub fn token_url(&self, parameters: &Json) -> Result<Url, Error> {
        self.url(self.settings.token_url.as_deref().unwrap_or(self.provider.token), parameters)
    }
    /// An address with its `{parameters}` filled in.
    pub fn url(&self, template: &str, parameters: &Json) -> Result<Url, Error> {
        let filled = self.filled(template, parameters)?;
        Url::parse(&filled).map_err(|_| Error::Client { why: "an address is missing or not a URL".to_owned() })
    }
    /// Parameters were judged when they were given; one that is not there is an error, not an empty text.
    pub fn filled(&self, template: &str, parameters: &Json) -> Result<String, Error> {
        let (mut out, mut rest) = (String::new(), template);
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').unwrap_or((after, ""));
            let value = match name {
                "client_id" => Some(self.client_id.as_str()),
                name => parameters.get(name).and_then(Json::as_str),
            };
            let missing = || Error::Parameter { name: name.to_owned(), why: "it is not known".to_owned() };
            out.push_str(before);
            out.push_str(value.ok_or_else(missing)?);
            rest = after;
        }
        out.push_str(rest);
        Ok(out)
    }
    /// Where a token may be sent.
    pub fn hosts(&self, parameters: &Json) -> Result<Vec<String>, Error> {
        let mut hosts: Vec<String> = match &self.settings.api_hosts {
            Some(hosts) => hosts.clone(),
            None => self.provider.hosts.iter().map(|host| self.filled(host, parameters)).collect::<Result<_, _>>()?,
        };
        let instance = parameters.get("instance_url").and_then(Json::as_str).and_then(|url| Url::parse(url).ok());
        if let Some(host) = instance.as_ref().and_then(Url::host_str) {
            hosts.push(host.to_owned());
        }
        hosts.sort_unstable();
        hosts.dedup();
        Ok(hosts)
    }
    /// Whether an instance that an answer names is one of the provider's.
    pub fn is_own_instance(&self, url: &Url) -> bool {
        let Some(host) = url.host_str() else { return false };
        match &self.settings.api_hosts {
            Some(hosts) => hosts.iter().any(|own| own == host),
            None => {
                url.scheme() == "https"
                    && self.provider.instances.iter().any(|domain| {
                        host == *domain || host.strip_suffix(domain).is_some_and(|below| below.ends_with('.'))
                    })
            }
        }
    }
}

impl Connections {
    /// Registers a client, in place of one that is there.
    ///
    /// # Errors
    /// [`Error::UnknownProvider`], [`Error::Client`].
    pub async fn put_client(
        &self,
        permit: &Permit<ManageCredential>,
        new: NewClient,
        effects: Effects,
    ) -> Result<(), Error> {
        let provider = find(&new.provider)?;
        check(provider, &new)?;
        let id = Uuid::from_bytes(rand::random());
        let seal = |secret: &Secret<String>| {
            let row = id.into_bytes();
            self.vault.seal(Purpose::Settings, &bound(permit.scope(), &row), secret.expose().as_bytes())
        };
        let client = OauthClient {
            id,
            scope: permit.scope(),
            provider: new.provider,
            client_id: new.client_id,
            sealed: new.client_secret.as_ref().map(seal).transpose()?,
            settings: serde_json::to_value(&new.settings).unwrap_or_default(),
            updated_at: self.clock.now(),
        };
        Ok(self.store.put_oauth_client(permit, client, effects).await?)
    }
    /// Forgets a client; its connections can no longer be refreshed.
    ///
    /// # Errors
    /// [`Error::NoClient`].
    pub async fn delete_client(
        &self,
        permit: &Permit<ManageCredential>,
        provider: &str,
        effects: Effects,
    ) -> Result<(), Error> {
        let done = self.store.delete_oauth_client(permit, provider.to_owned(), effects).await;
        done.map_err(|error| match error {
            store::Error::Missing { .. } => Error::NoClient { provider: crate::words::code(provider) },
            error => error.into(),
        })
    }
    /// The clients of a team and environment; never their secrets.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn clients(&self, permit: &Permit<UseCredential>) -> Result<Vec<Client>, Error> {
        let rows = self.store.oauth_clients(permit).await?;
        let shown = rows.into_iter().map(|row| Client {
            provider: row.provider,
            client_id: row.client_id,
            has_secret: row.sealed.is_some(),
            settings: serde_json::from_value(row.settings).unwrap_or_default(),
            updated_at: row.updated_at,
        });
        Ok(shown.collect())
    }

    /// The client for a provider, opened.
    pub(crate) async fn client(&self, scope: Scope, name: &str) -> Result<Opened, Error> {
        let provider = find(name)?;
        let system = authz::act_as_system("a connection needs the client's id and secret");
        let row = self.store.oauth_client(system, scope, name).await?;
        let row = row.ok_or_else(|| Error::NoClient { provider: name.to_owned() })?;
        let id = row.id.into_bytes();
        let open = |sealed: Vec<u8>| -> Result<Secret<String>, Error> {
            let plain = self.vault.open(Purpose::Settings, &bound(scope, &id), &sealed).map_err(vault::Error::Open)?;
            let text = std::str::from_utf8(plain.expose())
                .map_err(|_| Error::Client { why: "the secret is not text".to_owned() })?;
            Ok(Secret::new(text.to_owned()))
        };
        Ok(Opened {
            provider,
            name: row.provider,
            client_id: row.client_id,
            secret: row.sealed.map(open).transpose()?,
            settings: serde_json::from_value(row.settings).unwrap_or_default(),
        })
    }
}

fn bound(scope: Scope, row: &[u8; 16]) -> Bound<'_> {
    Bound { table: "oauth_clients", field: "sealed", scope: Some(scope), row, version: 1 }
}

fn check(provider: &Provider, new: &NewClient) -> Result<(), Error> {
    let refuse = |why: &str| Err(Error::Client { why: why.to_owned() });
    let plain = |text: &str| !text.is_empty() && text.len() <= 512 && text.bytes().all(|b| b.is_ascii_graphic());
    if !plain(&new.client_id) {
        return refuse("client_id has 1 to 512 visible ASCII characters");
    }
    if new.client_secret.as_ref().is_some_and(|secret| {
        secret.expose().is_empty() || secret.expose().len() > 4096 || secret.expose().chars().any(char::is_control)
    }) {
        return refuse("client_secret is a line of at most 4096 bytes");
    }
    let settings = &new.settings;
    let urls = [
        &settings.authorize_url,
        &settings.token_url,
        &settings.revoke_url,
        &settings.resources_url,
        &settings.probe_url,
    ];
    for url in urls.into_iter().flatten() {
        // A parameter stands where a host may stand, too: judged filled in.
        let filled = url.replace(['{', '}'], "");
        let Ok(parsed) = Url::parse(&filled) else { return refuse("an address is not a URL") };
        let near = parsed.host_str().is_some_and(|host| {
            host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        });
        if parsed.scheme() != "https" && !near {
            return refuse("an address begins with https://");
        }
        if !parsed.username().is_empty() || parsed.password().is_some() || parsed.fragment().is_some() {
            return refuse("an address has no user, password or fragment");
        }
    }
    let custom = provider.authorize.is_empty();
    if custom && (settings.authorize_url.is_none() || settings.token_url.is_none()) {
        return refuse("a custom provider needs authorize_url and token_url");
    }
    if custom && settings.api_hosts.as_ref().is_none_or(Vec::is_empty) {
        return refuse("a custom provider needs api_hosts: where its tokens may be sent");
    }
    if settings.scope_separator.as_ref().is_some_and(|text| !matches!(text.as_str(), " " | ",")) {
        return refuse("scope_separator is a space or a comma");
    }
    if settings.api_hosts.as_ref().is_some_and(|hosts| hosts.iter().any(|host| host == "*")) {
        return refuse("api_hosts names hosts; a token that may be sent anywhere is not kept");
    }
    let hosts = settings.api_hosts.clone().unwrap_or_default();
    vault::check(vault::CredentialKind::OauthToken, "client", &hosts)?;
    Ok(())
}
