//! A node's parameters against its schema, its own checks, and their expressions.

use domain::Json;
use jsonschema::error::ValidationErrorKind;

use super::{Check, Place};
use crate::{
    Defect, NodeSpec,
    expression::is_expression,
    read::{nearest, pointer},
};

impl Check<'_> {
    pub(super) fn parameters(&mut self, node: &NodeSpec, path: &str, place: &Place<'_>, tool: bool) {
        let (Some(kind), Some(validator)) = (self.registry.get(node.kind), self.registry.validator(node.kind)) else {
            let message = format!("this server cannot run {}", node.kind);
            self.defects.push(Defect::new(path, "unknown_node_type", message));
            return;
        };
        let before = self.defects.len();
        for error in validator.iter_errors(&node.parameters).take(100) {
            let at = error.instance_path().as_str().to_owned();
            let value = node.parameters.pointer(&at).unwrap_or(&Json::Null);
            match error.kind() {
                ValidationErrorKind::AdditionalProperties { unexpected } => {
                    let known = self.registry.schema(node.kind).and_then(|s| s.get("properties")?.as_object());
                    let known: Vec<_> = known.into_iter().flatten().map(|(key, _)| key.as_str()).collect();
                    for key in unexpected {
                        let hint = nearest(key, &known).filter(|_| at.is_empty());
                        let hint = hint.map(|near| format!("; did you mean {near:?}?")).unwrap_or_default();
                        let message = format!("there is no parameter {key:?} here{hint}");
                        let path = format!("{path}{}", pointer(&at, key));
                        self.defects.push(Defect::new(path, "unknown_field", message));
                    }
                }
                ValidationErrorKind::Required { property } => {
                    let message = format!("{property} is missing");
                    self.defects.push(Defect::new(format!("{path}{at}"), "missing_field", message));
                }
                ValidationErrorKind::OneOfNotValid { .. } | ValidationErrorKind::AnyOf { .. } if holds(value) => {}
                _ if value.as_str().is_some_and(is_expression) => {}
                kind => {
                    let code = match kind {
                        ValidationErrorKind::Type { .. } => "wrong_type",
                        ValidationErrorKind::Enum { .. } | ValidationErrorKind::Constant { .. } => "unknown_word",
                        _ => "bad_parameter",
                    };
                    let message: String = error.masked().to_string().chars().take(300).collect();
                    self.defects.push(Defect::new(format!("{path}{at}"), code, message));
                }
            }
        }
        if self.defects.len() == before {
            self.defects.extend(kind.check(&node.parameters).into_iter().map(|defect| defect.under(path)));
        }
        self.expressions(node, path, place, tool);
    }
}

/// Whether an expression stands anywhere in it.
fn holds(value: &Json) -> bool {
    match value {
        Json::String(text) => is_expression(text),
        Json::Array(items) => items.iter().any(holds),
        Json::Object(map) => map.values().any(holds),
        _ => false,
    }
}
