//! The permission table. Rows in the order of the security overview, then those of D8; columns in the order of
//! [`Role::ALL`]. Every cell is written out. `tests/matrix.txt` holds it rendered, and approved.

use domain::Role;
use serde::{Deserialize, Serialize};

macro_rules! table {
    ($($permission:ident $name:literal : $admin:ident $builder:ident $operator:ident $viewer:ident $compliance:ident;)*) => {
        /// A right. Code asks for one of these, never for a role (R063).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Permission { $(#[serde(rename = $name)] $permission,)* }

        impl Permission {
            /// All, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$permission,)*];
            /// The name on the wire, such as `workflow.edit`.
            pub const fn name(self) -> &'static str { match self { $(Self::$permission => $name,)* } }
            const fn cells(self) -> [bool; 5] { match self { $(Self::$permission => [$admin, $builder, $operator, $viewer, $compliance],)* } }
        }
    };
}

#[allow(non_upper_case_globals)]
const Y: bool = true;
#[allow(non_upper_case_globals)]
const o: bool = false;

//                                             Admin Builder Operator Viewer Compliance
table! {
    ManageTeam          "team.manage"          : Y o o o o;
    ManageBilling       "billing.manage"       : Y o o o o;
    EditWorkflow        "workflow.edit"        : Y Y o o o;
    DeleteWorkflow      "workflow.delete"      : Y Y o o o;
    ExecuteWorkflow     "workflow.execute"     : Y Y Y o o;
    ViewWorkflow        "workflow.view"        : Y Y Y Y Y;
    ViewAudit           "audit.view"           : Y o o o Y;
    ViewCompliance      "compliance.view"      : Y o o o Y;
    StartScan           "scan.start"           : Y Y o o o;
    ViewIncidents       "incident.view"        : Y Y o o Y;
    // D8
    ConfigureSso        "settings.sso"         : Y o o o o;
    ConfigureScim       "settings.scim"        : Y o o o o;
    ConfigureSiem       "settings.siem"        : Y o o o o;
    ConfigureRetention  "settings.retention"   : Y o o o o;
    PurgeData           "data.purge"           : Y o o o o;
    ExportData          "data.export"          : Y o o o Y;
    UseCredential       "credential.use"       : Y Y Y o o;
    ManageCredential    "credential.manage"    : Y Y o o o;
    Promote             "environment.promote"  : Y Y o o o;
    ManageGuardrail     "guardrail.manage"     : Y Y o o o;
    ManagePolicy        "policy.manage"        : Y Y o o o;
    OverridePolicy      "policy.override"      : Y o o o o;
    ViewScan            "scan.view"            : Y Y o o Y;
    ManageIncident      "incident.manage"      : Y o Y o o;
    GenerateReport      "report.generate"      : Y o o o Y;
    ManageWidget        "widget.manage"        : Y Y o o o;
    DecideApproval      "approval.decide"      : Y Y Y o o;
    UseKillSwitch       "killswitch.use"       : Y o Y o Y;
}

/// Whether the table grants `permission` to `role`.
pub fn allows(role: Role, permission: Permission) -> bool {
    let column = match role {
        Role::Admin => 0,
        Role::Builder => 1,
        Role::Operator => 2,
        Role::Viewer => 3,
        Role::ComplianceOfficer => 4,
    };
    permission.cells()[column]
}

/// The whole table as text, one permission a line.
pub fn render() -> String {
    let mut text =
        format!("{:<22}{}\n", "", Role::ALL.map(|role| format!("{:<20}", role.as_str())).concat().trim_end());
    for permission in Permission::ALL {
        let cells = Role::ALL.map(|role| format!("{:<20}", if allows(role, *permission) { "yes" } else { "-" }));
        text.push_str(format!("{:<22}{}", permission.name(), cells.concat()).trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R051–R063: the table as enforced is the table as approved.
    #[test]
    fn the_table_is_the_approved_one() {
        expect_test::expect_file!["../tests/matrix.txt"].assert_eq(&render());
    }
}
