//! An entry as an OCSF 1.9 event with the record-integrity profile. What its fields have no home for is in `unmapped`,
//! the entry's bytes with their proof among it.

use domain::{AuditResult, Json, Principal};
use serde_json::{Map, json};

use super::found::{About, Found};

const VERSION: &str = "1.9.0";
const API_ACTIVITY: u64 = 6003;
const AUTHENTICATION: u64 = 3002;
const ACCOUNT_CHANGE: u64 = 3001;
const USER_ACCESS: u64 = 3005;
const GROUP_MANAGEMENT: u64 = 3006;

/// The class of an operation and its activity there.
fn class_of(operation: &str) -> (u64, u64) {
    let (noun, verb) = operation.split_once('.').unwrap_or((operation, ""));
    match (noun, verb) {
        ("session", "create" | "refresh") => (AUTHENTICATION, 1),
        ("session", "end") => (AUTHENTICATION, 2),
        ("session", _) => (AUTHENTICATION, 99),
        ("user" | "person" | "service_account", _) => (ACCOUNT_CHANGE, changes(verb, [1, 6, 99])),
        ("member" | "membership" | "role" | "invitation", _) => (USER_ACCESS, changes(verb, [1, 2, 99])),
        ("group" | "team", _) => (GROUP_MANAGEMENT, changes(verb, [6, 5, 99])),
        _ => {
            let read = ["view", "list", "read", "verify", "export", "prove", "show"];
            let update = ["save", "update", "publish", "unpublish", "promote", "rotate", "revoke", "purge", "set"];
            let delete = ["delete", "remove", "erase"];
            let starts = |words: &[&str]| words.iter().any(|word| verb.starts_with(word));
            let activity = match () {
                () if verb.starts_with("create") || verb.starts_with("start") || verb.starts_with("add") => 1,
                () if starts(&read) => 2,
                () if starts(&update) => 3,
                () if starts(&delete) => 4,
                () => 99,
            };
            (API_ACTIVITY, activity)
        }
    }
}

/// Create, delete, other: in the numbers of the class.
fn changes(verb: &str, [create, delete, other]: [u64; 3]) -> u64 {
    match verb {
        "create" | "add" | "grant" | "invite" | "accept" => create,
        "delete" | "remove" | "revoke" | "erase" => delete,
        _ => other,
    }
}

pub(super) fn event(about: &About, found: &Found) -> Json {
    let shown = &found.shown;
    let (class, activity) = class_of(&shown.operation);
    let (status_id, status) = match shown.result {
        AuditResult::Succeeded => (1, "Success"),
        AuditResult::Refused | AuditResult::Failed | AuditResult::Blocked => (2, "Failure"),
        AuditResult::Intent => (0, "Unknown"),
    };
    let severity = match shown.result {
        AuditResult::Refused | AuditResult::Blocked => 3,
        AuditResult::Failed => 2,
        _ => 1,
    };
    let millis = shown.at.micros().div_euclid(1_000);
    let team = about.chain.split('/').next().unwrap_or_default();
    let mut event = json!({
        "class_uid": class,
        "category_uid": class / 1_000,
        "activity_id": activity,
        "type_uid": class * 100 + activity,
        "severity_id": severity,
        "status_id": status_id,
        "status": status,
        "status_detail": shown.result.as_str(),
        "time": millis,
        "message": format!("{} {}", shown.operation, shown.result.as_str()),
        "metadata": {
            "version": VERSION,
            "product": { "name": "NodeLoom", "vendor_name": "NodeLoom" },
            "uid": shown.id.to_string(),
            "tenant_uid": team,
            "sequence": shown.sequence,
            "logged_time": millis,
            "log_name": "audit",
            "profiles": ["record_integrity"],
        },
        "attestation_list": [{
            "uid": shown.id.to_string(),
            "authority_uid": about.key,
            "chain_uid": about.chain,
            "fingerprint": fingerprint(&shown.hash),
            "prev_event": previous(shown.sequence, &found.previous),
        }],
        "unmapped": {
            "detail": shown.detail,
            "proof": {
                "cbor": found.proof.cbor,
                "salt": found.proof.salt,
                "path": found.proof.path,
                "checkpoint": about.number,
            },
        },
    });
    let Some(fields) = event.as_object_mut() else { return event };
    if shown.sequence == 1
        && let Some(attestation) = fields["attestation_list"][0].as_object_mut()
    {
        attestation.remove("prev_event");
    }
    if let Some(intent) = shown.intent {
        fields["metadata"]["correlation_uid"] = json!(intent.to_string());
    }
    if let Some(micros) = shown.duration_micros {
        fields.insert("duration".to_owned(), json!(micros / 1_000));
    }
    who(fields, found, class);
    match class {
        API_ACTIVITY => {
            let mut api = json!({ "operation": shown.operation, "service": { "name": "nodeloom" } });
            if let Some(request) = shown.request {
                api["request"] = json!({ "uid": request.to_string() });
            }
            fields.insert("api".to_owned(), api);
        }
        _ => _ = fields.insert("activity_name".to_owned(), json!(shown.operation)),
    }
    if let Some(target) = &shown.target {
        let kind = target.split('_').next().unwrap_or_default();
        fields.insert("resources".to_owned(), json!([{ "uid": target, "type": kind }]));
    }
    event
}

fn fingerprint(hash: &str) -> Json {
    json!({ "algorithm": "SHA-256", "algorithm_id": 3, "value": hash })
}

fn previous(sequence: u64, hash: &str) -> Json {
    json!({ "fingerprint": fingerprint(hash), "uid": format!("{}", sequence.saturating_sub(1)) })
}

/// Actor, user and address. What was erased is said to be unknown, as the classes demand somebody.
fn who(fields: &mut Map<String, Json>, found: &Found, class: u64) {
    let subject = found.shown.subject.as_ref();
    let user = match subject.map(|subject| subject.principal) {
        None => json!({ "name": "erased", "type_id": 0 }),
        Some(Principal::System) => json!({ "name": "nodeloom", "uid": "system", "type_id": 3 }),
        Some(principal) => {
            let uid = principal.person().map_or_else(|| principal.to_string(), |person| person.to_string());
            let mut user = json!({ "uid": uid, "type_id": if principal.person().is_some() { 1 } else { 4 } });
            if uid != principal.to_string() {
                user["credential_uid"] = json!(principal.to_string());
            }
            user
        }
    };
    let mut actor = json!({ "user": user });
    if let Some(session) = subject.and_then(|subject| subject.session) {
        actor["session"] = json!({ "uid": session.to_string() });
    }
    if class != API_ACTIVITY {
        fields.insert("user".to_owned(), user);
    }
    fields.insert("actor".to_owned(), actor);
    let address = subject.and_then(|subject| subject.address);
    let endpoint = address.map_or_else(|| json!({ "name": "nodeloom" }), |address| json!({ "ip": address }));
    fields.insert("src_endpoint".to_owned(), endpoint);
    if let Some(agent) = subject.and_then(|subject| subject.user_agent.as_deref()) {
        fields.insert("http_request".to_owned(), json!({ "user_agent": agent }));
    }
}

#[cfg(test)]
mod tests {
    use super::class_of;

    #[test]
    fn operations_have_a_class_and_an_activity() {
        assert_eq!(class_of("session.create"), (3002, 1));
        assert_eq!(class_of("session.end"), (3002, 2));
        assert_eq!(class_of("workflow.create"), (6003, 1));
        assert_eq!(class_of("audit.view"), (6003, 2));
        assert_eq!(class_of("workflow.publish"), (6003, 3));
        assert_eq!(class_of("credential.delete"), (6003, 4));
        assert_eq!(class_of("person.erase"), (3001, 6));
    }
}
