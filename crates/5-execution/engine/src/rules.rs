//! A workflow's policies as the engine asks them. What they mean is decided in the crate `policies`; here they are read
//! once per plan, asked before anything is done, and turned into a failure that carries the violation along.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use policies::{Dialect, Policies, Policy, Violation};
use serde_json::json;
use workflow::{Call, Failure, FailureKind, Plan, SqlDialect};

/// The policies of the plans that were used last.
#[derive(Default)]
pub(crate) struct Rules {
    /// By the plan's address: the weak reference keeps it from being given to another plan.
    known: Mutex<HashMap<usize, (Weak<Plan>, Arc<Policies>)>>,
    none: Arc<Policies>,
}

/// More than that, and those of plans that are gone are forgotten.
const KEPT: usize = 512;

impl Rules {
    /// The policies of a plan.
    ///
    /// # Errors
    /// They cannot be read; nothing may run then.
    pub fn of(&self, plan: &Arc<Plan>) -> Result<Arc<Policies>, Failure> {
        let written = &plan.definition().policies;
        if *written == workflow::Policies::default() {
            return Ok(Arc::clone(&self.none));
        }
        let address = Arc::as_ptr(plan) as usize;
        if let Some((_, read)) = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&address) {
            return Ok(Arc::clone(read));
        }
        let read = Policies::parse(&written.to_json()).map_err(|defects| {
            let said: Vec<String> = defects.iter().take(3).map(ToString::to_string).collect();
            Failure::new(FailureKind::Policy, format!("the workflow's policies cannot be read: {}", said.join("; ")))
        })?;
        let read = Arc::new(read);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KEPT {
            known.retain(|_, (plan, _)| plan.strong_count() > 0);
        }
        if known.len() >= KEPT {
            known.clear();
        }
        known.insert(address, (Arc::downgrade(plan), Arc::clone(&read)));
        Ok(read)
    }
}

/// A refusal as a run meets it. Its detail is the violation, so that it is kept word for word when the run is written.
pub(crate) fn refusal(violation: Violation) -> Failure {
    let kind = if violation.policy == Policy::TokenBudget { FailureKind::Budget } else { FailureKind::Policy };
    Failure::new(kind, violation.message.clone()).with_detail(json!(violation))
}

/// Whether a call may be made: its credential, where it goes, what it runs.
pub(crate) fn ask(policies: &Policies, call: &Call) -> Result<(), Failure> {
    if let Some(named) = call.credential() {
        policies.credential(&[named]).map_err(refusal)?;
    }
    match call {
        Call::Http(call) => policies.http(&call.url),
        // A provider's own address belongs to the choice of the node type; one that the workflow names is a domain
        // like any other.
        Call::Chat(call) => call.model.base_url.as_deref().map_or(Ok(()), |url| policies.http(url)),
        Call::Embed(call) => call.model.base_url.as_deref().map_or(Ok(()), |url| policies.http(url)),
        Call::Sql(call) => policies.sql(
            &call.query,
            match call.dialect {
                SqlDialect::Postgres => Dialect::PostgreSql,
                SqlDialect::Sqlite => Dialect::Sqlite,
            },
        ),
        Call::Code(_) | Call::Screen(_) => Ok(()),
    }
    .map_err(refusal)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]
mod tests {
    use super::*;

    fn plan(policies: serde_json::Value) -> Arc<Plan> {
        let registry = nodes::registry();
        let document = json!({ "format": "nodeloom/workflow/v1", "name": "ruled", "policies": policies,
            "nodes": [{ "type": "TRANSFORM", "parameters": { "template": {} } }] });
        let definition = workflow::Definition::parse(&document, &registry).unwrap();
        Arc::new(Plan::new(Arc::new(definition), registry).unwrap())
    }

    #[test]
    fn policies_are_read_once_for_a_plan() {
        let (rules, plan) = (Rules::default(), plan(json!({ "sql_scope": "read_only" })));
        assert!(Arc::ptr_eq(&rules.of(&plan).unwrap(), &rules.of(&plan).unwrap()));
    }

    #[test]
    fn a_refusal_carries_its_violation_word_for_word() {
        let rules = Rules::default().of(&plan(json!({ "credentials": ["a"] }))).unwrap();
        let violation = rules.credential(&["b"]).unwrap_err();
        let failure = refusal(violation.clone());
        assert_eq!(failure.kind, FailureKind::Policy);
        assert_eq!(serde_json::from_value::<Violation>(failure.detail).unwrap(), violation);
    }
}
