//! Who is in which team, as what.

use authz::{Permit, SystemPermit, action::ManageTeam};
use domain::{Role, TeamId, Timestamp, UserId};

use super::{Member, sessions};
use crate::{
    Effects, Error, Page, PageRequest, Result, Store, dialect,
    kernel::{row::Row, sql::binds, tx::Tx},
    page::Cursor,
};

/// A member of a team.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    pub team: TeamId,
    pub member: Member,
    pub role: Role,
    /// Who says so: `manual`, `setup`, `founder`, `invitation`, `scim` or `claim`.
    pub source: String,
    pub created_at: Timestamp,
}

/// A member as a team's admin sees one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TeamMember {
    pub membership: Membership,
    pub name: String,
    /// People only.
    pub email: Option<String>,
    pub disabled: bool,
    /// People only.
    pub second_factor: bool,
}

const ROLE: &str = "SELECT role FROM memberships WHERE team = $1 AND member_kind = $2 AND member = $3 \
     AND NOT EXISTS (SELECT 1 FROM teams WHERE teams.id = team AND deleted_at IS NOT NULL) \
     AND NOT EXISTS (SELECT 1 FROM users WHERE users.id = member AND disabled_at IS NOT NULL) \
     AND NOT EXISTS (SELECT 1 FROM service_accounts AS s WHERE s.id = member AND s.disabled_at IS NOT NULL)";
const TEAMS: &str = "SELECT team, role FROM memberships WHERE member_kind = $1 AND member = $2 \
     AND NOT EXISTS (SELECT 1 FROM teams WHERE teams.id = team AND deleted_at IS NOT NULL) ORDER BY team";
const MEMBERS: &str = "SELECT m.team, m.member_kind, m.member, m.role, m.source, m.created_at, \
     COALESCE(u.name, s.name) AS name, u.email_norm AS email, \
     (COALESCE(u.disabled_at, s.disabled_at) IS NOT NULL) AS disabled, \
     (f.confirmed_at IS NOT NULL) AS second_factor FROM memberships AS m \
     LEFT JOIN users AS u ON m.member_kind = 'user' AND u.id = m.member \
     LEFT JOIN service_accounts AS s ON m.member_kind = 'service_account' AND s.id = m.member \
     LEFT JOIN second_factors AS f ON m.member_kind = 'user' AND f.user_id = m.member \
     WHERE m.team = $1 AND ($2 IS NULL OR m.member > $2) ORDER BY m.member LIMIT $3";
/// Whether an admin would be left if this member were not one.
const OTHER_ADMINS: &str = "SELECT COUNT(*) AS n FROM memberships AS m JOIN users AS u ON u.id = m.member \
     WHERE m.team = $1 AND m.member_kind = 'user' AND m.role = 'admin' AND m.member <> $2 AND u.disabled_at IS NULL";

impl Store {
    /// The member's role in the team; nothing for strangers and for disabled accounts.
    pub async fn role_of(&self, _system: SystemPermit, member: Member, team: TeamId) -> Result<Option<Role>> {
        let row = self.db().optional(ROLE, binds![team, member.kind(), member.id()]).await?;
        row.map(|row| row.get("role")).transpose()
    }

    /// The member's teams.
    pub async fn teams_of(&self, _system: SystemPermit, member: Member) -> Result<Vec<(TeamId, Role)>> {
        let rows = self.db().all(TEAMS, binds![member.kind(), member.id()]).await?;
        rows.iter().map(|row| Ok((row.get("team")?, row.get("role")?))).collect()
    }

    /// The members of the permit's team, by the age of their accounts, oldest first.
    pub async fn members(&self, permit: &Permit<ManageTeam>, page: &PageRequest) -> Result<Page<TeamMember>> {
        let binds = binds![permit.scope().team, page.after_id()?, page.to_read()];
        let members = self.db().all(MEMBERS, binds).await?.iter().map(shown).collect::<Result<_>>()?;
        Ok(Page::cut(members, page, |found: &TeamMember| Cursor::at_id(found.membership.member.id())))
    }

    /// One of them; nothing for strangers.
    pub async fn member(&self, permit: &Permit<ManageTeam>, member: Member) -> Result<Option<TeamMember>> {
        let just_before = uuid::Uuid::from_u128(member.id().as_u128().saturating_sub(1));
        let rows = self.db().all(MEMBERS, binds![permit.scope().team, just_before, 1_i64]).await?;
        let found = rows.first().map(shown).transpose()?;
        Ok(found.filter(|found| found.membership.member == member))
    }

    /// Makes someone a member of the permit's team, or gives a member another role.
    ///
    /// # Errors
    /// [`Error::Refused`] when the team would be left without an admin.
    pub async fn set_role(
        &self,
        permit: &Permit<ManageTeam>,
        member: Member,
        role: Role,
        effects: Effects,
    ) -> Result<()> {
        let membership =
            Membership { team: permit.scope().team, member, role, source: "manual".to_owned(), created_at: self.now() };
        self.write(effects, membership, |m, tx| {
            Box::pin(async move {
                keep_an_admin(tx, m.team, m.member, Some(m.role)).await?;
                put(tx, m).await
            })
        })
        .await
    }

    /// Gives a member of the permit's team another role; pending invitations of someone who is an admin no longer end.
    ///
    /// # Errors
    /// [`Error::Missing`] for strangers; [`Error::Refused`] when the team would be left without an admin.
    pub async fn change_role(
        &self,
        permit: &Permit<ManageTeam>,
        member: Member,
        role: Role,
        effects: Effects,
    ) -> Result<()> {
        self.write(effects, (permit.scope().team, member, role, self.now()), |(team, member, role, now), tx| {
            Box::pin(async move {
                keep_an_admin(tx, *team, *member, Some(*role)).await?;
                let sql = "SELECT role FROM memberships WHERE team = $1 AND member_kind = $2 AND member = $3";
                let Some(row) = tx.optional(sql, binds![*team, member.kind(), member.id()]).await? else {
                    return Err(Error::Missing { what: "the member" });
                };
                if row.get::<Role>("role")? == *role {
                    return Ok(());
                }
                let sql = "UPDATE memberships SET role = $4, source = 'manual' \
                           WHERE team = $1 AND member_kind = $2 AND member = $3";
                tx.run(sql, binds![*team, member.kind(), member.id(), *role]).await?;
                if *role != Role::Admin {
                    end_invitations_of(tx, *team, *member, *now).await?;
                }
                renew_sessions(tx, *member).await
            })
        })
        .await
    }

    /// Takes a member out of the permit's team; the member's keys for this team are revoked with it.
    ///
    /// # Errors
    /// [`Error::Missing`]; [`Error::Refused`] when the team would be left without an admin.
    pub async fn remove_member(&self, permit: &Permit<ManageTeam>, member: Member, effects: Effects) -> Result<()> {
        self.write(effects, (permit.scope().team, member, self.now()), |(team, member, now), tx| {
            Box::pin(take_out(tx, *team, *member, *now))
        })
        .await
    }

    /// The same for a person who leaves by themselves; whoever calls this has made sure that it is them.
    ///
    /// # Errors
    /// As [`Store::remove_member`].
    pub async fn leave_team(
        &self,
        _system: SystemPermit,
        team: TeamId,
        person: UserId,
        effects: Effects,
    ) -> Result<()> {
        self.write(effects, (team, Member::User(person), self.now()), |(team, member, now), tx| {
            Box::pin(take_out(tx, *team, *member, *now))
        })
        .await
    }

    /// Makes a member without a permit: the command line, SCIM and claims do.
    pub async fn put_membership(&self, _system: SystemPermit, membership: Membership, effects: Effects) -> Result<()> {
        self.write(effects, membership, |m, tx| Box::pin(put(tx, m))).await
    }
}

fn shown(row: &Row) -> Result<TeamMember> {
    let membership = Membership {
        team: row.get("team")?,
        member: Member::read(row, "member_kind", "member")?,
        role: row.get("role")?,
        source: row.get("source")?,
        created_at: row.get("created_at")?,
    };
    Ok(TeamMember {
        membership,
        name: row.get::<Option<String>>("name")?.unwrap_or_default(),
        email: row.get("email")?,
        disabled: row.get("disabled")?,
        second_factor: row.get("second_factor")?,
    })
}

async fn take_out(tx: &mut Tx, team: TeamId, member: Member, now: Timestamp) -> Result<()> {
    keep_an_admin(tx, team, member, None).await?;
    let who = binds![team, member.kind(), member.id()];
    let sql = "DELETE FROM memberships WHERE team = $1 AND member_kind = $2 AND member = $3";
    Error::unless_touched(tx.run(sql, who).await?, "the member")?;
    tx.run(
        "UPDATE api_keys SET revoked_at = $4 \
         WHERE team = $1 AND owner_kind = $2 AND owner = $3 AND revoked_at IS NULL",
        binds![team, member.kind(), member.id(), now],
    )
    .await?;
    end_invitations_of(tx, team, member, now).await?;
    renew_sessions(tx, member).await
}

async fn keep_an_admin(tx: &mut Tx, team: TeamId, member: Member, becomes: Option<Role>) -> Result<()> {
    if becomes == Some(Role::Admin) {
        return Ok(());
    }
    tx.all(dialect::LOCK_TEAM, binds![team]).await?;
    let sql = "SELECT role FROM memberships WHERE team = $1 AND member_kind = $2 AND member = $3";
    let is = tx.optional(sql, binds![team, member.kind(), member.id()]).await?;
    let is_admin = is.map(|row| row.get::<Role>("role")).transpose()? == Some(Role::Admin);
    if is_admin && tx.one(OTHER_ADMINS, binds![team, member.id()]).await?.get::<i64>("n")? == 0 {
        return Err(Error::Refused { what: "a team keeps at least one admin" });
    }
    Ok(())
}

/// What somebody who is no admin any more invited is not let in behind their back.
async fn end_invitations_of(tx: &mut Tx, team: TeamId, member: Member, now: Timestamp) -> Result<()> {
    let by = match member {
        Member::User(id) => id.to_string(),
        Member::ServiceAccount(id) => id.to_string(),
    };
    let sql = "UPDATE invitations SET revoked_at = $3 WHERE team = $1 AND invited_by = $2 \
               AND accepted_at IS NULL AND revoked_at IS NULL";
    tx.run(sql, binds![team, by, now]).await?;
    Ok(())
}

/// A new session at every change of rights: see [`sessions::renew_all`].
async fn renew_sessions(tx: &mut Tx, member: Member) -> Result<()> {
    match member {
        Member::User(id) => sessions::renew_all(tx, id).await,
        Member::ServiceAccount(_) => Ok(()),
    }
}

/// Makes the membership unless there is one.
pub(super) async fn put_if_absent(tx: &mut Tx, m: &Membership) -> Result<()> {
    let sql = "SELECT role FROM memberships WHERE team = $1 AND member_kind = $2 AND member = $3";
    match tx.optional(sql, binds![m.team, m.member.kind(), m.member.id()]).await? {
        Some(_) => Ok(()),
        None => put(tx, m).await,
    }
}

pub(super) async fn put(tx: &mut Tx, m: &Membership) -> Result<()> {
    let sql = "SELECT role FROM memberships WHERE team = $1 AND member_kind = $2 AND member = $3";
    let before = tx.optional(sql, binds![m.team, m.member.kind(), m.member.id()]).await?;
    let same = before.map(|row| row.get::<Role>("role")).transpose()? == Some(m.role);
    // The session that makes a team, or that a set-up opens, begins with these rights.
    if !same && !matches!(m.source.as_str(), "setup" | "founder") {
        renew_sessions(tx, m.member).await?;
    }
    tx.run(
        "INSERT INTO memberships (team, member_kind, member, role, source, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (team, member_kind, member) \
         DO UPDATE SET role = excluded.role, source = excluded.source",
        binds![m.team, m.member.kind(), m.member.id(), m.role, &m.source, m.created_at],
    )
    .await?;
    Ok(())
}
