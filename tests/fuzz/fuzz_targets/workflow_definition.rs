#![no_main]
//! Whatever bytes come as a workflow file: a definition or defects, never a panic, and what is accepted reads back.
use std::sync::LazyLock;
use libfuzzer_sys::fuzz_target;

static REGISTRY: LazyLock<std::sync::Arc<workflow::Registry>> = LazyLock::new(nodes::registry);

fuzz_target!(|bytes: &[u8]| {
    if let Ok(definition) = workflow::Definition::from_bytes(bytes, &REGISTRY) {
        let again = workflow::Definition::parse(&definition.to_json(), &REGISTRY).expect("what was accepted is accepted again");
        assert_eq!(definition.version(), again.version());
    }
});
