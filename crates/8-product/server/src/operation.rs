//! Every change that can be asked for, and every sensitive read: what the audit trail calls it.

macro_rules! operations {
    ($($name:ident $text:literal;)*) => {
        /// A named act. The audit trail has an entry for each that was tried.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Operation { $($name,)* }
        impl Operation {
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];
            /// As it stands in audit entries.
            pub const fn name(self) -> &'static str { match self { $(Self::$name => $text,)* } }
        }
    };
}

operations! {
    SetUp               "setup.complete";
    SignIn              "session.create";
    SignOut             "session.end";
    RefreshSession      "session.refresh";
    CreateApiKey        "api_key.create";
    RevokeApiKey        "api_key.revoke";
    CreateWorkflow      "workflow.create";
    SaveVersion         "workflow.save";
    DeleteWorkflow      "workflow.delete";
    PublishWorkflow     "workflow.publish";
    UnpublishWorkflow   "workflow.unpublish";
    PromoteWorkflow     "workflow.promote";
    StartRun            "run.start";
    StartWebhookRun     "run.start_by_webhook";
    CancelRun           "run.cancel";
    PauseRun            "run.pause";
    ResumeRun           "run.resume";
    RetryRun            "run.retry";
    DecideApproval      "approval.decide";
    CreateCredential    "credential.create";
    DeleteCredential    "credential.delete";
    CheckGuardrails     "guardrail.check";
    RotateKeys          "keys.rotate";
    ViewAudit           "audit.view";
    VerifyAudit         "audit.verify";
    ExportAudit         "audit.export";
}
