use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Json;

/// Makes a workflow, or a new version of one.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SaveWorkflow {
    /// The definition, as in a workflow file.
    pub definition: Json,
    /// Name, when the definition has none.
    #[serde(default)]
    pub name: Option<String>,
}

/// A workflow over all its versions.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Workflow {
    pub id: String,
    #[serde(serialize_with = "crate::display::shown")]
    pub name: String,
    pub created_at: String,
    pub created_by: String,
    /// Content hash of the newest version.
    pub latest_version: String,
    /// The version published in each environment.
    pub published: BTreeMap<String, String>,
    /// Addresses of its webhooks in this environment.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub webhooks: Vec<String>,
}

/// An immutable version.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Version {
    /// SHA-256 of the canonical definition, hexadecimal.
    pub version: String,
    pub created_at: String,
    pub created_by: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub definition: Option<Json>,
}

/// Puts a version into service in the environment of the address.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Publish {
    /// Absent means the newest version.
    #[serde(default)]
    pub version: Option<String>,
}

/// Takes the version that is published in the environment of the address to another one.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PromoteTo {
    /// `staging` or `production`.
    pub to: String,
}

/// Something that is wrong with a definition.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Defect {
    /// JSON pointer to the place.
    pub path: String,
    /// Stable word, such as `unknown_node_type`.
    pub code: String,
    #[serde(serialize_with = "crate::display::shown")]
    pub message: String,
}

/// What a validation found.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Validation {
    pub valid: bool,
    pub errors: Vec<Defect>,
    /// Content hash that the version would have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// The difference between two versions.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Difference {
    pub from: String,
    pub to: String,
    /// Nodes, edges, settings and policies that were added, removed or changed.
    pub changes: Json,
    /// The same for people.
    pub text: String,
}

/// Expressions to try with values, without a run.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PreviewExpressions {
    /// By a name of the caller's own: a text with `{{ … }}`, or any JSON that holds such texts. At most 40 in all.
    pub expressions: BTreeMap<String, Json>,
    #[serde(default)]
    pub input: Json,
    #[serde(default)]
    pub previous: Json,
    /// Outputs by node.
    #[serde(default)]
    pub nodes: BTreeMap<String, Json>,
    /// `item`, inside a FOR_EACH.
    #[serde(default)]
    pub item: Option<Json>,
}

/// What they yield.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PreviewedExpressions {
    pub results: BTreeMap<String, PreviewedExpression>,
}

/// What one yields: `value` or `error`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct PreviewedExpression {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Json>,
    /// The value was longer than 16 KiB: `value` is its beginning, as text.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cut: bool,
    /// What is wrong, for the author.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}
