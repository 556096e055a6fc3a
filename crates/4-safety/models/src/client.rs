//! [`Models`] makes a [`Client`] per connection; a client performs calls.

use std::sync::Arc;

use domain::Clock;
use egress::{Egress, Url};

use crate::{
    ChatRequest, ChatResponse, Connection, Deltas, EmbedRequest, EmbedResponse, Error, LocalChat, ModerationRequest,
    ModerationResponse, Provider,
    provider::{anthropic, ollama, openai},
    transport::Transport,
};

/// All models that this process may call. Cheap to clone.
#[derive(Clone)]
pub struct Models {
    egress: Egress,
    clock: Clock,
    local: Option<Arc<dyn LocalChat>>,
}

impl Models {
    /// `clock` is asked when a provider names a moment to retry at; `local` is absent where no local model is set up.
    pub fn new(egress: Egress, clock: Clock, local: Option<Arc<dyn LocalChat>>) -> Self {
        Self { egress, clock, local }
    }

    /// A client for `connection`. Makes no call.
    ///
    /// # Errors
    /// [`Misconfigured`](Error::Misconfigured): no local model is set up, or the base URL cannot be extended.
    pub fn connect(&self, connection: Connection) -> Result<Client, Error> {
        let provider = connection.provider;
        let kind = match provider.default_base_url() {
            None => match &self.local {
                Some(local) => Kind::Local(local.clone()),
                None => return Err(Error::Misconfigured { provider, what: "no local model is set up on this server" }),
            },
            Some(default) => {
                let base = match connection.base_url.clone() {
                    Some(url) => url,
                    None => Url::parse(default)
                        .map_err(|_| Error::Misconfigured { provider, what: "the base URL cannot be read" })?,
                };
                if base.cannot_be_a_base() || base.query().is_some() || base.fragment().is_some() {
                    return Err(Error::Misconfigured { provider, what: "the base URL cannot be extended by a path" });
                }
                let transport = Transport { egress: self.egress.clone(), clock: self.clock.clone(), base, connection };
                Kind::Remote(Box::new(transport))
            }
        };
        Ok(Client { kind })
    }
}

/// One connection's client.
#[derive(Clone)]
pub struct Client {
    kind: Kind,
}

#[derive(Clone)]
enum Kind {
    Local(Arc<dyn LocalChat>),
    Remote(Box<Transport>),
}

impl Client {
    /// Asks the model. With `deltas` the answer is streamed into it; the whole answer is returned either way.
    ///
    /// # Errors
    /// Any [`Error`]; what may be retried within the connection's limits has been, and nothing is retried once a piece
    /// of an answer was handed out.
    pub async fn chat(&self, request: &ChatRequest, deltas: Option<Deltas>) -> Result<ChatResponse, Error> {
        match &self.kind {
            Kind::Local(local) => local.chat(request, deltas).await,
            Kind::Remote(transport) => match transport.provider() {
                Provider::Anthropic => anthropic::chat(transport, request, deltas).await,
                Provider::Ollama => ollama::chat(transport, request, deltas).await,
                Provider::OpenAi | Provider::Local => openai::chat(transport, request, deltas).await,
            },
        }
    }

    /// Embeds texts.
    ///
    /// # Errors
    /// [`Unsupported`](Error::Unsupported) for Anthropic and `local`; else as [`chat`](Self::chat).
    pub async fn embed(&self, request: &EmbedRequest) -> Result<EmbedResponse, Error> {
        match &self.kind {
            Kind::Remote(transport) if transport.provider() == Provider::OpenAi => {
                openai::embed(transport, request).await
            }
            Kind::Remote(transport) if transport.provider() == Provider::Ollama => {
                ollama::embed(transport, request).await
            }
            kind => Err(Error::Unsupported { provider: kind.provider(), what: "embeddings" }),
        }
    }

    /// Has texts judged (R153).
    ///
    /// # Errors
    /// [`Unsupported`](Error::Unsupported) for all but OpenAI-compatible servers; else as [`chat`](Self::chat).
    pub async fn moderate(&self, request: &ModerationRequest) -> Result<ModerationResponse, Error> {
        match &self.kind {
            Kind::Remote(transport) if transport.provider() == Provider::OpenAi => {
                openai::moderate(transport, request).await
            }
            kind => Err(Error::Unsupported { provider: kind.provider(), what: "moderation" }),
        }
    }
}

impl Kind {
    fn provider(&self) -> Provider {
        match self {
            Self::Local(_) => Provider::Local,
            Self::Remote(transport) => transport.provider(),
        }
    }
}
