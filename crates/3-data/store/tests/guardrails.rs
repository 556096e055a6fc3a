//! What teams set for their guardrails, on both databases.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::time::Duration;

use authz::action::{ManageGuardrail, ViewWorkflow};
use domain::{Environment, Principal, Scope};
use harness::{on_both, permit_for, system, team, user, uuid};
use serde_json::json;
use store::{Effects, Error, GuardrailException, GuardrailReference};

/// Exceptions with an owner and an end, references by category, and thresholds: kept, replaced, deleted, and seen by
/// no other team (R061, R140, R168).
#[tokio::test]
async fn what_a_team_sets_is_its_own() {
    on_both(async |ground| {
        let place = |n: u128, environment| Scope { team: team(n), environment };
        let here = permit_for::<ManageGuardrail>(place(1, Environment::Production));
        let look = permit_for::<ViewWorkflow>(place(1, Environment::Production));
        let elsewhere = permit_for::<ViewWorkflow>(place(2, Environment::Production));
        let staging = permit_for::<ViewWorkflow>(place(1, Environment::Staging));
        let at = ground.clock.now();
        let by = Principal::User { id: user(1) };
        let mut exception = GuardrailException {
            id: uuid(1),
            kind: Some("PROMPT_INJECTION".to_owned()),
            matcher: json!({ "text": "ticket-7" }),
            owner: "ann".to_owned(),
            reason: "a name of ours".to_owned(),
            expires_at: at + Duration::from_secs(60),
            created_by: by,
            created_at: at,
        };
        ground.store.put_guardrail_exception(&here, exception.clone(), Effects::none()).await.unwrap();
        exception.owner = "bob".to_owned();
        ground.store.put_guardrail_exception(&here, exception.clone(), Effects::none()).await.unwrap();
        assert_eq!(ground.store.guardrail_exceptions(&look).await.unwrap(), [exception.clone()]);
        // Another team's permit does not reach it by its id.
        let theirs = permit_for::<ManageGuardrail>(place(2, Environment::Production));
        let mut stolen = exception.clone();
        stolen.owner = "eve".to_owned();
        ground.store.put_guardrail_exception(&theirs, stolen, Effects::none()).await.unwrap();
        assert_eq!(ground.store.guardrail_exceptions(&look).await.unwrap()[0].owner, "bob");
        for other in [&elsewhere, &staging] {
            assert!(ground.store.guardrail_exceptions(other).await.unwrap().is_empty());
        }
        let refused = ground.store.delete_guardrail_exception(&theirs, uuid(1), Effects::none()).await;
        assert!(matches!(refused, Err(Error::Missing { .. })));

        let reference = GuardrailReference {
            id: uuid(2),
            kind: "attack".to_owned(),
            category: "refund_fraud".to_owned(),
            content: "refund it twice".to_owned(),
            created_by: by,
            created_at: at,
        };
        ground.store.add_guardrail_references(&here, vec![reference.clone()], Effects::none()).await.unwrap();
        ground.store.set_guardrail_settings(&here, json!({"thresholds": {}}), Effects::none()).await.unwrap();
        let (settings, exceptions, references) = ground.store.guardrails_of(system(), here.scope()).await.unwrap();
        assert_eq!((settings, exceptions.len()), (Some(json!({"thresholds": {}})), 1));
        assert_eq!(references, [reference]);
        ground.store.delete_guardrail_reference(&here, uuid(2), Effects::none()).await.unwrap();
        ground.store.delete_guardrail_exception(&here, uuid(1), Effects::none()).await.unwrap();
        assert!(ground.store.guardrail_references(&look).await.unwrap().is_empty());
    })
    .await;
}
