//! R083, R084: keys are rotated while the house goes on, and nothing is left under the old one.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use authz::{
    Permit,
    action::{ManageCredential, UseCredential},
};
use domain::{CredentialId, RunId, Secret};
use harness::{Ground, permit_for, scope, system, uuid};
use store::{Effects, SEALED_COLUMNS, records::SettingOf};
use vault::{
    Bound, CredentialKind, CredentialValue, Error, Named, NewCredential, OpenError, Pace, Purpose, RootKeys, Use,
    Vault, keys,
};

const AT_ONCE: Pace = Pace { settle: Duration::from_millis(1) };

fn roots(present: &Secret<String>, previous: &[Secret<String>]) -> RootKeys {
    RootKeys::new(present, previous).unwrap()
}
fn value(text: &str) -> CredentialValue {
    CredentialValue::new(CredentialKind::ApiKey, vec![("key".to_owned(), Secret::new(text.to_owned()))]).unwrap()
}
async fn keep(vault: &Vault, n: u128) -> CredentialId {
    let new = NewCredential {
        id: CredentialId::from_uuid(uuid(n)),
        name: format!("key-{n}"),
        hosts: vec!["api.example.com".to_owned()],
        value: value(&format!("value-{n}")),
        rotation_due_at: None,
    };
    vault.keep_credential(&permit_for::<ManageCredential>(scope(1)), new, Effects::none()).await.unwrap().id
}
async fn read(ground: &Ground, vault: &Vault, n: u128) -> Result<String, Error> {
    let permit: Permit<UseCredential> = permit_for(scope(1));
    let lease = vault.lease(&permit, Named(&format!("key-{n}")), &Use::default(), ground.clock.now()).await?;
    Ok(lease.value().main().expose().clone())
}

/// Every kind of sealed value moves to the next key: credentials, their old versions, settings (sign-on, SIEM and second
/// factors are sealed like these), keys of persons and of runs. The root key before is needed by nothing.
#[tokio::test(flavor = "multi_thread")]
async fn no_value_is_left_under_an_earlier_key() {
    harness::on_both(async |ground| {
        let (first, second) = (keys::generate().unwrap(), keys::generate().unwrap());
        let vault = Vault::start(&roots(&first, &[]), ground.store.clone()).await.unwrap();
        let id = keep(&vault, 1).await;
        let (manage, using) = (permit_for::<ManageCredential>(scope(1)), permit_for::<UseCredential>(scope(1)));
        vault.replace_credential(&manage, &using, id, &value("value-1b"), Effects::none()).await.unwrap();
        let pseudonym = vault.pseudonym("person:x");
        let (subject, wrapped) = vault.new_subject_key(&pseudonym).unwrap();
        ground.store.keep_subject_key(system(), pseudonym, wrapped).await.unwrap();
        let told = subject.seal("system", &[7; 16], b"told").unwrap();
        let seed = Bound { table: "settings", field: "value", scope: None, row: b"audit_signing_seed", version: 1 };
        let sealed = hex::encode(vault.seal(Purpose::Settings, &seed, b"the seed").unwrap());
        let name = "audit_signing_seed".to_owned();
        ground.store.set_setting(system(), SettingOf::Instance, name, sealed.into(), Effects::none()).await.unwrap();
        let before = vault::status(&roots(&first, &[]), &ground.store).await.unwrap();
        assert_eq!(before.left_behind(), 0);

        let both = roots(&second, std::slice::from_ref(&first));
        let after = vault::rotate(&both, &ground.store, AT_ONCE, Effects::none()).await.unwrap();
        assert!(after.is_rotated() && after.left_behind() == 0 && after.unknown.is_empty(), "{after:?}");
        for (column, counts) in &after.sealed {
            for key in counts.keys() {
                assert!(after.active.contains(key), "{column} is still under {key}");
                assert!(!before.active.contains(key), "{column} was not sealed anew");
            }
        }
        // a server that has only the new root key opens everything
        let vault = Vault::start(&roots(&second, &[]), ground.store.clone()).await.unwrap();
        assert_eq!(read(ground, &vault, 1).await.unwrap(), "value-1b");
        assert_eq!(vault.roll_back_credential(&manage, &using, id, 1, Effects::none()).await.unwrap(), 3);
        assert_eq!(read(ground, &vault, 1).await.unwrap(), "value-1");
        assert_eq!(vault.pseudonym("person:x"), pseudonym, "entries of before are still found");
        let wrapped = ground.store.subject_key(system(), pseudonym).await.unwrap().unwrap();
        let subject = vault.subject_key(&pseudonym, &wrapped).unwrap();
        assert_eq!(subject.open("system", &[7; 16], &told).unwrap().expose(), b"told");
        let kept = ground.store.setting(system(), SettingOf::Instance, "audit_signing_seed").await.unwrap().unwrap();
        let kept = hex::decode(kept.as_str().unwrap()).unwrap();
        assert_eq!(vault.open(Purpose::Settings, &seed, &kept).unwrap().expose(), b"the seed");
        assert!(
            Vault::start(&roots(&first, &[]), ground.store.clone()).await.is_err(),
            "the old root is worth nothing"
        );
    })
    .await;
}

/// A run that is under way keeps its key through a rotation.
#[tokio::test(flavor = "multi_thread")]
async fn a_runs_key_is_wrapped_anew() {
    let ground = harness::sqlite_database().await;
    let root = keys::generate().unwrap();
    let vault = Vault::start(&roots(&root, &[]), ground.store.clone()).await.unwrap();
    let run = RunId::from_uuid(uuid(9));
    let wrapped = vault.new_run_key(scope(1), run).unwrap().wrapped().unwrap();
    vault::rotate(&roots(&root, &[]), &ground.store, AT_ONCE, Effects::none()).await.unwrap();
    vault.refresh().await.unwrap();
    assert!(vault.run_key(scope(1), run, &wrapped).is_ok(), "what was wrapped before still opens");
    assert!(SEALED_COLUMNS.iter().any(|column| (column.table, column.field) == ("runs", "sealed_key")));
}

/// Online: readers and a writer go on through rotations, and nobody fails; a server that does not look for new keys in
/// time reads all the same, because it has the next key from its start.
#[tokio::test(flavor = "multi_thread")]
async fn readers_and_writers_go_on_through_a_rotation() {
    harness::on_both(async |ground| {
        let root = keys::generate().unwrap();
        let serving = Vault::start(&roots(&root, &[]), ground.store.clone()).await.unwrap();
        for n in 1..=60 {
            keep(&serving, n).await;
        }
        let (stop, failed, reads) = (Arc::new(AtomicBool::new(false)), AtomicU32::new(0), AtomicU32::new(0));
        let reading = async {
            let mut n = 0;
            while !stop.load(Ordering::SeqCst) {
                n = n % 60 + 1;
                match read(ground, &serving, n).await {
                    Ok(text) if text.starts_with("value-") => reads.fetch_add(1, Ordering::SeqCst),
                    other => {
                        eprintln!("{other:?}");
                        failed.fetch_add(1, Ordering::SeqCst)
                    }
                };
            }
        };
        let writing = async {
            let (manage, using) = (permit_for::<ManageCredential>(scope(1)), permit_for::<UseCredential>(scope(1)));
            let id = CredentialId::from_uuid(uuid(7));
            let mut last = 0;
            while !stop.load(Ordering::SeqCst) {
                last += 1;
                let value = value(&format!("value-7-{last}"));
                serving.replace_credential(&manage, &using, id, &value, Effects::none()).await.unwrap();
            }
            last
        };
        let rotating = async {
            for _ in 0..3 {
                let done = vault::rotate(&roots(&root, &[]), &ground.store, AT_ONCE, Effects::none()).await;
                // this server seals with what it has until it looks; looking again finds those
                serving.refresh().await.unwrap();
                if let Err(Error::LeftBehind { .. }) = done {
                    vault::rotate(&roots(&root, &[]), &ground.store, AT_ONCE, Effects::none()).await.unwrap();
                }
            }
            stop.store(true, Ordering::SeqCst);
        };
        let ((), last, ()) = tokio::join!(reading, writing, rotating);
        assert_eq!(failed.load(Ordering::SeqCst), 0);
        assert!(reads.load(Ordering::SeqCst) > 0);
        assert_eq!(
            read(ground, &serving, 7).await.unwrap(),
            format!("value-7-{last}"),
            "nothing newer was overwritten"
        );
        // what the server sealed with the earlier key before it looked is found by whoever looks again
        let status = vault::rotate(&roots(&root, &[]), &ground.store, AT_ONCE, Effects::none()).await.unwrap();
        assert_eq!(status.left_behind(), 0);
    })
    .await;
}

/// Resumable: cut off at any point, the next rotation finishes it and makes no further key.
#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_that_was_cut_off_is_finished_by_the_next() {
    harness::on_both(async |ground| {
        let root = keys::generate().unwrap();
        let vault = Vault::start(&roots(&root, &[]), ground.store.clone()).await.unwrap();
        for n in 1..=20 {
            keep(&vault, n).await;
        }
        for cut in [1_u64, 5, 20, 60] {
            let store = ground.store.clone();
            let pace = Pace { settle: Duration::from_millis(20) };
            let rotation = async { vault::rotate(&roots(&root, &[]), &store, pace, Effects::none()).await };
            // dropped in the middle, as a kill would
            _ = tokio::time::timeout(Duration::from_millis(cut), rotation).await;
            // what it had handed to the writer is written before this is
            let (of, name) = (SettingOf::Instance, "a_test_was_here".to_owned());
            ground.store.set_setting(system(), of, name, true.into(), Effects::none()).await.unwrap();
            let half = vault::status(&roots(&root, &[]), &ground.store).await.unwrap();
            let whole = vault::rotate(&roots(&root, &[]), &ground.store, AT_ONCE, Effects::none()).await.unwrap();
            assert_eq!(whole.left_behind(), 0, "cut after {cut} ms");
            if half.left_behind() > 0 {
                assert_eq!(half.active, whole.active, "finished, not begun anew");
            }
        }
        vault.refresh().await.unwrap();
        for n in 1..=20 {
            assert_eq!(read(ground, &vault, n).await.unwrap(), format!("value-{n}"));
        }
    })
    .await;
}

/// R084: a value under a data key that is gone is found at the start, by its key's id, before anybody needs it.
#[tokio::test(flavor = "multi_thread")]
async fn the_vault_does_not_start_when_a_value_needs_a_data_key_that_is_gone() {
    harness::on_both(async |ground| {
        let root = keys::generate().unwrap();
        let vault = Vault::start(&roots(&root, &[]), ground.store.clone()).await.unwrap();
        keep(&vault, 1).await;
        let column = SEALED_COLUMNS.iter().find(|column| column.table == "credentials").unwrap();
        let rows = ground.store.sealed_rows(system(), column, None, 10).await.unwrap();
        let mut foreign = rows[0].sealed.clone();
        foreign[1..5].copy_from_slice(&[0xde, 0xad, 0xbe, 0xef]);
        let change = vec![(rows[0].key.clone(), foreign, rows[0].sealed.clone())];
        assert_eq!(ground.store.reseal(system(), column, change).await.unwrap(), 1);
        let refused = Vault::start(&roots(&root, &[]), ground.store.clone()).await.unwrap_err();
        assert!(matches!(refused, Error::Open(OpenError::KeyNotLoaded { key: 0xdead_beef })), "{refused}");
        let status = vault::status(&roots(&root, &[]), &ground.store).await.unwrap();
        assert_eq!(status.unknown, vec![0xdead_beef]);
        assert!(matches!(read(ground, &vault, 1).await, Err(Error::Open(OpenError::KeyNotLoaded { .. }))));
    })
    .await;
}
