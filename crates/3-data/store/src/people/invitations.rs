//! Invitations into a team: a link for one address, good for one use and for some days.

use authz::{Permit, SystemPermit, action::ManageTeam};
use domain::{InvitationId, Principal, Role, TeamId, Timestamp, UserId};

use super::{Member, Membership, User, memberships, users};
use crate::{
    Effects, Error, Result, Store, dialect,
    kernel::{row::Row, sql::binds},
};

/// An invitation that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    pub id: InvitationId,
    pub team: TeamId,
    pub team_name: String,
    /// The comparable address.
    pub email: String,
    pub role: Role,
    /// The link went to the address itself: whoever has it has the mailbox.
    pub by_mail: bool,
    pub created_at: Timestamp,
    pub sent_at: Timestamp,
    pub expires_at: Timestamp,
}

/// The link of an invitation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvitationLink {
    pub hash: [u8; 32],
    pub by_mail: bool,
    pub expires_at: Timestamp,
}

/// Who accepts.
#[derive(Debug, Clone)]
pub enum Accepting {
    /// Somebody without an account gets this one.
    New(User),
    /// Somebody who has one, and proved it.
    Known(UserId),
}

/// What came of accepting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    pub user: UserId,
    pub team: TeamId,
    pub role: Role,
}

const PENDING: &str = "SELECT i.id, i.team, t.name AS team_name, i.email_norm, i.role, i.by_mail, i.created_at, \
     i.sent_at, i.expires_at FROM invitations AS i JOIN teams AS t ON t.id = i.team \
     WHERE i.team = $1 AND i.accepted_at IS NULL AND i.revoked_at IS NULL ORDER BY i.id";
const ONE: &str = "SELECT i.id, i.team, t.name AS team_name, i.email_norm, i.role, i.by_mail, i.created_at, i.sent_at, \
     i.expires_at FROM invitations AS i JOIN teams AS t ON t.id = i.team \
     WHERE i.team = $1 AND i.id = $2 AND i.accepted_at IS NULL AND i.revoked_at IS NULL";
const BY_HASH: &str = "SELECT i.id, i.team, t.name AS team_name, i.email_norm, i.role, i.by_mail, i.created_at, \
     i.sent_at, i.expires_at FROM invitations AS i JOIN teams AS t ON t.id = i.team WHERE i.hash = $1 \
     AND i.accepted_at IS NULL AND i.revoked_at IS NULL AND i.expires_at > $2 AND t.deleted_at IS NULL";
const IS_MEMBER: &str = "SELECT 1 AS ok FROM memberships AS m JOIN users AS u ON u.id = m.member \
     WHERE m.team = $1 AND m.member_kind = 'user' AND u.email_norm = $2";

/// Who answers for an invitation: a person (whatever key they used) or an account for machines.
fn inviter(principal: Principal) -> String {
    match (principal.person(), principal) {
        (Some(person), _) => person.to_string(),
        (None, principal) => principal.to_string(),
    }
}

impl Store {
    /// Invites an address into the permit's team; an earlier invitation of that address ends.
    ///
    /// # Errors
    /// [`Error::Refused`] when the address is a member's.
    pub async fn invite(
        &self,
        permit: &Permit<ManageTeam>,
        id: InvitationId,
        email: String,
        role: Role,
        link: InvitationLink,
        effects: Effects,
    ) -> Result<()> {
        let by = inviter(permit.principal());
        let given = (permit.scope().team, id, email, role, link, by, self.now());
        self.write(effects, given, |(team, id, email, role, link, by, now), tx| {
            Box::pin(async move {
                tx.all(dialect::LOCK_TEAM, binds![*team]).await?;
                if tx.optional(IS_MEMBER, binds![*team, &*email]).await?.is_some() {
                    return Err(Error::Refused { what: "this address is a member's already" });
                }
                let sql = "UPDATE invitations SET revoked_at = $3 WHERE team = $1 AND email_norm = $2 \
                           AND accepted_at IS NULL AND revoked_at IS NULL";
                tx.run(sql, binds![*team, &*email, *now]).await?;
                tx.run(
                    "INSERT INTO invitations (id, team, email_norm, role, hash, by_mail, invited_by, created_at, \
                     sent_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9)",
                    binds![*id, *team, &*email, *role, link.hash, link.by_mail, &*by, *now, link.expires_at],
                )
                .await?;
                Ok(())
            })
        })
        .await
    }

    /// The invitations of the permit's team that wait, oldest first; those past their time too.
    pub async fn invitations(&self, permit: &Permit<ManageTeam>) -> Result<Vec<Invitation>> {
        self.db().all(PENDING, binds![permit.scope().team]).await?.iter().map(invitation).collect()
    }

    /// One that waits.
    pub async fn invitation(&self, permit: &Permit<ManageTeam>, id: InvitationId) -> Result<Option<Invitation>> {
        self.db().optional(ONE, binds![permit.scope().team, id]).await?.as_ref().map(invitation).transpose()
    }

    /// Gives one that waits another link; the earlier link ends.
    pub async fn renew_invitation(
        &self,
        permit: &Permit<ManageTeam>,
        id: InvitationId,
        link: InvitationLink,
        effects: Effects,
    ) -> Result<()> {
        self.write(effects, (permit.scope().team, id, link, self.now()), |(team, id, link, now), tx| {
            Box::pin(async move {
                let sql = "UPDATE invitations SET hash = $3, by_mail = $4, expires_at = $5, sent_at = $6 \
                           WHERE team = $1 AND id = $2 AND accepted_at IS NULL AND revoked_at IS NULL";
                let binds = binds![*team, *id, link.hash, link.by_mail, link.expires_at, *now];
                Error::unless_touched(tx.run(sql, binds).await?, "the invitation")
            })
        })
        .await
    }

    /// Takes one that waits back.
    pub async fn revoke_invitation(
        &self,
        permit: &Permit<ManageTeam>,
        id: InvitationId,
        effects: Effects,
    ) -> Result<()> {
        self.write(effects, (permit.scope().team, id, self.now()), |(team, id, now), tx| {
            Box::pin(async move {
                let sql = "UPDATE invitations SET revoked_at = $3 WHERE team = $1 AND id = $2 \
                           AND accepted_at IS NULL AND revoked_at IS NULL";
                Error::unless_touched(tx.run(sql, binds![*team, *id, *now]).await?, "the invitation")
            })
        })
        .await
    }

    /// The invitation behind a link that would be taken at `at`.
    pub async fn invitation_by_hash(
        &self,
        _system: SystemPermit,
        hash: [u8; 32],
        at: Timestamp,
    ) -> Result<Option<Invitation>> {
        self.db().optional(BY_HASH, binds![hash, at]).await?.as_ref().map(invitation).transpose()
    }

    /// Takes the link: makes the account if there is none, and the membership. Nothing when the link is not valid. Who
    /// became a member otherwise in the meantime keeps that role.
    ///
    /// # Errors
    /// [`Error::Taken`] when a new account's address got one in the meantime; [`Error::Refused`] when the account that
    /// accepts has another address.
    pub async fn accept_invitation(
        &self,
        _system: SystemPermit,
        hash: [u8; 32],
        who: Accepting,
        at: Timestamp,
        effects: Effects,
    ) -> Result<Option<Accepted>> {
        self.write(effects, (hash, who, at), |(hash, who, at), tx| {
            Box::pin(async move {
                let Some(row) = tx.optional(BY_HASH, binds![*hash, *at]).await? else { return Ok(None) };
                let found = invitation(&row)?;
                let user = match who {
                    Accepting::New(user) => user.id,
                    Accepting::Known(id) => *id,
                };
                // The update locks the invitation, so of two uses at once the second finds it used.
                let sql = "UPDATE invitations SET accepted_at = $2, accepted_by = $3 WHERE hash = $1 \
                           AND accepted_at IS NULL AND revoked_at IS NULL";
                if tx.run(sql, binds![*hash, *at, user]).await? == 0 {
                    return Ok(None);
                }
                match who {
                    Accepting::New(new) => users::insert(tx, new).await?,
                    Accepting::Known(id) => {
                        let sql = "SELECT 1 AS ok FROM users WHERE id = $1 AND email_norm = $2 \
                                   AND disabled_at IS NULL";
                        if tx.optional(sql, binds![*id, &found.email]).await?.is_none() {
                            return Err(Error::Refused { what: "the invitation is for another address" });
                        }
                    }
                }
                let membership = Membership {
                    team: found.team,
                    member: Member::User(user),
                    role: found.role,
                    source: "invitation".to_owned(),
                    created_at: *at,
                };
                memberships::put_if_absent(tx, &membership).await?;
                Ok(Some(Accepted { user, team: found.team, role: found.role }))
            })
        })
        .await
    }
}

fn invitation(row: &Row) -> Result<Invitation> {
    Ok(Invitation {
        id: row.get("id")?,
        team: row.get("team")?,
        team_name: row.get("team_name")?,
        email: row.get("email_norm")?,
        role: row.get("role")?,
        by_mail: row.get("by_mail")?,
        created_at: row.get("created_at")?,
        sent_at: row.get("sent_at")?,
        expires_at: row.get("expires_at")?,
    })
}
