//! The wire types of the HTTP API `/api/v1`, one file per noun; `docs/reference/openapi.json` is made from them.
//!
//! Ids and times are strings here (`wf_…`, RFC 3339), so that the types say exactly what stands on the wire. Every body
//! that comes in denies unknown fields. This crate never holds logic and never sees storage.

mod access;
mod account;
mod audit;
mod credential;
mod display;
mod guardrail;
mod problem;
mod run;
mod siem;
mod team;
mod usage;
mod workflow;

pub use access::*;
pub use account::*;
pub use audit::*;
pub use credential::*;
pub use guardrail::*;
pub use problem::*;
pub use run::*;
pub use siem::*;
pub use team::*;
pub use usage::*;
pub use workflow::*;

use serde::{Deserialize, Serialize};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ArrayBuilder, ObjectBuilder, Ref, RefOr, Schema, Type},
};

/// Any JSON value.
pub type Json = serde_json::Value;

/// Part of a list. Ask again with `cursor` set to `next` for the part that follows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

// By hand: what is derived for a generic type has one name for pages of everything, and leaves its items out.
impl<T: ToSchema> PartialSchema for Page<T> {
    fn schema() -> RefOr<Schema> {
        let next = ObjectBuilder::new().schema_type(Type::String).description(Some("Absent on the last page."));
        ObjectBuilder::new()
            .description(Some("Part of a list. Ask again with `cursor` set to `next` for the part that follows."))
            .property("items", ArrayBuilder::new().items(Ref::from_schema_name(T::name())))
            .required("items")
            .property("next", next)
            .into()
    }
}

impl<T: ToSchema> ToSchema for Page<T> {
    fn name() -> std::borrow::Cow<'static, str> {
        format!("Page_{}", T::name()).into()
    }
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((T::name().into_owned(), T::schema()));
        T::schemas(schemas);
    }
}
