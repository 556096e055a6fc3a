//! The idempotency key of a step: what the outside world is told, the same on every attempt, so that a service that
//! honours it performs a repeated call once.

use aws_lc_rs::digest::{Context, SHA256};
use domain::StepAddress;

/// `hex(SHA-256("nodeloom/step/v1", run, node, path, index))`, every part preceded by its length.
pub fn step_key(step: &StepAddress) -> String {
    let mut hash = Context::new(&SHA256);
    let mut part = |bytes: &[u8]| {
        hash.update(&(bytes.len() as u64).to_be_bytes());
        hash.update(bytes);
    };
    part(b"nodeloom/step/v1");
    part(step.run.uuid().as_bytes());
    part(step.node.as_bytes());
    part(step.path.as_bytes());
    part(&step.index.to_be_bytes());
    hex::encode(hash.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(node: &str, path: &str, index: u32) -> String {
        let run = "run_00000000000070008000000000000001".parse().unwrap();
        step_key(&StepAddress { run, node: node.into(), path: path.into(), index })
    }

    #[test]
    fn the_same_step_has_the_same_key_and_neighbours_have_others() {
        assert_eq!(key("http", "", 0), key("http", "", 0));
        let all = [
            key("http", "", 0),
            key("http", "", 1),
            key("htt", "p", 0),
            key("", "http", 0),
            key("http", "each[1]/", 0),
        ];
        let distinct: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
    }
}
