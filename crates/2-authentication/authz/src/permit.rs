//! [`Permit`]: the proof that the table was asked. Made by [`Actor::may`] alone, never stored, never cloned across
//! a request.

use std::marker::PhantomData;

use domain::{Environment, Principal, Role, Scope};

use crate::{Permission, allows};

/// Something a permit can be for.
pub trait Action: Send + Sync + 'static {
    /// The right it needs.
    const PERMISSION: Permission;
}

/// One marker type per permission, so that a permit for one act does not open another.
pub mod action {
    use super::{Action, Permission};
    macro_rules! actions {
        ($($name:ident)*) => {$(
            #[derive(Debug)]
            pub enum $name {}
            impl Action for $name { const PERMISSION: Permission = Permission::$name; }
        )*};
    }
    actions! {
        ManageTeam ManageBilling EditWorkflow DeleteWorkflow ExecuteWorkflow ViewWorkflow ViewAudit ViewCompliance
        StartScan ViewIncidents ConfigureSso ConfigureScim ConfigureSiem ConfigureRetention PurgeData ExportData
        UseCredential ManageCredential Promote ManageGuardrail ManagePolicy OverridePolicy ViewScan ManageIncident
        GenerateReport ManageWidget DecideApproval UseKillSwitch
    }
}

/// What an API key may do beyond its owner's role: never more, often less.
#[derive(Debug, Clone, Default)]
pub struct Narrowing {
    /// Only these; `None` means all that the role has.
    pub permissions: Option<Vec<Permission>>,
    /// Only here; `None` means every environment.
    pub environments: Option<Vec<Environment>>,
}

/// A principal in one team and environment, with its role there.
#[derive(Debug, Clone)]
pub struct Actor {
    principal: Principal,
    scope: Scope,
    role: Role,
    narrowing: Narrowing,
}

/// The table, or the key's narrowing, said no.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{permission:?} is not granted to {role} in {environment}")]
pub struct Refused {
    pub permission: Permission,
    pub role: Role,
    pub environment: Environment,
}

impl Actor {
    /// What identity found out. Whoever calls this has read `role` from storage for exactly this principal and team.
    pub const fn new(principal: Principal, scope: Scope, role: Role, narrowing: Narrowing) -> Self {
        Self { principal, scope, role, narrowing }
    }
    pub const fn principal(&self) -> Principal {
        self.principal
    }
    pub const fn scope(&self) -> Scope {
        self.scope
    }
    pub const fn role(&self) -> Role {
        self.role
    }
    /// Whether the actor has `permission` here.
    pub fn has(&self, permission: Permission) -> bool {
        allows(self.role, permission)
            && self.narrowing.permissions.as_ref().is_none_or(|only| only.contains(&permission))
            && self.narrowing.environments.as_ref().is_none_or(|only| only.contains(&self.scope.environment))
    }
    /// Asks the table.
    ///
    /// # Errors
    /// [`Refused`] when the role, or the key's narrowing, does not grant it. Retrying does not help.
    pub fn may<A: Action>(&self) -> Result<Permit<A>, Refused> {
        if self.has(A::PERMISSION) {
            Ok(Permit { principal: self.principal, scope: self.scope, action: PhantomData })
        } else {
            Err(Refused { permission: A::PERMISSION, role: self.role, environment: self.scope.environment })
        }
    }
}

/// Proof that the table granted `A` to this principal in this scope. Lives in memory only.
#[derive(Debug)]
pub struct Permit<A: Action> {
    principal: Principal,
    scope: Scope,
    action: PhantomData<fn() -> A>,
}

impl<A: Action> Permit<A> {
    pub const fn principal(&self) -> Principal {
        self.principal
    }
    pub const fn scope(&self) -> Scope {
        self.scope
    }
}

/// Proof that NodeLoom acts for itself: claiming work, recovery, retention, migration. It reaches across teams,
/// so `rg act_as_system` is the list to review.
#[derive(Debug, Clone, Copy)]
pub struct SystemPermit {
    reason: &'static str,
}

impl SystemPermit {
    pub const fn reason(&self) -> &'static str {
        self.reason
    }
}

/// For NodeLoom's own work; `reason` says which.
pub const fn act_as_system(reason: &'static str) -> SystemPermit {
    SystemPermit { reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn actor(role: Role, narrowing: Narrowing) -> Actor {
        let team = "team_00000000000070008000000000000001".parse().unwrap();
        Actor::new(Principal::System, Scope { team, environment: Environment::Production }, role, narrowing)
    }

    #[test]
    fn a_viewer_gets_no_permit_to_execute() {
        assert!(actor(Role::Viewer, Narrowing::default()).may::<action::ExecuteWorkflow>().is_err());
        assert!(actor(Role::Operator, Narrowing::default()).may::<action::ExecuteWorkflow>().is_ok());
    }

    #[test]
    fn a_narrowed_key_of_an_admin_may_only_what_it_names() {
        let only_view = Narrowing { permissions: Some(vec![Permission::ViewWorkflow]), environments: None };
        assert!(actor(Role::Admin, only_view.clone()).may::<action::ViewWorkflow>().is_ok());
        assert!(actor(Role::Admin, only_view).may::<action::EditWorkflow>().is_err());
        let elsewhere = Narrowing { permissions: None, environments: Some(vec![Environment::Development]) };
        assert!(actor(Role::Admin, elsewhere).may::<action::ViewWorkflow>().is_err());
    }
}
