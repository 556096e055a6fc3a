//! API keys: a hash, whom it stands for, and how far.

use authz::{Permission, Permit, SystemPermit, action::ManageTeam};
use domain::{ApiKeyId, Environment, TeamId, Timestamp};

use super::Member;
use crate::{
    Effects, Error, Page, PageRequest, Result, Store,
    kernel::{row::Row, sql::binds},
    page::Cursor,
};

/// A key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    pub hash: [u8; 32],
    pub shown: ApiKeyShown,
}

/// What may be shown of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKeyShown {
    pub id: ApiKeyId,
    /// The first characters, so that people can tell their keys apart.
    pub prefix: String,
    pub name: String,
    pub team: TeamId,
    pub owner: Member,
    /// Only these; `None` is all that the owner's role has.
    pub permissions: Option<Vec<Permission>>,
    /// Only here; `None` is everywhere.
    pub environments: Option<Vec<Environment>>,
    /// Address ranges such as `10.0.0.0/8`; empty is anywhere.
    pub addresses: Vec<String>,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
    pub last_used_at: Option<Timestamp>,
    pub last_used_from: Option<String>,
}

const BY_HASH: &str = "SELECT id, hash, prefix, name, team, owner_kind, owner, permissions, environments, addresses, \
     created_at, expires_at, revoked_at, last_used_at, last_used_from FROM api_keys WHERE hash = $1 \
     AND NOT EXISTS (SELECT 1 FROM users WHERE users.id = owner AND disabled_at IS NOT NULL) \
     AND NOT EXISTS (SELECT 1 FROM service_accounts AS s WHERE s.id = owner AND s.disabled_at IS NOT NULL)";
const BY_ID: &str = "SELECT id, prefix, name, team, owner_kind, owner, permissions, environments, addresses, created_at, \
     expires_at, revoked_at, last_used_at, last_used_from FROM api_keys WHERE id = $1 \
     AND NOT EXISTS (SELECT 1 FROM users WHERE users.id = owner AND disabled_at IS NOT NULL)";
const PAGE: &str = "SELECT id, prefix, name, team, owner_kind, owner, permissions, environments, addresses, created_at, \
     expires_at, revoked_at, last_used_at, last_used_from FROM api_keys \
     WHERE team = $1 AND ($2 IS NULL OR id > $2) ORDER BY id LIMIT $3";

impl Store {
    /// The key with this hash, revoked and expired ones as they are; nothing when its owner is disabled.
    pub async fn api_key_by_hash(&self, _system: SystemPermit, hash: [u8; 32]) -> Result<Option<ApiKey>> {
        let row = self.db().optional(BY_HASH, binds![hash]).await?;
        row.map(|row| Ok(ApiKey { hash: row.get("hash")?, shown: shown(&row)? })).transpose()
    }

    /// What a key may, by its id: a run that acts for it asks again and again.
    pub async fn api_key_by_id(&self, _system: SystemPermit, id: ApiKeyId) -> Result<Option<ApiKeyShown>> {
        self.db().optional(BY_ID, binds![id]).await?.as_ref().map(shown).transpose()
    }

    /// Notes that a key was used.
    pub async fn api_key_used(&self, _system: SystemPermit, id: ApiKeyId, from: String, at: Timestamp) -> Result<()> {
        self.write(Effects::none(), (id, from, at), |(id, from, at), tx| {
            Box::pin(async move {
                let sql = "UPDATE api_keys SET last_used_at = $2, last_used_from = $3 WHERE id = $1";
                tx.run(sql, binds![*id, *at, from]).await?;
                Ok(())
            })
        })
        .await
    }

    /// Keeps a new key of the permit's team. Its owner must be a member.
    pub async fn add_api_key(&self, permit: &Permit<ManageTeam>, key: ApiKey, effects: Effects) -> Result<()> {
        let team = permit.scope().team;
        self.insert_key(ApiKey { shown: ApiKeyShown { team, ..key.shown }, ..key }, effects).await
    }

    /// Keeps a key that a person makes for their own use in a team that they are in.
    pub async fn add_own_api_key(&self, _system: SystemPermit, key: ApiKey, effects: Effects) -> Result<()> {
        self.insert_key(key, effects).await
    }

    async fn insert_key(&self, key: ApiKey, effects: Effects) -> Result<()> {
        self.write(effects, key, |ApiKey { hash, shown: k }, tx| {
            Box::pin(async move {
                let rows = tx
                    .run(
                        "INSERT INTO api_keys (id, hash, prefix, name, team, owner_kind, owner, permissions, \
                         environments, addresses, created_at, expires_at) \
                         SELECT $1, $2, $3, $4, team, member_kind, member, $8, $9, $10, $11, $12 FROM memberships \
                         WHERE team = $5 AND member_kind = $6 AND member = $7",
                        binds![
                            k.id,
                            hash,
                            &k.prefix,
                            &k.name,
                            k.team,
                            k.owner.kind(),
                            k.owner.id(),
                            k.permissions.as_ref().map(|only| serde_json::json!(only)),
                            k.environments.as_ref().map(|only| serde_json::json!(only)),
                            serde_json::json!(k.addresses),
                            k.created_at,
                            k.expires_at
                        ],
                    )
                    .await?;
                Error::unless_touched(rows, "the key's owner")
            })
        })
        .await
    }

    /// The keys of the permit's team, oldest first.
    pub async fn api_keys(&self, permit: &Permit<ManageTeam>, page: &PageRequest) -> Result<Page<ApiKeyShown>> {
        let binds = binds![permit.scope().team, page.after_id()?, page.to_read()];
        let keys = self.db().all(PAGE, binds).await?.iter().map(shown).collect::<Result<_>>()?;
        Ok(Page::cut(keys, page, |key: &ApiKeyShown| Cursor::at_id(key.id.uuid())))
    }

    /// Revokes a key of the permit's team; once is enough.
    pub async fn revoke_api_key(&self, permit: &Permit<ManageTeam>, id: ApiKeyId, effects: Effects) -> Result<()> {
        self.write(effects, (permit.scope().team, id, self.now()), |(team, id, now), tx| {
            Box::pin(async move {
                let sql = "UPDATE api_keys SET revoked_at = COALESCE(revoked_at, $3) WHERE team = $1 AND id = $2";
                Error::unless_touched(tx.run(sql, binds![*team, *id, *now]).await?, "the key")
            })
        })
        .await
    }
}

fn shown(row: &Row) -> Result<ApiKeyShown> {
    let list = |name: &str| row.get::<Option<String>>(name);
    let unreadable = |name: &'static str| move |source| Error::corrupt(name, source);
    Ok(ApiKeyShown {
        id: row.get("id")?,
        prefix: row.get("prefix")?,
        name: row.get("name")?,
        team: row.get("team")?,
        owner: Member::read(row, "owner_kind", "owner")?,
        permissions: (list("permissions")?.map(|text| serde_json::from_str(&text)))
            .transpose()
            .map_err(unreadable("permissions"))?,
        environments: (list("environments")?.map(|text| serde_json::from_str(&text)))
            .transpose()
            .map_err(unreadable("environments"))?,
        addresses: row.json("addresses")?,
        created_at: row.get("created_at")?,
        expires_at: row.get("expires_at")?,
        revoked_at: row.get("revoked_at")?,
        last_used_at: row.get("last_used_at")?,
        last_used_from: row.get("last_used_from")?,
    })
}
