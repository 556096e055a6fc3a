//! What is known of a provider: data, and a few functions for what data cannot say.

use domain::Json;

/// Something that addresses are made of: `{shop}`, `{tenant}`.
#[derive(Debug, Clone, Copy)]
pub struct Parameter {
    pub name: &'static str,
    pub title: &'static str,
    /// Used when none is given; without it one must be given.
    pub default: Option<&'static str>,
    /// Whether a text can be this parameter: it becomes part of an address, so this is narrow.
    pub fits: fn(&str) -> bool,
    /// What fits, in words.
    pub expected: &'static str,
}

/// How a client shows who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuth {
    /// `client_id` and `client_secret` in the body.
    Body,
    /// HTTP Basic.
    Basic,
}

/// What a token request's body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BodyForm {
    Form,
    Json,
}

/// When a token expires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// As the answer says; never when it does not.
    Told,
    /// The answer does not say: taken to be this many seconds; a 401 before then is the end of it, too.
    Assumed(u64),
}

/// How a token is given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revoke {
    /// There is no call for it; says how people do it.
    ByHand(&'static str),
    /// `POST token=…`; client in the body or as Basic, as the provider has it for tokens.
    Post { url: &'static str, token: Which, client: RevokeClient },
    /// The token itself as Bearer.
    AsBearer { url: &'static str },
    /// GitHub: `DELETE` with Basic and a JSON body.
    GithubDelete { url: &'static str },
    /// `DELETE` with the provider's own header.
    DeleteAsSelf { url: &'static str },
}

/// Which of the two tokens is given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    Access,
    /// The refresh token, or the access token where there is none: this ends the whole grant.
    Refresh,
}

/// What goes along with a revocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RevokeClient {
    Nothing,
    Body,
    Basic,
}

/// What is asked after the first token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    Nothing,
    /// A list of what the token is for; its ids become the parameter `parameter`.
    Resources {
        url: &'static str,
        parameter: &'static str,
    },
}

/// A provider. Addresses hold `{parameter}`s.
#[derive(Debug, Clone, Copy)]
pub struct Provider {
    /// The word on the wire.
    pub name: &'static str,
    pub title: &'static str,
    pub authorize: &'static str,
    pub token: &'static str,
    pub revoke: Revoke,
    pub parameters: &'static [Parameter],
    /// The least that is of use; more is asked for explicitly.
    pub default_scopes: &'static [&'static str],
    pub scope_separator: &'static str,
    /// The provider speaks PKCE; where it does not, nothing is sent, because some refuse what they do not know.
    pub pkce: bool,
    pub authorize_extra: &'static [(&'static str, &'static str)],
    pub token_extra: &'static [(&'static str, &'static str)],
    pub client_auth: ClientAuth,
    pub body: BodyForm,
    /// Headers of token requests.
    pub headers: &'static [(&'static str, &'static str)],
    /// Scopes are sent again with a refresh.
    pub scope_on_refresh: bool,
    pub expiry: Expiry,
    /// Codes that say the grant is gone, besides `invalid_grant`.
    pub gone: &'static [&'static str],
    /// The header that carries the token; `authorization: Bearer …` when none.
    pub header: Option<&'static str>,
    /// Where the API is: what a token may be sent to unless somebody says otherwise.
    pub hosts: &'static [&'static str],
    /// Headers that the API wants with every call.
    pub api_headers: &'static [(&'static str, &'static str)],
    /// Domains below which an instance that the answer names must lie.
    pub instances: &'static [&'static str],
    /// An address that answers 200 to a token that works.
    pub probe: Option<&'static str>,
    pub after: After,
    /// Puts an answer into the usual form: Slack's user tokens, what says whom the token is for.
    pub read: fn(&Json) -> Answer,
    /// Judges the way back from the provider before anything else is done with it.
    pub callback: Option<fn(&[(String, String)], &str) -> bool>,
}

/// What an answer says beyond the usual fields.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Answer {
    /// Whom or what the token is for.
    pub account: Option<String>,
    /// An address of the provider's that this token is for.
    pub instance_url: Option<String>,
    /// The answer in its usual form, where the provider has its own.
    pub usual: Option<Json>,
}

/// A provider to begin from.
pub const PLAIN: Provider = Provider {
    name: "custom",
    title: "Another provider",
    authorize: "",
    token: "",
    revoke: Revoke::ByHand("the provider's settings name no address for it"),
    parameters: &[],
    default_scopes: &[],
    scope_separator: " ",
    pkce: true,
    authorize_extra: &[],
    token_extra: &[],
    client_auth: ClientAuth::Body,
    body: BodyForm::Form,
    headers: &[],
    scope_on_refresh: false,
    expiry: Expiry::Told,
    gone: &[],
    header: None,
    hosts: &[],
    api_headers: &[],
    instances: &[],
    probe: None,
    after: After::Nothing,
    read: nothing_more,
    callback: None,
};

fn nothing_more(_: &Json) -> Answer {
    Answer::default()
}

/// The first of these that is a text, by JSON pointer.
pub(crate) fn first_text(answer: &Json, pointers: &[&str]) -> Option<String> {
    let texts = pointers.iter().filter_map(|pointer| answer.pointer(pointer)?.as_str());
    texts.map(|text| text.chars().take(200).collect::<String>()).find(|text| !text.trim().is_empty())
}
