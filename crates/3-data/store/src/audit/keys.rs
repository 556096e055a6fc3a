//! The keys under which the personal part of audit entries is sealed, one per subject. Destroying a key makes that
//! person's part of every entry unreadable, while the chain stays whole.

use authz::SystemPermit;

use crate::{Effects, Result, Store, kernel::sql::binds};

impl Store {
    /// The wrapped key of a subject, by keyed pseudonym.
    pub async fn subject_key(&self, _system: SystemPermit, subject: [u8; 32]) -> Result<Option<Vec<u8>>> {
        let sql = "SELECT wrapped FROM subject_keys WHERE subject = $1";
        let row = self.db().optional(sql, binds![subject]).await?;
        row.map(|row| row.get("wrapped")).transpose()
    }

    /// Keeps a wrapped key unless the subject has one, and answers with the one that counts.
    pub async fn keep_subject_key(
        &self,
        _system: SystemPermit,
        subject: [u8; 32],
        wrapped: Vec<u8>,
    ) -> Result<Vec<u8>> {
        let now = self.now();
        self.write(Effects::none(), (subject, wrapped, now), |(subject, wrapped, now), tx| {
            Box::pin(async move {
                tx.run(
                    "INSERT INTO subject_keys (subject, wrapped, at) VALUES ($1, $2, $3) \
                     ON CONFLICT (subject) DO NOTHING",
                    binds![subject, wrapped, *now],
                )
                .await?;
                tx.one("SELECT wrapped FROM subject_keys WHERE subject = $1", binds![subject]).await?.get("wrapped")
            })
        })
        .await
    }

    /// Destroys a subject's key; says whether there was one.
    pub async fn forget_subject_key(&self, _system: SystemPermit, subject: [u8; 32], effects: Effects) -> Result<bool> {
        self.write(effects, subject, |subject, tx| {
            Box::pin(
                async move { Ok(tx.run("DELETE FROM subject_keys WHERE subject = $1", binds![subject]).await? > 0) },
            )
        })
        .await
    }
}
