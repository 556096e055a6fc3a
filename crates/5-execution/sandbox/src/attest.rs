//! What a run was held by, as one hash: the same bytes here mean the same walls.

use aws_lc_rs::digest::{Context, SHA256};
use sandbox_launcher::{filter, wire::Profile};

use crate::backend::{Backend, JAVASCRIPT, LAUNCHER};

/// SHA-256 over the backend's recipe, the filter, the root's name, the launcher and the runner, in hex.
pub fn profile(backend: &dyn Backend, profile: Profile) -> String {
    let mut hash = Context::new(&SHA256);
    hash.update(b"nodeloom/sandbox-profile/v2\0");
    hash.update(backend.name().as_bytes());
    hash.update(b"\0");
    hash.update(&backend.recipe(profile));
    hash.update(b"\0");
    hash.update(profile.word().as_bytes());
    for op in filter::compile(&filter::of(profile)) {
        hash.update(&op.code.to_le_bytes());
        hash.update(&[op.jt, op.jf]);
        hash.update(&op.k.to_le_bytes());
    }
    hash.update(LAUNCHER);
    if profile == Profile::Javascript {
        hash.update(JAVASCRIPT);
    }
    hex::encode(hash.finish())
}
