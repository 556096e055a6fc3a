//! R080–R082, R097: what is sealed opens where it was sealed, and nowhere else.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::collections::HashSet;

use domain::{Environment, RunId, Scope, Secret};
use vault::{Bound, OpenError, Purpose, RootKeys, Vault, keys};

async fn vault() -> (harness::Ground, Vault) {
    let ground = harness::sqlite_database().await;
    let roots = RootKeys::new(&keys::generate().unwrap(), &[]).unwrap();
    let vault = Vault::start(&roots, ground.store.clone()).await.unwrap();
    (ground, vault)
}
fn at_once() -> vault::Pace {
    vault::Pace { settle: std::time::Duration::ZERO }
}
fn here() -> Bound<'static> {
    Bound { table: "settings", field: "secret", scope: Some(harness::scope(1)), row: b"row", version: 1 }
}

/// R082: every single bit.
#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_bit_in_any_byte_does_not_open() {
    let (_ground, vault) = vault().await;
    let blob = vault.seal(Purpose::Settings, &here(), b"a value of some length").unwrap();
    assert_eq!(vault.open(Purpose::Settings, &here(), &blob).unwrap().expose(), b"a value of some length");
    for at in 0..blob.len() {
        for bit in 0..8 {
            let mut flipped = blob.clone();
            flipped[at] ^= 1 << bit;
            assert!(vault.open(Purpose::Settings, &here(), &flipped).is_err(), "byte {at} bit {bit}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_or_prolonged_blob_does_not_open() {
    let (_ground, vault) = vault().await;
    let blob = vault.seal(Purpose::Settings, &here(), b"value").unwrap();
    for length in 0..blob.len() {
        assert!(vault.open(Purpose::Settings, &here(), &blob[..length]).is_err(), "{length}");
    }
    assert_eq!(vault.open(Purpose::Settings, &here(), &blob[..32]).unwrap_err(), OpenError::NotSealed);
    let prolonged = [blob, vec![0]].concat();
    assert_eq!(vault.open(Purpose::Settings, &here(), &prolonged).unwrap_err(), OpenError::Tampered);
}

/// R096, R097: team, environment, table, field, row and version are part of the seal.
#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_was_moved_does_not_open() {
    let (_ground, vault) = vault().await;
    let blob = vault.seal(Purpose::Settings, &here(), b"value").unwrap();
    let elsewhere = [
        Bound { table: "other", ..here() },
        Bound { field: "other", ..here() },
        Bound { scope: Some(harness::scope(2)), ..here() },
        Bound { scope: Some(Scope { environment: Environment::Development, ..harness::scope(1) }), ..here() },
        Bound { scope: None, ..here() },
        Bound { row: b"other", ..here() },
        Bound { version: 2, ..here() },
    ];
    for bound in elsewhere {
        assert_eq!(vault.open(Purpose::Settings, &bound, &blob).unwrap_err(), OpenError::Tampered, "{bound:?}");
    }
    assert!(matches!(vault.open(Purpose::Credentials, &here(), &blob), Err(OpenError::KeyNotLoaded { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_key_id_is_named() {
    let (_ground, vault) = vault().await;
    let mut blob = vault.seal(Purpose::Settings, &here(), b"value").unwrap();
    blob[1..5].copy_from_slice(&[0xde, 0xad, 0xbe, 0xef]);
    assert_eq!(
        vault.open(Purpose::Settings, &here(), &blob).unwrap_err(),
        OpenError::KeyNotLoaded { key: 0xdead_beef }
    );
}

/// R081: over a large sample.
#[tokio::test(flavor = "multi_thread")]
async fn no_nonce_repeats() {
    let (_ground, vault) = vault().await;
    let nonces: HashSet<Vec<u8>> =
        (0..100_000).map(|_| vault.seal(Purpose::Settings, &here(), b"same").unwrap()[5..17].to_vec()).collect();
    assert_eq!(nonces.len(), 100_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runs_key_opens_only_that_runs_fields_at_their_index() {
    let (_ground, vault) = vault().await;
    let (run, other) = (RunId::from_uuid(harness::uuid(1)), RunId::from_uuid(harness::uuid(2)));
    let key = vault.new_run_key(harness::scope(1), run).unwrap();
    let (wrapped, blob) = (key.wrapped().unwrap(), key.seal("answer", 3, b"step").unwrap());
    let again = vault.run_key(harness::scope(1), run, &wrapped).unwrap();
    assert_eq!(again.open("answer", 3, &blob).unwrap().expose(), b"step");
    assert_eq!(again.open("answer", 4, &blob).unwrap_err(), OpenError::Tampered);
    assert_eq!(again.open("input", 3, &blob).unwrap_err(), OpenError::Tampered);
    assert!(vault.run_key(harness::scope(1), other, &wrapped).is_err());
    assert!(vault.run_key(harness::scope(2), run, &wrapped).is_err());
    let others = vault.new_run_key(harness::scope(1), other).unwrap();
    assert_eq!(others.open("answer", 3, &blob).unwrap_err(), OpenError::Tampered);
}

/// R084: a server that lacks a key that the database needs does not start.
#[tokio::test(flavor = "multi_thread")]
async fn the_vault_does_not_start_without_a_key_that_the_database_needs() {
    let ground = harness::sqlite_database().await;
    let (first, second) = (keys::generate().unwrap(), keys::generate().unwrap());
    let roots = |present: &Secret<String>, previous: &[Secret<String>]| RootKeys::new(present, previous).unwrap();
    let vault = Vault::start(&roots(&first, &[]), ground.store.clone()).await.unwrap();
    let blob = vault.seal(Purpose::Settings, &here(), b"value").unwrap();
    let refused = Vault::start(&roots(&second, &[]), ground.store.clone()).await.unwrap_err();
    assert!(matches!(refused, vault::Error::Open(OpenError::KeyNotLoaded { .. })), "{refused}");
    let status = vault::status(&roots(&second, &[]), &ground.store).await.unwrap();
    assert_eq!(status.missing, vec![roots(&first, &[]).present().id()]);
    // rotation: with both keys, once; then the first is needed no more
    let both = roots(&second, std::slice::from_ref(&first));
    assert!(!vault::status(&both, &ground.store).await.unwrap().is_rotated());
    assert!(vault::rotate(&both, &ground.store, at_once(), store::Effects::none()).await.unwrap().is_rotated());
    let after = Vault::start(&roots(&second, &[]), ground.store.clone()).await.unwrap();
    assert_eq!(after.open(Purpose::Settings, &here(), &blob).unwrap().expose(), b"value");
    assert!(Vault::start(&roots(&first, &[]), ground.store.clone()).await.is_err());
}

/// Two servers that start on a new database at once agree on its keys.
#[tokio::test(flavor = "multi_thread")]
async fn two_servers_that_start_at_once_share_their_keys() {
    harness::on_both(async |ground| {
        let roots = RootKeys::new(&keys::generate().unwrap(), &[]).unwrap();
        let start = || Vault::start(&roots, ground.store.clone());
        let (one, other) = tokio::join!(start(), start());
        let (one, other) = (one.unwrap(), other.unwrap());
        let blob = one.seal(Purpose::Settings, &here(), b"value").unwrap();
        assert_eq!(other.open(Purpose::Settings, &here(), &blob).unwrap().expose(), b"value");
        assert_eq!(one.pseudonym("person:x"), other.pseudonym("person:x"));
    })
    .await;
}
