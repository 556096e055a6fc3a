//! The table of routes. Every line says who may and what the audit trail calls it; see [`crate::route`].

mod approvals;
mod audit;
mod connections;
mod credentials;
mod dashboard;
mod events;
mod expressions;
mod guardrails;
mod invitations;
mod keys;
mod links;
mod me;
mod members;
mod runs;
mod second_factor;
mod sessions;
mod show;
mod siem;
mod sign_in;
mod system;
mod teams;
mod usage;
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
    ("person", "Only what `user_…` (with whatever key or trigger), `sa_…` or `system` did."),
    ("address", "Only from this IP address."),
    ("request", "Only of this request (`req_…`)."),
    ("from", "Only from this moment on (RFC 3339)."),
    ("until", "Only before this moment (RFC 3339)."),
];
const AUDIT_EXPORT: &[(&str, &str)] = &[
    ("format", "`bundle` (everything, for auditors; the default), `jsonl`, `csv` or `ocsf`."),
    AUDIT[2],
    AUDIT[3],
    AUDIT[4],
    AUDIT[5],
    AUDIT[6],
    AUDIT[7],
    AUDIT[8],
    AUDIT[9],
];
const USAGE: &[(&str, &str)] = &[
    ("from", "The first day (UTC), such as `2026-11-01`. Default 29 days before the last."),
    ("to", "The last day, counted in. Default today. 366 days at most."),
    ("by", "`day` (the default), `workflow`, `model` or `principal`."),
];
const TOUCHED: &[(&str, &str)] = &[("target", "What was touched, such as `wf_…`.")];
const AUDIT_PROOF: &[(&str, &str)] = &[("entry", "The entry's id."), ("sequence", "Or its sequence in the chain.")];
const CONSISTENCY: &[(&str, &str)] =
    &[("from", "Number of the earlier checkpoint."), ("to", "Number of the later one. Default the newest.")];
const VIOLATIONS: &[(&str, &str)] = &[
    PAGING[0],
    PAGING[1],
    ("run", "Only those of this run."),
    ("workflow", "Only those of this workflow."),
    ("name", "Only what this check, rule or policy found."),
    ("kind", "Only `guardrail` or `policy`."),
];
const ACTIVITY: &[(&str, &str)] = &[("days", "How many days, 1 to 366, today included. Default 30.")];
const SCORES: &[(&str, &str)] = &[
    ("check", "`PROMPT_INJECTION` or `CONTENT_FILTER`."),
    ("runs", "How many of the newest runs, 1 to 200. Default 100. What takes longer than 4 seconds is left out."),
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
    let route = route.or_status(StatusCode::ACCEPTED).audited(O::StartWebhookRun);
    route.public("the webhook's path, and its signature if it has one, stand for the right")
}

const DASHBOARD: &str = "its files are the same for everyone; what they show comes from the API";

/// Every route of the server.
#[rustfmt::skip]
pub fn table() -> Vec<Route> {
    vec![
        // the process
        Route::get("/healthz", "Whether the process runs", system::health).uncounted().public("it says nothing but that"),
        Route::get("/readyz", "Whether the server can serve", system::ready).uncounted().public("it says nothing but that"),
        Route::get("/api/v1/openapi.json", "This description", system::openapi).public("it is the same for everyone"),
        Route::get("/docs/errors/{code}", "What a problem's code means", system::error_page).public("it is documentation"),
        Route::get("/", "The dashboard", dashboard::app).public(DASHBOARD),
        Route::get("/sign-in", "The dashboard's sign-in", dashboard::app).public(DASHBOARD),
        Route::get("/account", "The dashboard's page of one's own account", dashboard::app).public(DASHBOARD),
        Route::get("/t/{*page}", "The dashboard's pages of a team", dashboard::app).public(DASHBOARD),
        Route::get("/assets/{*file}", "A file of the dashboard", dashboard::asset).public(DASHBOARD),
        Route::get("/security", "How to report a weakness", system::security).public("whoever finds one has no account"),
        Route::get("/.well-known/security.txt", "RFC 9116", system::security_txt).public("whoever finds a weakness has no account"),
        Route::get("/assets/page.css", "The pages' style sheet", system::style).public("pages before sign-in use it"),

        // who
        Route::get("/setup", "The page behind the set-up link", sign_in::set_up_page).public("it is made for somebody who has no account yet"),
        Route::post("/setup", "Makes the first admin (form)", sign_in::set_up).attempt().public("the one-time token stands for the right").audited(O::SetUp).status(StatusCode::CREATED),
        Route::post("/api/v1/auth/login", "Signs in with a password: a session, or the second step", sign_in::sign_in).attempt().public("this is how one signs in").audited(O::SignIn).takes::<api::SignIn>().gives::<api::SignInAnswer>(),
        Route::post("/api/v1/auth/second-factor", "The second step of a sign-in", sign_in::second_step).attempt().public("the first step's token stands for the right").audited(O::SecondStep).takes::<api::SecondStep>().gives::<api::SignedIn>(),
        Route::post("/api/v1/auth/refresh", "Renews a session", sign_in::refresh).attempt().public("the refresh cookie stands for the right").audited(O::RefreshSession).gives::<api::SignedIn>(),
        Route::post("/api/v1/auth/logout", "Ends the session", sign_in::sign_out).audited(O::SignOut).status(StatusCode::NO_CONTENT),
        Route::post("/api/v1/auth/verification", "Mails a link that confirms an address", links::ask_verification).asks_for_mail().public("whoever asks cannot sign in yet; the answer says nothing").audited(O::AskVerification).takes::<api::ToAddress>().gives::<api::Taken>().status(StatusCode::ACCEPTED),
        Route::post("/api/v1/auth/verification/confirm", "Confirms an address", links::confirm_email).attempt().public("the mailed token stands for the right").audited(O::ConfirmEmail).takes::<api::LinkToken>().status(StatusCode::NO_CONTENT),
        Route::post("/api/v1/auth/password-reset", "Mails a link that sets a new password", links::ask_reset).asks_for_mail().public("whoever asks cannot sign in; the answer says nothing").audited(O::AskReset).takes::<api::ToAddress>().gives::<api::Taken>().status(StatusCode::ACCEPTED),
        Route::post("/api/v1/auth/password-reset/confirm", "Sets a new password; every session ends", links::reset_password).attempt().public("the mailed token stands for the right").audited(O::ResetPassword).takes::<api::ResetPassword>().status(StatusCode::NO_CONTENT),
        Route::get("/verify-email", "The page behind a link that confirms an address", links::verify_page).public("it is a form around the token"),
        Route::post("/verify-email", "Confirms an address (form)", links::verify_form).attempt().public("the mailed token stands for the right").audited(O::ConfirmEmail),
        Route::get("/reset-password", "The page behind a link that sets a new password", links::reset_page).public("it is a form around the token"),
        Route::post("/reset-password", "Sets a new password (form)", links::reset_form).attempt().public("the mailed token stands for the right").audited(O::ResetPassword),
        Route::post("/api/v1/invitations/look", "What an invitation says", invitations::look).attempt().public("the invitation's token stands for the right").takes::<api::LinkToken>().gives::<api::InvitedTo>(),
        Route::post("/api/v1/invitations/accept", "Joins a team", invitations::accept).attempt().public("the invitation's token stands for the right").audited(O::AcceptInvitation).takes::<api::AcceptInvitation>().gives::<api::Joined>(),
        Route::get("/invitation", "The page behind an invitation", invitations::page).public("it is made for somebody who has no account yet"),
        Route::post("/invitation", "Joins a team (form)", invitations::page_form).attempt().public("the invitation's token stands for the right").audited(O::AcceptInvitation),

        // me
        Route::get("/api/v1/me", "Who is asking", me::me).gives::<api::Me>(),
        Route::get("/api/v1/permissions", "Which role may what, as enforced", me::permissions).gives::<api::PermissionTable>(),
        Route::post("/api/v1/me/password", "Changes one's password; every other session ends", me::change_password).audited(O::ChangePassword).takes::<api::ChangePassword>().gives::<api::SignedIn>(),
        Route::post("/api/v1/me/email", "Mails a link that makes another address the account's", me::change_email).audited(O::ChangeEmail).dangerous().takes::<api::ToAddress>().gives::<api::Taken>().status(StatusCode::ACCEPTED),
        Route::post("/api/v1/me/step-up", "Proves anew who one is, for dangerous acts", me::step_up).audited(O::StepUp).takes::<api::StepUp>().gives::<api::SignedIn>(),
        Route::get("/api/v1/me/sessions", "Lists one's sessions, newest first", sessions::list).gives::<api::Sessions>(),
        Route::delete("/api/v1/me/sessions", "Ends all of one's sessions but this one", sessions::end_others).audited(O::EndOtherSessions),
        Route::delete("/api/v1/me/sessions/{id}", "Ends one of one's sessions", sessions::end).audited(O::EndSession),
        Route::delete("/api/v1/me/teams/{team}", "Leaves a team, with one's keys there", teams::leave).audited(O::LeaveTeam),
        Route::get("/api/v1/me/second-factor", "How one's second factor stands", second_factor::show).gives::<api::SecondFactor>(),
        Route::post("/api/v1/me/second-factor", "Makes a secret for an authenticator", second_factor::enrol).audited(O::EnrolSecondFactor).dangerous().gives::<api::Enrolment>().status(StatusCode::CREATED),
        Route::post("/api/v1/me/second-factor/confirm", "Confirms the secret with a code", second_factor::confirm).audited(O::ConfirmSecondFactor).takes::<api::Code>().gives::<api::Confirmed>(),
        Route::post("/api/v1/me/second-factor/recovery-codes", "Makes new recovery codes in place of the old", second_factor::renew_codes).audited(O::RenewRecoveryCodes).dangerous().gives::<api::RecoveryCodes>(),
        Route::delete("/api/v1/me/second-factor", "Takes one's second factor away", second_factor::end).audited(O::EndSecondFactor).dangerous().gives::<api::SignedIn>().status(StatusCode::OK),

        // teams
        Route::post("/api/v1/teams", "Makes a team; for people who are an admin of one", teams::create).audited(O::CreateTeam).takes::<api::CreateTeam>().gives::<api::Team>().status(StatusCode::CREATED),
        Route::get(here!("/team"), "The team", teams::show).needs(P::ViewWorkflow).gives::<api::Team>(),
        Route::patch(here!("/team"), "Changes the team's name and what it demands of its members", teams::change).needs(P::ManageTeam).audited(O::ChangeTeam).dangerous().takes::<api::ChangeTeam>().gives::<api::Team>(),
        Route::delete(here!("/team"), "Ends the team", teams::delete).needs(P::ManageTeam).audited(O::DeleteTeam).dangerous(),
        Route::get(here!("/members"), "Lists the team's members", members::list).needs(P::ManageTeam).gives::<api::Page<api::Member>>().query(PAGING),
        Route::put(here!("/members/{id}"), "Gives a member another role", members::change_role).needs(P::ManageTeam).audited(O::ChangeRole).dangerous().takes::<api::ChangeRole>().gives::<api::Member>(),
        Route::delete(here!("/members/{id}"), "Takes a member out of the team", members::remove).needs(P::ManageTeam).audited(O::RemoveMember).dangerous(),
        Route::get(here!("/cooldowns"), "Pauses and failures that are recorded against members", members::cooldowns).needs(P::ManageTeam).audited(O::ViewCooldowns).gives::<api::MemberCooldowns>(),
        Route::get(here!("/invitations"), "Lists invitations that wait", invitations::list).needs(P::ManageTeam).gives::<api::Invitations>(),
        Route::post(here!("/invitations"), "Invites somebody", invitations::create).needs(P::ManageTeam).audited(O::Invite).dangerous().takes::<api::Invite>().gives::<api::Invitation>().status(StatusCode::CREATED),
        Route::post(here!("/invitations/{id}/resend"), "Sends an invitation again, with another link", invitations::resend).mails_again().needs(P::ManageTeam).audited(O::ResendInvitation).gives::<api::Invitation>(),
        Route::delete(here!("/invitations/{id}"), "Takes an invitation back", invitations::revoke).needs(P::ManageTeam).audited(O::RevokeInvitation),
        Route::get(here!("/service-accounts"), "Lists accounts for machines", members::machines).needs(P::ManageTeam).gives::<api::ServiceAccounts>(),
        Route::post(here!("/service-accounts"), "Makes an account for machines", members::create_machine).needs(P::ManageTeam).audited(O::CreateMachine).dangerous().takes::<api::CreateServiceAccount>().gives::<api::ServiceAccount>().status(StatusCode::CREATED),
        Route::delete(here!("/service-accounts/{id}"), "Ends an account for machines and its keys", members::delete_machine).needs(P::ManageTeam).audited(O::DeleteMachine),
        Route::post(here!("/service-accounts/{id}/api-keys"), "Makes an API key of an account for machines", keys::create_for_machine).needs(P::ManageTeam).audited(O::CreateApiKey).dangerous_when("the key may manage the team").takes::<api::CreateApiKey>().gives::<api::NewApiKey>().status(StatusCode::CREATED),
        Route::get(here!("/api-keys"), "Lists the team's API keys", keys::list).needs(P::ManageTeam).gives::<api::Page<api::ApiKey>>().query(PAGING),
        Route::post(here!("/api-keys"), "Makes an API key of one's own", keys::create).needs(P::ManageTeam).audited(O::CreateApiKey).dangerous_when("the key may manage the team").takes::<api::CreateApiKey>().gives::<api::NewApiKey>().status(StatusCode::CREATED),
        Route::delete(here!("/api-keys/{id}"), "Ends an API key", keys::revoke).needs(P::ManageTeam).audited(O::RevokeApiKey),

        // billing
        Route::get(here!("/usage"), "Runs, tokens and cost by day, workflow, model or principal", usage::report).needs(P::ManageBilling).gives::<api::UsageReport>().query(USAGE),
        Route::get(here!("/usage.csv"), "The same as a table for spreadsheets", usage::table).needs(P::ManageBilling).query(USAGE),
        Route::get(here!("/billing"), "Prices, limits, and how much of the month is used", usage::billing).needs(P::ManageBilling).gives::<api::Billing>(),
        Route::put(here!("/billing/prices"), "Sets what models cost", usage::set_prices).needs(P::ManageBilling).audited(O::SetPrices).takes::<api::SetPrices>().gives::<api::Billing>(),
        Route::put(here!("/billing/limits"), "Sets how much may be used in a month", usage::set_limits).needs(P::ManageBilling).audited(O::SetLimits).takes::<api::SetLimits>().gives::<api::Billing>(),

        // workflows
        Route::get("/api/v1/node-types", "Every node type with the JSON Schema of its parameters", workflows::node_types),
        Route::get(here!("/workflows"), "Lists workflows", workflows::list).needs(P::ViewWorkflow).gives::<api::Page<api::Workflow>>().query(WORKFLOWS),
        Route::post(here!("/workflows"), "Makes a workflow", workflows::create).needs(P::EditWorkflow).audited(O::CreateWorkflow).takes::<api::SaveWorkflow>().gives::<api::Workflow>().status(StatusCode::CREATED),
        Route::post(here!("/workflows/validate"), "Says everything that is wrong with a definition", workflows::validate).needs(P::ViewWorkflow).takes::<api::SaveWorkflow>().gives::<api::Validation>(),
        Route::post(here!("/workflows/preview"), "What expressions yield with given values", expressions::preview).needs(P::ViewWorkflow).takes::<api::PreviewExpressions>().gives::<api::PreviewedExpressions>(),
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
        Route::post(here!("/workflows/{id}/runs"), "Starts a run", runs::start).needs(P::ExecuteWorkflow).audited(O::StartRun).takes::<api::StartRun>().gives::<api::Run>().status(StatusCode::ACCEPTED).or_status(StatusCode::OK),
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
        Route::post(here!("/guardrails/playground"), "Tells everything that the checks find, and obeys none of it", guardrails::playground).needs(P::ExecuteWorkflow).takes::<api::CheckGuardrails>().gives::<api::GuardrailFindings>(),
        Route::get(here!("/guardrails/violations"), "Lists what guardrails and policies found, newest first", guardrails::traffic::violations).needs(P::ViewIncidents).gives::<api::Page<api::GuardrailViolation>>().query(VIOLATIONS),
        Route::get(here!("/guardrails/activity"), "What was found, counted by day", guardrails::traffic::activity).needs(P::ViewIncidents).gives::<api::GuardrailActivity>().query(ACTIVITY),
        Route::get(here!("/guardrails/scores"), "Scores of recent runs, to see what another threshold would stop", guardrails::traffic::scores).needs(P::ViewIncidents).gives::<api::GuardrailScores>().query(SCORES),
        Route::get(here!("/guardrails/settings"), "The team's thresholds here", guardrails::team::settings).needs(P::ViewWorkflow).gives::<api::GuardrailSettings>(),
        Route::put(here!("/guardrails/settings"), "Sets the team's thresholds here", guardrails::team::set).needs(P::ManageGuardrail).audited(O::SetGuardrails).takes::<api::GuardrailSettings>().gives::<api::GuardrailSettings>(),
        Route::get(here!("/guardrails/exceptions"), "Lists exceptions, ended ones too", guardrails::team::exceptions).needs(P::ViewWorkflow).gives::<api::Page<api::GuardrailException>>().query(PAGING),
        Route::post(here!("/guardrails/exceptions"), "Allows something that was found, until a day", guardrails::team::add_exception).needs(P::ManageGuardrail).audited(O::PutException).takes::<api::PutGuardrailException>().gives::<api::GuardrailException>().status(StatusCode::CREATED),
        Route::put(here!("/guardrails/exceptions/{id}"), "Changes an exception", guardrails::team::change_exception).needs(P::ManageGuardrail).audited(O::PutException).takes::<api::PutGuardrailException>().gives::<api::GuardrailException>(),
        Route::delete(here!("/guardrails/exceptions/{id}"), "Ends an exception", guardrails::team::delete_exception).needs(P::ManageGuardrail).audited(O::DeleteException),
        Route::get(here!("/guardrails/references"), "Lists the team's references for the semantic check", guardrails::team::references).needs(P::ViewWorkflow).gives::<api::Page<api::GuardrailReference>>().query(PAGING),
        Route::post(here!("/guardrails/references"), "Adds references for the semantic check", guardrails::team::add_references).needs(P::ManageGuardrail).audited(O::AddReferences).takes::<api::AddGuardrailReferences>().gives::<api::Page<api::GuardrailReference>>().status(StatusCode::CREATED),
        Route::delete(here!("/guardrails/references/{id}"), "Deletes a reference", guardrails::team::delete_reference).needs(P::ManageGuardrail).audited(O::DeleteReference),
        Route::post("/v1/moderations", "Moderation as OpenAI's API shapes it", guardrails::moderations::create).audited(O::Moderate).takes::<api::Moderate>().gives::<api::Moderation>(),
        Route::get("/api/v1/sandbox", "Which of the sandbox's guarantees this host gives", guardrails::sandbox),

        // data
        Route::get(here!("/credentials"), "Lists credentials, never their values", credentials::list).needs(P::UseCredential).gives::<api::Page<api::Credential>>().query(PAGING),
        Route::post(here!("/credentials"), "Puts a secret into the vault", credentials::create).needs(P::ManageCredential).audited(O::CreateCredential).takes::<api::CreateCredential>().gives::<api::Credential>().status(StatusCode::CREATED),
        Route::get(here!("/credentials/{id}"), "A credential, never its value", credentials::show_one).needs(P::UseCredential).gives::<api::Credential>(),
        Route::patch(here!("/credentials/{id}"), "Changes name, hosts or when it is due", credentials::change).needs(P::ManageCredential).audited(O::ChangeCredential).takes::<api::ChangeCredential>().gives::<api::Credential>(),
        Route::put(here!("/credentials/{id}/value"), "Gives a credential its next value", credentials::replace).needs(P::ManageCredential).audited(O::ReplaceCredential).takes::<api::ReplaceCredential>().gives::<api::Credential>(),
        Route::get(here!("/credentials/{id}/versions"), "Lists the values before, never what they are", credentials::versions).needs(P::UseCredential).gives::<api::Page<api::CredentialVersion>>(),
        Route::post(here!("/credentials/{id}/rollback"), "Gives a credential an earlier value again", credentials::roll_back).needs(P::ManageCredential).audited(O::RollBackCredential).takes::<api::RollBackCredential>().gives::<api::Credential>(),
        Route::post(here!("/credentials/{id}/test"), "Says whether a credential works", credentials::test).needs(P::UseCredential).audited(O::TestCredential).takes::<api::TestCredential>().gives::<api::CredentialTested>(),
        Route::delete(here!("/credentials/{id}"), "Deletes a credential, giving its token back first", credentials::delete).needs(P::ManageCredential).audited(O::DeleteCredential).gives::<api::CredentialDeleted>().status(StatusCode::OK),
        Route::get(here!("/connections/providers"), "Lists providers that can be connected", connections::providers).needs(P::UseCredential).gives::<api::Page<api::ProviderShown>>(),
        Route::get(here!("/connections/clients"), "Lists the clients registered with providers", connections::clients).needs(P::UseCredential).gives::<api::Page<api::OauthClientShown>>(),
        Route::put(here!("/connections/clients/{provider}"), "Registers a client with a provider", connections::put_client).needs(P::ManageCredential).audited(O::PutOauthClient).takes::<api::PutOauthClient>().status(StatusCode::NO_CONTENT),
        Route::delete(here!("/connections/clients/{provider}"), "Forgets a client", connections::delete_client).needs(P::ManageCredential).audited(O::DeleteOauthClient),
        Route::post(here!("/connections"), "Begins a connection", connections::begin).needs(P::ManageCredential).audited(O::BeginConnection).takes::<api::BeginConnection>().gives::<api::ConnectionBegun>().status(StatusCode::CREATED),
        Route::post(here!("/connections/{id}/reconnect"), "Makes a connection again", connections::reconnect).needs(P::ManageCredential).audited(O::BeginConnection).takes::<api::ReconnectConnection>().gives::<api::ConnectionBegun>().status(StatusCode::CREATED),
        Route::get("/api/v1/oauth/callback", "The way back from a provider", connections::callback).or_status(StatusCode::SEE_OTHER).audited(O::FinishConnection).gives::<api::Credential>(),

        // audit
        Route::get(here!("/audit"), "Lists audit entries, newest first", audit::list).needs(P::ViewAudit).audited(O::ViewAudit).gives::<api::Page<api::AuditEntry>>().query(AUDIT),
        Route::get(here!("/audit/entries/{id}"), "An audit entry", audit::one).needs(P::ViewAudit).audited(O::ViewAudit).gives::<api::AuditEntry>(),
        Route::get(here!("/audit/touched"), "Everyone who touched something", audit::touched).needs(P::ViewAudit).audited(O::ViewAudit).gives::<api::AuditTouched>().query(TOUCHED),
        Route::get(here!("/audit/searches"), "Lists saved searches", audit::searches).needs(P::ViewAudit).gives::<api::Page<api::AuditSearch>>(),
        Route::put(here!("/audit/searches/{name}"), "Keeps a search under a name", audit::keep_search).needs(P::ViewAudit).audited(O::KeepAuditSearch).takes::<api::AuditQuery>().gives::<api::AuditSearch>(),
        Route::delete(here!("/audit/searches/{name}"), "Forgets a saved search", audit::forget_search).needs(P::ViewAudit).audited(O::ForgetAuditSearch),
        Route::get(here!("/audit/export"), "A file with the trail or what a search finds, each entry with its proof", audit::export).needs(P::ExportData).audited(O::ExportAudit).query(AUDIT_EXPORT),
        Route::get(here!("/audit/proof"), "Proof that an entry is in the trail", audit::prove).needs(P::ViewAudit).audited(O::ProveAudit).gives::<api::AuditProof>().query(AUDIT_PROOF),
        Route::get(here!("/audit/consistency"), "Proof that a checkpoint continues an earlier one", audit::consistency).needs(P::ViewAudit).audited(O::ProveAudit).gives::<api::AuditProof>().query(CONSISTENCY),
        Route::get(here!("/audit/checkpoints"), "Lists signed checkpoints, newest first", audit::checkpoints).needs(P::ViewAudit).gives::<api::Page<api::AuditCheckpoint>>().query(PAGING),
        Route::get(here!("/audit/checkpoints/{number}"), "A signed checkpoint, by number or `latest`", audit::checkpoint_of).needs(P::ViewAudit).gives::<api::AuditCheckpoint>(),
        Route::post(here!("/audit/checkpoints/{number}/cosignatures"), "Takes a witness's signature under a checkpoint", audit::cosign).needs(P::ViewAudit).audited(O::CosignCheckpoint).takes::<api::Cosign>().gives::<api::AuditCheckpoint>(),
        Route::get(here!("/audit/key"), "The key that checkpoints are verified with", audit::key).needs(P::ViewAudit).gives::<api::AuditKey>(),
        Route::post(here!("/audit/purge"), "Purges entries before a moment, whole sealed segments at a time", audit::purge).needs(P::PurgeData).audited(O::PurgeAudit).takes::<api::PurgeAudit>().gives::<api::AuditPurged>(),
        Route::post(here!("/audit/erasures"), "Makes a person's data in the trail unreadable", audit::erase).needs(P::PurgeData).audited(O::EraseFromAudit).takes::<api::EraseFromAudit>().gives::<api::AuditErased>(),
        Route::get(here!("/audit/verification"), "Verifies the trail", audit::verify).needs(P::ViewAudit).audited(O::VerifyAudit).gives::<api::AuditVerification>(),
        Route::get(here!("/audit/verification/progress"), "How far the verification that is under way has come", audit::progress).needs(P::ViewAudit).gives::<api::AuditProgress>(),

        // SIEM
        Route::get(here!("/siem"), "Lists SIEM destinations with how delivery stands", siem::list).needs(P::ConfigureSiem).gives::<api::Page<api::SiemDestination>>(),
        Route::post(here!("/siem"), "Makes a SIEM destination", siem::create).needs(P::ConfigureSiem).audited(O::CreateSiem).dangerous().takes::<api::SaveSiemDestination>().gives::<api::NewSiemDestination>().status(StatusCode::CREATED),
        Route::get(here!("/siem/{id}"), "A SIEM destination with how delivery stands", siem::one).needs(P::ConfigureSiem).gives::<api::SiemDestination>(),
        Route::put(here!("/siem/{id}"), "Changes a SIEM destination", siem::change).needs(P::ConfigureSiem).audited(O::ChangeSiem).dangerous().takes::<api::SaveSiemDestination>().gives::<api::SiemDestination>(),
        Route::delete(here!("/siem/{id}"), "Forgets a SIEM destination", siem::delete).needs(P::ConfigureSiem).audited(O::DeleteSiem).dangerous(),
        Route::post(here!("/siem/{id}/test"), "Sends a test event", siem::test).needs(P::ConfigureSiem).audited(O::TestSiem).gives::<api::SiemTest>(),
        Route::post(here!("/siem/{id}/replay"), "Sends a stream again from a sequence on", siem::replay).needs(P::ConfigureSiem).audited(O::ReplaySiem).dangerous().takes::<api::ReplaySiem>().gives::<api::SiemDestination>(),
        Route::post(here!("/siem/{id}/resume"), "Tries a held destination again at once", siem::resume).needs(P::ConfigureSiem).audited(O::ResumeSiem).gives::<api::SiemDestination>(),
        Route::get(here!("/siem/{id}/dead-letters"), "Lists events that the receiver refused, oldest first", siem::letters).needs(P::ConfigureSiem).gives::<api::Page<api::SiemDeadLetter>>().query(PAGING),
        Route::post(here!("/siem/{id}/dead-letters/{letter}/retry"), "Sends a refused event again", siem::retry).needs(P::ConfigureSiem).audited(O::RetryDeadLetter).gives::<api::SiemTest>(),
        Route::delete(here!("/siem/{id}/dead-letters/{letter}"), "Gives a refused event up", siem::give_up).needs(P::ConfigureSiem).audited(O::GiveUpDeadLetter),

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
        const READS_BY_POST: &[&str] =
            &["/workflows/validate", "/workflows/preview", "/guardrails/playground", "/invitations/look"];
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
