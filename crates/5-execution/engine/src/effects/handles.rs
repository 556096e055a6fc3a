//! Handles on their way out: swapped for the value in the header or query field that the credential declares, towards a host
//! that it is bound to, and nowhere else. A handle in a body or a path stays what it is, which is worth nothing; one in
//! another header or field stops the call, because somebody meant a secret to go there.

use egress::Request;
use vault::{
    Lease,
    handle::{Field, spans, swapped},
};
use workflow::{Failure, FailureKind};

use super::World;
use crate::{ports::EffectContext, rules::refusal};

fn refused(why: impl std::fmt::Display) -> Failure {
    Failure::new(FailureKind::Policy, format!("a credential's handle was not swapped and nothing was sent: {why}"))
}

impl World {
    /// The one handle in a text, if there is one.
    fn handle_in(text: &str) -> Result<Option<&str>, Failure> {
        let found = spans(text);
        match found.as_slice() {
            [] => Ok(None),
            [one] => Ok(Some(&text[one.clone()])),
            _ => Err(refused("several stand in one place")),
        }
    }

    /// Opens the credential that `handle` names in this run.
    async fn lease_of_handle(&self, cx: &EffectContext, handle: &str, host: &str) -> Result<Lease, Failure> {
        let permit = self.may_use(cx).await?;
        let handles = self.connections.vault().handles(cx.scope, cx.run);
        let all = self.connections.vault().credentials(&permit).await;
        let all = all.map_err(|error| Failure::new(FailureKind::Internal, error.to_string()).retryable())?;
        let found = all.iter().find(|row| handles.is_one_of(handle, [row.name.as_str(), &row.id.to_string()]));
        let found = found.ok_or_else(|| refused("it is none of this run, team and environment"))?;
        cx.policies.credential(&[&found.name, &found.id.to_string()]).map_err(refusal)?;
        self.lease(cx, &found.id.to_string(), Some(host)).await
    }

    /// A header as it is sent; the lease, when a handle was swapped in it.
    pub(super) async fn header_out(
        &self,
        cx: &EffectContext,
        request: Request,
        host: &str,
        (name, value): (&str, &str),
    ) -> Result<(Request, Option<Lease>), Failure> {
        let failed = |error: egress::Error| Failure::new(FailureKind::Call, error.to_string());
        let Some(handle) = Self::handle_in(value)? else {
            return Ok((request.header(name, value).map_err(failed)?, None));
        };
        let lease = self.lease_of_handle(cx, handle, host).await?;
        let out = swapped(lease.value(), Field::Header(name), value, handle).map_err(refused)?;
        Ok((request.secret_header(name, out.expose()).map_err(failed)?, Some(lease)))
    }

    /// The query as it is sent, with the leases of the handles that were swapped in it.
    pub(super) async fn query_out(
        &self,
        cx: &EffectContext,
        request: &mut Request,
        host: &str,
    ) -> Result<Vec<Lease>, Failure> {
        let mut leases = Vec::new();
        if !request.url.query().is_some_and(|query| query.contains(vault::handle::PREFIX)) {
            return Ok(leases);
        }
        let pairs: Vec<(String, String)> = request.url.query_pairs().into_owned().collect();
        let mut out = Vec::new();
        for (name, value) in pairs {
            match Self::handle_in(&value)? {
                None => out.push((name, value)),
                Some(handle) => {
                    let lease = self.lease_of_handle(cx, handle, host).await?;
                    let secret = swapped(lease.value(), Field::Query(&name), &value, handle).map_err(refused)?;
                    out.push((name, secret.expose().clone()));
                    leases.push(lease);
                }
            }
        }
        if !leases.is_empty() {
            request.url.query_pairs_mut().clear().extend_pairs(out);
        }
        Ok(leases)
    }
}
