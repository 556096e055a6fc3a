//! WEBHOOK: an HTTP request starts the run. The server reads [`Settings`]; the request is the run's input.

use domain::Json;
use serde::{Deserialize, Serialize};
use serde_json::json;
use workflow::{Answer, Defect, Failure, Next, Node, NodeContext, NodeType, Port};

pub(crate) struct Webhook;

/// What the server needs to know to answer at the webhook's address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Shown at the end of the address; the unguessable part comes before it.
    pub path: String,
    pub methods: Vec<String>,
    pub respond: RespondWhen,
    /// How long the caller waits for the run; then it is answered 202 with the run's id.
    pub timeout_ms: u64,
    pub signature: Option<Signature>,
}

impl Default for Settings {
    fn default() -> Self {
        let methods = vec!["POST".to_owned()];
        Self { path: String::new(), methods, respond: RespondWhen::WhenFinished, timeout_ms: 30_000, signature: None }
    }
}

/// When the caller is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RespondWhen {
    /// With the run's response, or its output.
    WhenFinished,
    /// At once, with the run's id.
    Immediately,
}

/// The caller proves that it knows a secret: hex or base64 of HMAC over the body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    /// Vault entry with the secret.
    pub credential: String,
    #[serde(default = "header")]
    pub header: String,
    #[serde(default)]
    pub scheme: Scheme,
}

fn header() -> String {
    "x-signature-256".to_owned()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scheme {
    /// `sha256=<hex>` or bare hex of HMAC-SHA256 over the raw body.
    #[default]
    HmacSha256,
}

impl Settings {
    /// From the node's parameters.
    ///
    /// # Errors
    /// When they were not validated before.
    pub fn parse(parameters: &Json) -> Result<Self, serde_json::Error> {
        Self::deserialize(parameters)
    }
}

impl Node for Webhook {
    fn kind(&self) -> NodeType {
        NodeType::Webhook
    }
    fn schema(&self) -> Json {
        let signature = json!({
            "title": "Signature", "type": "object", "additionalProperties": false, "required": ["credential"],
            "description": "Refuse requests whose body is not signed with the shared secret.",
            "properties": {
                "credential": crate::schema::credential("The vault entry with the shared secret."),
                "header": { "title": "Header", "type": "string", "default": header(), "pattern": "^[A-Za-z0-9-]{1,100}$" },
                "scheme": { "title": "Scheme", "enum": ["hmac-sha256"], "default": "hmac-sha256" }
            }
        });
        let properties = json!({
            "path": { "title": "Path", "type": "string", "default": "", "pattern": "^[A-Za-z0-9_/-]{0,200}$",
                "description": "Readable end of the address.", "examples": ["support"] },
            "methods": { "title": "Methods", "type": "array", "minItems": 1, "uniqueItems": true, "default": ["POST"],
                "items": { "enum": ["GET", "POST", "PUT", "PATCH", "DELETE"] } },
            "respond": { "title": "Answer", "enum": ["when_finished", "immediately"], "default": "when_finished",
                "description": "When the caller is answered." },
            "timeout_ms": { "title": "Longest wait for the answer, in ms", "type": "integer", "minimum": 1,
                "maximum": 300_000, "default": 30_000 },
            "signature": signature
        });
        crate::schema::object("Webhook", "Starts when an HTTP request arrives.", &[], properties)
    }
    fn verbatim(&self) -> &'static [&'static str] {
        &["path", "methods", "respond", "timeout_ms", "signature"]
    }
    fn check(&self, parameters: &Json) -> Vec<Defect> {
        match Settings::parse(parameters) {
            Ok(_) => Vec::new(),
            Err(error) => vec![Defect::new("", "bad_parameter", error.to_string())],
        }
    }
    fn next(&self, cx: &NodeContext<'_>, _: &[Answer]) -> Result<Next, Failure> {
        Ok(crate::pass_on(cx, Port::Main))
    }
}
