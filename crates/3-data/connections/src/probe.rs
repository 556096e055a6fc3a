//! Whether a credential works: one harmless call with it.

use authz::{Permit, action::UseCredential};
use domain::{CredentialId, Json};
use egress::{Method, Request, Url};
use store::Effects;
use vault::{CredentialKind, Lease, Named, Use};

use crate::{Connections, Error, exchange::TIMEOUT};

/// How a test ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tested {
    Works,
    /// The other side refused it.
    Refused {
        status: u16,
    },
    /// It is not known: nothing there, or something else answered.
    Unclear {
        why: String,
    },
}

impl Tested {
    /// As it is kept and shown.
    pub fn sentence(&self) -> String {
        match self {
            Self::Works => "ok".to_owned(),
            Self::Refused { status } => format!("refused with status {status}"),
            Self::Unclear { why } => why.clone(),
        }
    }
}

impl Connections {
    /// Sends a credential to `url`, or to the address that its provider has for this, and keeps how it went.
    ///
    /// # Errors
    /// [`Error::Parameter`] without an address to ask; those of [`Connections::lease`], the host's binding among them.
    pub async fn test(
        &self,
        permit: &Permit<UseCredential>,
        id: CredentialId,
        url: Option<&str>,
        effects: Effects,
    ) -> Result<Tested, Error> {
        let shown = self.vault.credential(permit, id).await?;
        let (url, api_headers) = match (url, &shown.provider) {
            (Some(url), _) => (Url::parse(url).map_err(|_| bad("it is no URL"))?, &[][..]),
            (None, Some(name)) => {
                let client = self.client(permit.scope(), name).await?;
                let grant = self.connection(permit, id).await?.grant;
                let template = client.settings.probe_url.as_deref().or(client.provider.probe);
                let template = template.ok_or_else(|| bad("this provider has none; give one"))?;
                (client.url(template, &grant.parameters)?, client.provider.api_headers)
            }
            (None, None) if shown.kind == CredentialKind::ServiceAccount.as_str() => {
                return self.test_key_file(permit, id, effects).await;
            }
            (None, None) => return Err(bad("give the address to ask")),
        };
        let host = url.host_str().ok_or_else(|| bad("it names no host"))?.to_owned();
        let lease = self.lease(permit, Named(&id.to_string()), &Use { host: Some(&host) }, self.clock.now()).await?;
        if lease.value().carrier().is_none() {
            return Err(bad("a credential of this kind goes in no request"));
        }
        let tested = match self.probe(&lease, url, api_headers).await {
            Ok(tested) => tested,
            Err(Error::Egress(error)) => Tested::Unclear { why: error.to_string() },
            Err(error) => return Err(error),
        };
        self.store.credential_tested(permit, id, tested.sentence(), effects).await?;
        Ok(tested)
    }

    /// Whether the key file of a service account is taken where it says.
    async fn test_key_file(
        &self,
        permit: &Permit<UseCredential>,
        id: CredentialId,
        effects: Effects,
    ) -> Result<Tested, Error> {
        self.forget_exchanged(id);
        let lease = self.vault.lease(permit, Named(&id.to_string()), &Use::default(), self.clock.now()).await?;
        let tested = match self.exchanged(lease).await {
            Ok(_) => Tested::Works,
            Err(error @ (Error::KeyFile { .. } | Error::Provider(_) | Error::Egress(_))) => {
                Tested::Unclear { why: error.to_string() }
            }
            Err(error) => return Err(error),
        };
        self.store.credential_tested(permit, id, tested.sentence(), effects).await?;
        Ok(tested)
    }

    async fn probe(&self, lease: &Lease, mut url: Url, headers: &[(&str, &str)]) -> Result<Tested, Error> {
        if let Some((name, value)) = lease.value().query() {
            url.query_pairs_mut().append_pair(&name, value.expose());
        }
        let mut request = Request::to(Method::GET, url).timeout(TIMEOUT).max_response_bytes(64 * 1024);
        request.follow_redirects = false;
        for (name, value) in headers {
            request = request.header(name, value)?;
        }
        if let Some((name, value)) = lease.value().header() {
            request = request.secret_header(&name, value.expose())?;
        }
        let response = self.egress.send(request).await?;
        let status = response.status.as_u16();
        let bytes = response.body.collect().await.unwrap_or_default();
        let said_no =
            serde_json::from_slice::<Json>(&bytes).is_ok_and(|json| json.get("ok") == Some(&Json::Bool(false)));
        Ok(match status {
            200..=299 if !said_no => Tested::Works,
            200..=299 | 401 | 403 => Tested::Refused { status },
            _ => Tested::Unclear { why: format!("it answered with status {status}") },
        })
    }
}

fn bad(why: &str) -> Error {
    Error::Parameter { name: "url".to_owned(), why: why.to_owned() }
}
