//! The table of routes. Every line says who may and what the audit trail calls it; see [`crate::route`].

mod access;
mod approvals;
mod audit;
mod credentials;
mod events;
mod guardrails;
mod runs;
mod show;
mod system;
mod workflows;

pub use runs::idempotency_key;
pub use show::run as shown_run;
pub use workflows::with;

use authz::Permission as P;
use axum::http::StatusCode;

use crate::{operation::Operation as O, route::Route};

const PAGING: &[(&str, &str)] =
    &[("limit", "Items at most, 1 to 200. Default 50."), ("cursor", "`next` of the page before.")];
const WORKFLOWS: &[(&str, &str)] = &[PAGING[0], PAGING[1], ("name", "Only the workflow of exactly this name.")];
const RUNS: &[(&str, &str)] =
    &[PAGING[0], PAGING[1], ("workflow", "Only runs of this workflow."), ("status", "Only runs with this status.")];
const DIFF: &[(&str, &str)] = &[("from", "A version."), ("to", "Another version.")];
const AUDIT: &[(&str, &str)] = &[
    PAGING[0],
    PAGING[1],
    ("operation", "Only this operation, such as `workflow.publish`."),
    ("target", "Only what was done to this."),
    ("result", "Only `intent`, `succeeded`, `refused`, `failed` or `blocked`."),
];
const EVENTS: &[(&str, &str)] =
    &[("after", "Only events after this sequence number."), ("run", "Only events of this run.")];

macro_rules! here {
    ($path:literal) => {
        concat!("/api/v1/teams/{team}/{environment}", $path)
    };
}

const HOOKS: &str = "/hooks/{team}/{environment}/{*path}";

/// Which methods a webhook takes is its own setting; the route takes them all.
const fn hook(route: Route) -> Route {
    route.public("the webhook's path, and its signature if it has one, stand for the right").audited(O::StartWebhookRun)
}

/// Every route of the server.
#[rustfmt::skip]
pub fn table() -> Vec<Route> {
    vec![
        // the process
        Route::get("/healthz", "Whether the process runs", system::health).public("it says nothing but that"),
        Route::get("/readyz", "Whether the server can serve", system::ready).public("it says nothing but that"),
        Route::get("/api/v1/openapi.json", "This description", system::openapi).public("it is the same for everyone"),
        Route::get("/docs/errors/{code}", "What a problem's code means", system::error_page).public("it is documentation"),
        Route::get("/", "A page that says the server runs", system::front).public("it says nothing but that"),
        Route::get("/security", "How to report a weakness", system::security).public("whoever finds one has no account"),
        Route::get("/.well-known/security.txt", "RFC 9116", system::security_txt).public("whoever finds a weakness has no account"),
        Route::get("/assets/page.css", "The pages' style sheet", system::style).public("pages before sign-in use it"),

        // who
        Route::get("/setup", "The page behind the set-up link", access::set_up_page).public("it is made for somebody who has no account yet"),
        Route::post("/setup", "Makes the first admin (form)", access::set_up).public("the one-time token stands for the right").audited(O::SetUp).status(StatusCode::CREATED),
        Route::post("/api/v1/auth/login", "Signs in with a password", access::sign_in).public("this is how one signs in").audited(O::SignIn).takes::<api::SignIn>().gives::<api::SignedIn>(),
        Route::post("/api/v1/auth/refresh", "Renews a session", access::refresh).public("the refresh cookie stands for the right").audited(O::RefreshSession).gives::<api::SignedIn>(),
        Route::post("/api/v1/auth/logout", "Ends the session", access::sign_out).audited(O::SignOut).status(StatusCode::NO_CONTENT),
        Route::get("/api/v1/me", "Who is asking", access::me).gives::<api::Me>(),
        Route::get(here!("/api-keys"), "Lists the team's API keys", access::list_keys).needs(P::ManageTeam).gives::<api::Page<api::ApiKey>>().query(PAGING),
        Route::post(here!("/api-keys"), "Makes an API key of one's own", access::create_key).needs(P::ManageTeam).audited(O::CreateApiKey).takes::<api::CreateApiKey>().gives::<api::NewApiKey>().status(StatusCode::CREATED),
        Route::delete(here!("/api-keys/{id}"), "Ends an API key", access::revoke_key).needs(P::ManageTeam).audited(O::RevokeApiKey),

        // workflows
        Route::get("/api/v1/node-types", "Every node type with the JSON Schema of its parameters", workflows::node_types),
        Route::get(here!("/workflows"), "Lists workflows", workflows::list).needs(P::ViewWorkflow).gives::<api::Page<api::Workflow>>().query(WORKFLOWS),
        Route::post(here!("/workflows"), "Makes a workflow", workflows::create).needs(P::EditWorkflow).audited(O::CreateWorkflow).takes::<api::SaveWorkflow>().gives::<api::Workflow>().status(StatusCode::CREATED),
        Route::post(here!("/workflows/validate"), "Says everything that is wrong with a definition", workflows::validate).needs(P::ViewWorkflow).takes::<api::SaveWorkflow>().gives::<api::Validation>(),
        Route::get(here!("/workflows/{id}"), "A workflow", workflows::show).needs(P::ViewWorkflow).gives::<api::Workflow>(),
        Route::put(here!("/workflows/{id}"), "Saves a new version", workflows::save).needs(P::EditWorkflow).audited(O::SaveVersion).takes::<api::SaveWorkflow>().gives::<api::Workflow>(),
        Route::delete(here!("/workflows/{id}"), "Deletes a workflow that is not published", workflows::delete).needs(P::DeleteWorkflow).audited(O::DeleteWorkflow),
        Route::get(here!("/workflows/{id}/export"), "The newest definition, as a file", workflows::export).needs(P::ViewWorkflow),
        Route::get(here!("/workflows/{id}/versions"), "Lists versions, newest first", workflows::versions).needs(P::ViewWorkflow).gives::<api::Page<api::Version>>().query(PAGING),
        Route::get(here!("/workflows/{id}/versions/{version}"), "A version with its definition", workflows::version).needs(P::ViewWorkflow).gives::<api::Version>(),
        Route::get(here!("/workflows/{id}/diff"), "The difference between two versions", workflows::diff).needs(P::ViewWorkflow).gives::<api::Difference>().query(DIFF),
        Route::post(here!("/workflows/{id}/publish"), "Puts a version into service here", workflows::publish).needs(P::EditWorkflow).audited(O::PublishWorkflow).takes::<api::Publish>().gives::<api::Workflow>(),
        Route::post(here!("/workflows/{id}/unpublish"), "Takes the workflow out of service here", workflows::unpublish).needs(P::EditWorkflow).audited(O::UnpublishWorkflow).gives::<api::Workflow>(),
        Route::post(here!("/workflows/{id}/promote"), "Publishes this environment's version in another", workflows::promote).needs(P::Promote).audited(O::PromoteWorkflow).takes::<api::PromoteTo>().gives::<api::Workflow>(),

        // runs
        Route::post(here!("/workflows/{id}/runs"), "Starts a run", runs::start).needs(P::ExecuteWorkflow).audited(O::StartRun).takes::<api::StartRun>().gives::<api::Run>().status(StatusCode::ACCEPTED),
        Route::get(here!("/runs"), "Lists runs, newest first", runs::list).needs(P::ViewWorkflow).gives::<api::Page<api::RunSummary>>().query(RUNS),
        Route::get(here!("/runs/{run}"), "A run with its nodes", runs::show).needs(P::ViewWorkflow).gives::<api::Run>(),
        Route::post(here!("/runs/{run}/cancel"), "Stops a run", runs::cancel).needs(P::ExecuteWorkflow).audited(O::CancelRun).gives::<api::RunSummary>(),
        Route::post(here!("/runs/{run}/pause"), "Holds a run at its next step", runs::pause).needs(P::ExecuteWorkflow).audited(O::PauseRun).gives::<api::RunSummary>(),
        Route::post(here!("/runs/{run}/resume"), "Lets a held run go on", runs::resume).needs(P::ExecuteWorkflow).audited(O::ResumeRun).gives::<api::RunSummary>(),
        Route::post(here!("/runs/{run}/retry"), "Starts a run that did not succeed again", runs::retry).needs(P::ExecuteWorkflow).audited(O::RetryRun).takes::<api::RetryRun>().gives::<api::RunSummary>().status(StatusCode::ACCEPTED),
        Route::get(here!("/approvals"), "Lists approvals, newest first", approvals::list).needs(P::ViewWorkflow).gives::<api::Page<api::Approval>>().query(PAGING),
        Route::post(here!("/approvals/{id}"), "Decides an approval", approvals::decide).needs(P::DecideApproval).audited(O::DecideApproval).takes::<api::Decide>().gives::<api::Approval>(),
        Route::get(here!("/events"), "Live events over a WebSocket", events::live).needs(P::ViewWorkflow).status(StatusCode::SWITCHING_PROTOCOLS).query(EVENTS),

        // safety
        Route::post(here!("/guardrails/check"), "Screens a text outside of any workflow", guardrails::check).needs(P::ExecuteWorkflow).audited(O::CheckGuardrails).takes::<api::CheckGuardrails>().gives::<api::GuardrailVerdict>(),
        Route::get("/api/v1/sandbox", "Which of the sandbox's guarantees this host gives", guardrails::sandbox),

        // data
        Route::get(here!("/credentials"), "Lists credentials, never their values", credentials::list).needs(P::UseCredential).gives::<api::Page<api::Credential>>().query(PAGING),
        Route::post(here!("/credentials"), "Puts a secret into the vault", credentials::create).needs(P::ManageCredential).audited(O::CreateCredential).takes::<api::CreateCredential>().gives::<api::Credential>().status(StatusCode::CREATED),
        Route::delete(here!("/credentials/{id}"), "Deletes a credential", credentials::delete).needs(P::ManageCredential).audited(O::DeleteCredential),

        // audit
        Route::get(here!("/audit"), "Lists audit entries, newest first", audit::list).needs(P::ViewAudit).audited(O::ViewAudit).gives::<api::Page<api::AuditEntry>>().query(AUDIT),
        Route::get(here!("/audit/verification"), "Verifies the trail", audit::verify).needs(P::ViewAudit).audited(O::VerifyAudit).gives::<api::AuditVerification>(),

        // the way in for the world
        hook(Route::get(HOOKS, "Starts a run of a published workflow", crate::webhook::receive)),
        hook(Route::post(HOOKS, "Starts a run of a published workflow", crate::webhook::receive)),
        hook(Route::put(HOOKS, "Starts a run of a published workflow", crate::webhook::receive)),
        hook(Route::patch(HOOKS, "Starts a run of a published workflow", crate::webhook::receive)),
        hook(Route::delete(HOOKS, "Starts a run of a published workflow", crate::webhook::receive)).status(StatusCode::OK),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::Access;

    /// R220: every route that changes something is in the audit trail.
    #[test]
    fn every_change_has_an_operation() {
        const READS_BY_POST: &[&str] = &["/workflows/validate"];
        for route in table().iter().filter(|route| route.method != axum::http::Method::GET) {
            let read = READS_BY_POST.iter().any(|end| route.path.ends_with(end));
            assert!(read || route.facts.operation.is_some(), "{} {} leaves no audit entry", route.method, route.path);
        }
    }

    /// R062: every route below a team names its permission.
    #[test]
    fn every_route_of_a_team_needs_a_permission() {
        for route in table().iter().filter(|route| route.path.starts_with("/api/v1/teams/")) {
            assert!(
                matches!(route.facts.access, Access::Needs(_)),
                "{} {} needs no permission",
                route.method,
                route.path
            );
        }
    }
}
