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
    SecondStep          "session.second_step";
    EndSession          "session.revoke";
    EndOtherSessions    "session.revoke_others";
    StepUp              "session.step_up";
    ChangePassword      "password.change";
    AskReset            "password.ask_reset";
    ResetPassword       "password.reset";
    AskVerification     "email.ask_verification";
    ConfirmEmail        "email.confirm";
    ChangeEmail         "email.change";
    EnrolSecondFactor   "second_factor.enrol";
    ConfirmSecondFactor "second_factor.confirm";
    RenewRecoveryCodes  "second_factor.recovery_codes";
    EndSecondFactor     "second_factor.end";
    CreateTeam          "team.create";
    ChangeTeam          "team.change";
    DeleteTeam          "team.delete";
    LeaveTeam           "team.leave";
    ChangeRole          "member.role";
    RemoveMember        "member.remove";
    ViewCooldowns       "cooldown.view";
    Invite              "invitation.create";
    ResendInvitation    "invitation.resend";
    RevokeInvitation    "invitation.revoke";
    AcceptInvitation    "invitation.accept";
    CreateMachine       "service_account.create";
    DeleteMachine       "service_account.delete";
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
    ChangeCredential    "credential.change";
    ReplaceCredential   "credential.replace";
    RollBackCredential  "credential.roll_back";
    TestCredential      "credential.test";
    PutOauthClient      "oauth_client.put";
    DeleteOauthClient   "oauth_client.delete";
    BeginConnection     "connection.begin";
    FinishConnection    "connection.finish";
    CheckGuardrails     "guardrail.check";
    Moderate            "guardrail.moderate";
    SetGuardrails       "guardrail.set";
    PutException        "guardrail.put_exception";
    DeleteException     "guardrail.delete_exception";
    AddReferences       "guardrail.add_references";
    DeleteReference     "guardrail.delete_reference";
    SetPrices           "billing.set_prices";
    SetLimits           "billing.set_limits";
    RotateKeys          "keys.rotate";
    ViewAudit           "audit.view";
    VerifyAudit         "audit.verify";
    ExportAudit         "audit.export";
    ProveAudit          "audit.prove";
    CosignCheckpoint    "audit.cosign";
    KeepAuditSearch     "audit.keep_search";
    ForgetAuditSearch   "audit.forget_search";
    PurgeAudit          "audit.purge";
    EraseFromAudit      "audit.erase";
    CreateSiem          "siem.create";
    ChangeSiem          "siem.change";
    DeleteSiem          "siem.delete";
    TestSiem            "siem.test";
    ReplaySiem          "siem.replay";
    ResumeSiem          "siem.resume";
    RetryDeadLetter     "siem.retry_dead_letter";
    GiveUpDeadLetter    "siem.give_up_dead_letter";
}
