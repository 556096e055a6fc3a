//! The second factor: a shared secret (sealed by the vault), recovery codes (hashes), and sign-ins that wait for it.

use authz::SystemPermit;
use domain::{Timestamp, UserId};

use crate::{
    Effects, Error, Result, Store,
    kernel::{row::Row, sql::binds, tx::Tx},
};

/// A person's second factor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecondFactor {
    pub user: UserId,
    pub sealed: Vec<u8>,
    /// Absent while it was never proven: then it is asked for nowhere.
    pub confirmed_at: Option<Timestamp>,
    /// The newest time step whose code was taken.
    pub last_step: i64,
}

/// How often a second step may be tried before the password is asked again.
const MOST_ATTEMPTS: i64 = 5;

impl Store {
    /// The person's second factor, confirmed or not.
    pub async fn second_factor(&self, _system: SystemPermit, user: UserId) -> Result<Option<SecondFactor>> {
        let sql = "SELECT user_id, sealed, confirmed_at, last_step FROM second_factors WHERE user_id = $1";
        self.db().optional(sql, binds![user]).await?.as_ref().map(factor).transpose()
    }

    /// Keeps a secret that is not confirmed yet, in place of an earlier unconfirmed one.
    ///
    /// # Errors
    /// [`Error::Refused`] when there is a confirmed one.
    pub async fn begin_second_factor(
        &self,
        _system: SystemPermit,
        user: UserId,
        sealed: Vec<u8>,
        at: Timestamp,
    ) -> Result<()> {
        self.write(Effects::none(), (user, sealed, at), |(user, sealed, at), tx| {
            Box::pin(async move {
                let rows = tx
                    .run(
                        "INSERT INTO second_factors (user_id, sealed, created_at, last_step) VALUES ($1, $2, $3, 0) \
                         ON CONFLICT (user_id) DO UPDATE SET sealed = excluded.sealed, \
                         created_at = excluded.created_at, last_step = 0 WHERE second_factors.confirmed_at IS NULL",
                        binds![*user, &*sealed, *at],
                    )
                    .await?;
                if rows == 0 { Err(Error::Refused { what: "there is a second factor already" }) } else { Ok(()) }
            })
        })
        .await
    }

    /// Confirms the secret with the code of `step`, and keeps these recovery codes. `false`: there was nothing to
    /// confirm, or the code was taken before.
    pub async fn confirm_second_factor(
        &self,
        _system: SystemPermit,
        user: UserId,
        step: i64,
        codes: Vec<[u8; 32]>,
        at: Timestamp,
    ) -> Result<bool> {
        self.write(Effects::none(), (user, step, codes, at), |(user, step, codes, at), tx| {
            Box::pin(async move {
                let sql = "UPDATE second_factors SET confirmed_at = $3, last_step = $2 \
                           WHERE user_id = $1 AND confirmed_at IS NULL AND last_step < $2";
                if tx.run(sql, binds![*user, *step, *at]).await? == 0 {
                    return Ok(false);
                }
                replace(tx, *user, codes).await?;
                Ok(true)
            })
        })
        .await
    }

    /// Takes the code of `step`; `false` when it, or a later one, was taken before. Of two at the same moment exactly
    /// one is taken.
    pub async fn take_step(&self, _system: SystemPermit, user: UserId, step: i64) -> Result<bool> {
        self.write(Effects::none(), (user, step), |(user, step), tx| {
            Box::pin(async move {
                let sql = "UPDATE second_factors SET last_step = $2 \
                           WHERE user_id = $1 AND last_step < $2 AND confirmed_at IS NOT NULL";
                Ok(tx.run(sql, binds![*user, *step]).await? == 1)
            })
        })
        .await
    }

    /// Replaces every recovery code.
    pub async fn replace_recovery_codes(
        &self,
        _system: SystemPermit,
        user: UserId,
        codes: Vec<[u8; 32]>,
    ) -> Result<()> {
        self.write(Effects::none(), (user, codes), |(user, codes), tx| Box::pin(replace(tx, *user, codes))).await
    }

    /// Uses a recovery code; `false` when there is no such code, or it was used.
    pub async fn use_recovery_code(
        &self,
        _system: SystemPermit,
        user: UserId,
        hash: [u8; 32],
        at: Timestamp,
    ) -> Result<bool> {
        self.write(Effects::none(), (user, hash, at), |(user, hash, at), tx| {
            Box::pin(async move {
                let sql = "UPDATE recovery_codes SET used_at = $3 WHERE user_id = $1 AND hash = $2 \
                           AND used_at IS NULL";
                Ok(tx.run(sql, binds![*user, *hash, *at]).await? == 1)
            })
        })
        .await
    }

    /// How many recovery codes are left.
    pub async fn recovery_codes_left(&self, _system: SystemPermit, user: UserId) -> Result<u32> {
        let sql = "SELECT COUNT(*) AS n FROM recovery_codes WHERE user_id = $1 AND used_at IS NULL";
        let row = self.db().optional(sql, binds![user]).await?;
        row.map_or(Ok(0), |row| row.get("n"))
    }

    /// Takes the second factor and its recovery codes away.
    pub async fn remove_second_factor(&self, _system: SystemPermit, user: UserId, effects: Effects) -> Result<()> {
        self.write(effects, user, |user, tx| {
            Box::pin(async move {
                tx.run("DELETE FROM recovery_codes WHERE user_id = $1", binds![*user]).await?;
                tx.run("DELETE FROM pending_sign_ins WHERE user_id = $1", binds![*user]).await?;
                let rows = tx.run("DELETE FROM second_factors WHERE user_id = $1", binds![*user]).await?;
                Error::unless_touched(rows, "the second factor")
            })
        })
        .await
    }

    /// The password was right: keeps what the second step is recognised by. Old ones of anybody go.
    pub async fn open_pending(
        &self,
        _system: SystemPermit,
        hash: [u8; 32],
        user: UserId,
        at: Timestamp,
        expires_at: Timestamp,
    ) -> Result<()> {
        self.write(Effects::none(), (hash, user, at, expires_at), |(hash, user, at, expires_at), tx| {
            Box::pin(async move {
                tx.run("DELETE FROM pending_sign_ins WHERE expires_at < $1", binds![*at]).await?;
                tx.run(
                    "INSERT INTO pending_sign_ins (hash, user_id, created_at, expires_at, attempts) \
                     VALUES ($1, $2, $3, $4, 0)",
                    binds![*hash, *user, *at, *expires_at],
                )
                .await?;
                Ok(())
            })
        })
        .await
    }

    /// Whose second step this is, counting an attempt; nothing when it is over, used up or unknown.
    pub async fn try_pending(&self, _system: SystemPermit, hash: [u8; 32], at: Timestamp) -> Result<Option<UserId>> {
        self.write(Effects::none(), (hash, at), |(hash, at), tx| {
            Box::pin(async move {
                let sql = "UPDATE pending_sign_ins SET attempts = attempts + 1 WHERE hash = $1 \
                           AND used_at IS NULL AND expires_at > $2 AND attempts < $3";
                if tx.run(sql, binds![*hash, *at, MOST_ATTEMPTS]).await? == 0 {
                    return Ok(None);
                }
                let sql = "SELECT user_id FROM pending_sign_ins WHERE hash = $1";
                tx.optional(sql, binds![*hash]).await?.map(|row| row.get("user_id")).transpose()
            })
        })
        .await
    }

    /// Ends a second step that succeeded; `false` when another one was first.
    pub async fn use_pending(&self, _system: SystemPermit, hash: [u8; 32], at: Timestamp) -> Result<bool> {
        self.write(Effects::none(), (hash, at), |(hash, at), tx| {
            Box::pin(async move {
                let sql = "UPDATE pending_sign_ins SET used_at = $2 WHERE hash = $1 AND used_at IS NULL";
                Ok(tx.run(sql, binds![*hash, *at]).await? == 1)
            })
        })
        .await
    }
}

async fn replace(tx: &mut Tx, user: UserId, codes: &[[u8; 32]]) -> Result<()> {
    tx.run("DELETE FROM recovery_codes WHERE user_id = $1", binds![user]).await?;
    for hash in codes {
        tx.run("INSERT INTO recovery_codes (user_id, hash) VALUES ($1, $2)", binds![user, hash]).await?;
    }
    Ok(())
}

fn factor(row: &Row) -> Result<SecondFactor> {
    Ok(SecondFactor {
        user: row.get("user_id")?,
        sealed: row.get("sealed")?,
        confirmed_at: row.get("confirmed_at")?,
        last_step: row.get("last_step")?,
    })
}
