//! Giving a token back to its provider, and deleting the credential.

use authz::{
    Permit,
    action::{ManageCredential, UseCredential},
};
use domain::{CredentialId, Json, Secret};
use egress::{Method, Request};
use serde_json::json;
use store::{Effects, grants::Grant};
use vault::CredentialValue;

use crate::{
    Connections, Error,
    clients::Opened,
    exchange::{TIMEOUT, basic, form},
    provider::{Revoke, RevokeClient, Which},
};

/// What became of the token at the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revoked {
    /// It is worth nothing any more.
    Yes,
    /// It was no connection.
    Nothing,
    /// The provider has no call for it; says how people do it.
    ByHand(&'static str),
    /// The provider did not take it back; says why.
    No(String),
}

impl Connections {
    /// Deletes a credential, giving its tokens back to the provider first. A provider that does not answer does not keep a
    /// credential alive here: it is deleted all the same, and the answer says what is left to do there.
    ///
    /// # Errors
    /// [`Error::Vault`] with `NotFound`: nothing was done.
    pub async fn delete(
        &self,
        permit: &Permit<ManageCredential>,
        reading: &Permit<UseCredential>,
        id: CredentialId,
        effects: Effects,
    ) -> Result<Revoked, Error> {
        self.vault.credential(reading, id).await?;
        let system = authz::act_as_system("a connection that is deleted is revoked first");
        let revoked = match self.store.grant(system, id).await? {
            None => Revoked::Nothing,
            Some(grant) => match self.revoke(&grant).await {
                Ok(revoked) => revoked,
                Err(error) => Revoked::No(error.to_string()),
            },
        };
        self.vault.delete_credential(permit, id, effects).await?;
        Ok(revoked)
    }

    async fn revoke(&self, grant: &Grant) -> Result<Revoked, Error> {
        let system = authz::act_as_system("a connection that is deleted is revoked first");
        let found = self.store.sealed_credential_of(system, grant.credential).await?;
        let found = found.ok_or(vault::Error::NotFound)?;
        let value = self.vault.open_value(grant.scope, &found.shown, &found.sealed)?;
        let client = self.client(grant.scope, &grant.provider).await?;
        let Some(request) = request(&client, &value, &grant.parameters)? else {
            let Revoke::ByHand(how) = client.provider.revoke else { return Ok(Revoked::Nothing) };
            return Ok(Revoked::ByHand(how));
        };
        let mut request = request.timeout(TIMEOUT).max_response_bytes(64 * 1024);
        request.follow_redirects = false;
        let response = self.egress.send(request).await?;
        let status = response.status.as_u16();
        let bytes = response.body.collect().await.unwrap_or_default();
        let said_no =
            serde_json::from_slice::<Json>(&bytes).is_ok_and(|json| json.get("ok") == Some(&Json::Bool(false)));
        match status {
            200..=299 if !said_no => Ok(Revoked::Yes),
            // A token that it does not know is worth nothing there either.
            404 | 422 => Ok(Revoked::Yes),
            _ => Ok(Revoked::No(format!("{} answered with status {status}", client.name))),
        }
    }
}

fn request(client: &Opened, value: &CredentialValue, parameters: &Json) -> Result<Option<Request>, Error> {
    let access = value.main();
    let refresh = value.field("refresh_token").unwrap_or(access);
    let own = client.settings.revoke_url.as_deref();
    let bearer = |token: &Secret<String>| format!("Bearer {}", token.expose());
    let url = |of: &str| client.url(own.unwrap_or(of), parameters);
    Ok(Some(match client.provider.revoke {
        // RFC 7009, where the settings name an address.
        Revoke::ByHand(_) if own.is_some() => {
            let secret = client.secret.as_ref().map_or("", |secret| secret.expose());
            let mut fields = vec![("token", refresh.expose().as_str()), ("client_id", &client.client_id)];
            if !secret.is_empty() {
                fields.push(("client_secret", secret));
            }
            post(url("")?, &fields)?
        }
        Revoke::ByHand(_) => return Ok(None),
        Revoke::Post { url: of, token, client: with } => {
            let token = if token == Which::Refresh { refresh } else { access };
            let mut fields = vec![("token", token.expose().as_str())];
            if with == RevokeClient::Body {
                fields.push(("client_id", &client.client_id));
                if let Some(secret) = &client.secret {
                    fields.push(("client_secret", secret.expose()));
                }
            }
            let json = client.body() == crate::provider::BodyForm::Json;
            let mut request = if json {
                Request::to(Method::POST, url(of)?).json(&json!({ "token": token.expose() }))
            } else {
                post(url(of)?, &fields)?
            };
            if with == RevokeClient::Basic {
                request = request.secret_header("authorization", &basic(client)?)?;
            }
            for (name, value) in client.provider.headers {
                request = request.header(name, value)?;
            }
            request
        }
        Revoke::AsBearer { url: of } => post(url(of)?, &[])?.secret_header("authorization", &bearer(access))?,
        Revoke::GithubDelete { url: of } => Request::to(Method::DELETE, url(of)?)
            .json(&json!({ "access_token": access.expose() }))
            .header("accept", "application/vnd.github+json")?
            .secret_header("authorization", &basic(client)?)?,
        Revoke::DeleteAsSelf { url: of } => {
            let (name, value) = value.header().unwrap_or_else(|| ("authorization".to_owned(), access.clone()));
            Request::to(Method::DELETE, url(of)?).secret_header(&name, value.expose())?
        }
    }))
}

fn post(url: egress::Url, fields: &[(&str, &str)]) -> Result<Request, Error> {
    let request = Request::to(Method::POST, url).header("content-type", "application/x-www-form-urlencoded")?;
    Ok(request.body(form(fields).into_bytes()))
}
