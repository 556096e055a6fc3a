//! What a run was held by, as one hash: the same bytes here mean the same walls.

use std::sync::OnceLock;

use aws_lc_rs::digest::{Context, SHA256};
use sandbox_launcher::{filter, wire::Profile};

use crate::native::{JAVASCRIPT, LAUNCHER};

/// SHA-256 over the filter, the root's name, the launcher and the runner, in hex.
pub fn profile(profile: Profile) -> &'static str {
    static HASHES: [OnceLock<String>; 3] = [OnceLock::new(), OnceLock::new(), OnceLock::new()];
    let slot = match profile {
        Profile::Javascript => 0,
        Profile::Empty => 1,
        Profile::HostUsr => 2,
    };
    HASHES[slot].get_or_init(|| {
        let mut hash = Context::new(&SHA256);
        hash.update(b"nodeloom/sandbox-profile/v1\0");
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
    })
}
