//! What the writer writes, the verifier reads, and nothing else.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use chain::{EntryFields, Hash, entry, verify};
use proptest::prelude::*;

#[derive(Debug, Clone)]
struct Owned {
    chain: String,
    sequence: u64,
    previous: Hash,
    id: [u8; 16],
    at: i64,
    operation: String,
    target: Option<String>,
    request: Option<[u8; 16]>,
    intent: Option<[u8; 16]>,
    duration: Option<u64>,
    pseudonym: Hash,
    subject: Vec<u8>,
    detail: Hash,
}

impl Owned {
    fn encode(&self) -> Vec<u8> {
        entry::encode(&EntryFields {
            chain: &self.chain,
            sequence: self.sequence,
            previous: &self.previous,
            id: self.id,
            at_micros: self.at,
            operation: &self.operation,
            target: self.target.as_deref(),
            result: "succeeded",
            request: self.request,
            intent: self.intent,
            duration_micros: self.duration,
            pseudonym: &self.pseudonym,
            subject: &self.subject,
            detail: &self.detail,
        })
    }
}

fn any_entry() -> impl Strategy<Value = Owned> {
    let names = (any::<String>(), any::<String>(), any::<Option<String>>());
    let ids = (any::<[u8; 16]>(), any::<Option<[u8; 16]>>(), any::<Option<[u8; 16]>>());
    let numbers = (any::<u64>(), any::<i64>(), any::<Option<u64>>());
    let bytes = (any::<Hash>(), any::<Hash>(), any::<Hash>(), prop::collection::vec(any::<u8>(), 0..600));
    (names, ids, numbers, bytes).prop_map(|(names, ids, numbers, bytes)| Owned {
        chain: names.0,
        operation: names.1,
        target: names.2,
        id: ids.0,
        request: ids.1,
        intent: ids.2,
        sequence: numbers.0,
        at: numbers.1,
        duration: numbers.2,
        previous: bytes.0,
        pseudonym: bytes.1,
        detail: bytes.2,
        subject: bytes.3,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn an_entry_reads_back_as_it_was_written(owned in any_entry()) {
        let read = verify::decode(&owned.encode()).unwrap();
        prop_assert_eq!(read.chain, owned.chain);
        prop_assert_eq!(read.sequence, owned.sequence);
        prop_assert_eq!(read.previous, owned.previous);
        prop_assert_eq!(read.id, owned.id);
        prop_assert_eq!(read.at_micros, owned.at);
        prop_assert_eq!(read.operation, owned.operation);
        prop_assert_eq!(read.target, owned.target);
        prop_assert_eq!(read.request, owned.request);
        prop_assert_eq!(read.intent, owned.intent);
        prop_assert_eq!(read.duration_micros, owned.duration);
        prop_assert_eq!(read.pseudonym, owned.pseudonym);
        prop_assert_eq!(read.subject, owned.subject);
        prop_assert_eq!(read.detail, owned.detail);
    }

    /// One entry has one spelling: bytes that read are the bytes that the writer would write.
    #[test]
    fn changed_bytes_are_refused_or_say_something_else(owned in any_entry(), at in any::<prop::sample::Index>(), bit in 0..8_u32) {
        let bytes = owned.encode();
        let mut changed = bytes.clone();
        let at = at.index(bytes.len());
        changed[at] ^= 1_u8 << bit;
        if let Ok(read) = verify::decode(&changed) {
            prop_assert_ne!(read, verify::decode(&bytes).unwrap());
        }
    }

    #[test]
    fn cut_or_prolonged_bytes_are_refused(owned in any_entry(), at in any::<prop::sample::Index>()) {
        let bytes = owned.encode();
        prop_assert!(verify::decode(&bytes[..at.index(bytes.len())]).is_err());
        prop_assert!(verify::decode(&[bytes, vec![0]].concat()).is_err());
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = verify::decode(&bytes);
        let _ = verify::unpack(&bytes);
    }
}

fn refused(hex_bytes: &str, why: &str) {
    let bytes = hex::decode(hex_bytes).unwrap();
    assert_eq!(verify::decode(&bytes).unwrap_err().0, why);
}

#[test]
fn other_spellings_of_cbor_are_refused() {
    refused("", "it ends too early");
    refused("bf0001ff", "it uses an indefinite length");
    refused("ab1800", "a number is not in its shortest form");
    refused("ab0002", "its version is not 1");
    refused("ab00010162c328", "a text is not UTF-8");
    refused("ab0101", "its fields are not in ascending order, or one is unknown or missing");
    refused("84", "a field has another type than version 1 says");
}
