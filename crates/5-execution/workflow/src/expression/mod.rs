//! Expressions in parameters: minijinja with fuel, compiled once per plan.
//!
//! A string that is exactly one `{{ … }}` yields the JSON value itself; any other string with braces yields text.
//! The same scope always gives the same value: there is no clock and no randomness in here. What could grow without
//! bound (assignment in loops, padding, repeated replacement) is left out or bounded.

mod convert;
mod filters;
mod preview;
mod scope;
mod template;

use minijinja::{Environment, UndefinedBehavior, syntax::SyntaxConfig};

pub use preview::{Sample, count, preview};
pub(crate) use scope::{Lazy, Scope};
pub(crate) use template::{Compiler, Reads, Template};

use crate::limits;

/// The variables that an expression may start with.
pub(crate) const VARIABLES: &[&str] =
    &["input", "nodes", "previous", "run", "item", "item_index", "args", "warnings", "range", "loop"];

/// Whether a parameter string is evaluated at all.
pub fn is_expression(text: &str) -> bool {
    text.contains("{{") || text.contains("{%") || text.contains("{#")
}

/// The compiled expressions of one plan.
pub(crate) struct Expressions {
    pub env: Environment<'static>,
    pub count: usize,
}

impl Expressions {
    pub fn new() -> Self {
        let mut env = Environment::new();
        env.set_undefined_behavior(UndefinedBehavior::Strict);
        env.set_fuel(Some(limits::EXPRESSION_FUEL));
        env.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        env.set_recursion_limit(100);
        env.set_debug(false);
        env.set_syntax(SyntaxConfig::default());
        filters::install(&mut env);
        Self { env, count: 0 }
    }
}

impl std::fmt::Debug for Expressions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Expressions({})", self.count)
    }
}

#[cfg(test)]
mod tests;
