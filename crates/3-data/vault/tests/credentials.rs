//! R087–R099: credentials are sealed, scoped, bound and masked.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use authz::{
    Permit,
    action::{ManageCredential, UseCredential},
};
use domain::{CredentialId, Environment, Scope, Secret};
use harness::{Ground, permit_for, scope, uuid};
use store::Effects;
use vault::{CredentialKind, CredentialValue, Error, Named, NewCredential, RootKeys, Use, Vault, keys};

/// Assembled, so that it is not a secret that stands in a file.
fn canary() -> String {
    ["canary", "7f3a", "b2c9", "do-not-store"].join("-")
}
async fn vault(ground: &Ground) -> Vault {
    Vault::start(&RootKeys::new(&keys::generate().unwrap(), &[]).unwrap(), ground.store.clone()).await.unwrap()
}
fn value(kind: CredentialKind, text: &str) -> CredentialValue {
    let text = if kind == CredentialKind::Database {
        format!("postgres://app:{text}@db.example.com/shop")
    } else {
        text.to_owned()
    };
    CredentialValue::new(kind, vec![(kind.fields()[0].0.to_owned(), Secret::new(text))]).unwrap()
}
async fn keep(vault: &Vault, scope: Scope, n: u128, name: &str, value: CredentialValue) -> Result<CredentialId, Error> {
    let new = NewCredential {
        id: CredentialId::from_uuid(uuid(n)),
        name: name.to_owned(),
        hosts: vec!["api.example.com".to_owned()],
        value,
        rotation_due_at: None,
    };
    let permit: Permit<ManageCredential> = permit_for(scope);
    Ok(vault.keep_credential(&permit, new, Effects::none()).await?.id)
}
async fn lease(
    ground: &Ground,
    vault: &Vault,
    scope: Scope,
    name: &str,
    host: Option<&str>,
) -> Result<vault::Lease, Error> {
    let permit: Permit<UseCredential> = permit_for(scope);
    vault.lease(&permit, Named(name), &Use { host }, ground.clock.now()).await
}

/// R087–R092, R098: all five kinds; who made it and when it was used is known.
#[tokio::test(flavor = "multi_thread")]
async fn every_kind_is_kept_and_leased() {
    harness::on_both(async |ground| {
        let vault = vault(ground).await;
        for (n, kind) in CredentialKind::ALL.into_iter().enumerate() {
            let id = keep(&vault, scope(1), n as u128 + 1, kind.as_str(), value(kind, &canary())).await.unwrap();
            let leased = lease(ground, &vault, scope(1), kind.as_str(), Some("api.example.com")).await.unwrap();
            assert!(leased.value().main().expose().contains(&canary()));
            assert_eq!(lease(ground, &vault, scope(1), &id.to_string(), None).await.unwrap().name(), kind.as_str());
        }
        let permit: Permit<UseCredential> = permit_for(scope(1));
        let listed = vault.credentials(&permit).await.unwrap();
        assert_eq!(listed.len(), 5);
        assert!(
            listed.iter().all(|c| c.created_by == permit.principal() && c.last_used_at == Some(ground.clock.now()))
        );
        assert!(!format!("{listed:?}").contains(&canary()), "R094: nothing that is listed holds a value");
    })
    .await;
}

/// R096, R097
#[tokio::test(flavor = "multi_thread")]
async fn another_team_or_environment_does_not_find_it() {
    harness::on_both(async |ground| {
        let vault = vault(ground).await;
        let development = Scope { environment: Environment::Development, ..scope(1) };
        keep(&vault, development, 1, "key", value(CredentialKind::ApiKey, &canary())).await.unwrap();
        for elsewhere in [scope(1), scope(2), Scope { environment: Environment::Development, ..scope(2) }] {
            assert!(matches!(lease(ground, &vault, elsewhere, "key", None).await, Err(Error::NotFound)));
        }
        assert!(lease(ground, &vault, development, "key", None).await.is_ok());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_goes_to_its_hosts_only() {
    harness::on_sqlite(async |ground| {
        let vault = vault(ground).await;
        keep(&vault, scope(1), 1, "key", value(CredentialKind::ApiKey, &canary())).await.unwrap();
        let leased = lease(ground, &vault, scope(1), "key", Some("api.example.com")).await.unwrap();
        assert!(leased.may_go_to("evil.example.com").is_err());
        let refused = lease(ground, &vault, scope(1), "key", Some("evil.example.com")).await;
        assert!(matches!(refused, Err(Error::HostNotBound { .. })));
    })
    .await;
}

/// R099: and after it, nothing is left to lease.
#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_or_replaced_value_is_gone() {
    harness::on_both(async |ground| {
        let vault = vault(ground).await;
        let id = keep(&vault, scope(1), 1, "key", value(CredentialKind::ApiKey, &canary())).await.unwrap();
        let (manage, using): (Permit<ManageCredential>, Permit<UseCredential>) =
            (permit_for(scope(1)), permit_for(scope(1)));
        let next = value(CredentialKind::ApiKey, "the-next-value");
        vault.replace_credential(&manage, &using, id, &next, Effects::none()).await.unwrap();
        assert_eq!(
            lease(ground, &vault, scope(1), "key", None).await.unwrap().value().main().expose(),
            "the-next-value"
        );
        let other_kind = value(CredentialKind::CustomSecret, "x-y-z-1-2-3");
        assert!(vault.replace_credential(&manage, &using, id, &other_kind, Effects::none()).await.is_err());
        vault.delete_credential(&manage, id, Effects::none()).await.unwrap();
        assert!(matches!(lease(ground, &vault, scope(1), "key", None).await, Err(Error::NotFound)));
        assert!(matches!(vault.delete_credential(&manage, id, Effects::none()).await, Err(Error::NotFound)));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_names_and_hosts_are_refused_and_a_taken_name_too() {
    harness::on_sqlite(async |ground| {
        let vault = vault(ground).await;
        let key = || value(CredentialKind::ApiKey, &canary());
        for name in ["", " a", "a\nb", "cred_00000000000000000000000000000001", &"x".repeat(101)] {
            assert!(matches!(keep(&vault, scope(1), 1, name, key()).await, Err(Error::Value { .. })), "{name:?}");
        }
        keep(&vault, scope(1), 1, "key", key()).await.unwrap();
        assert!(matches!(keep(&vault, scope(1), 2, "key", key()).await, Err(Error::Store(store::Error::Taken { .. }))));
        for host in ["https://a.example", "a.example/x", "", "*.", ".example.com", "a b"] {
            let hosts = vec![host.to_owned()];
            let id = CredentialId::from_uuid(uuid(3));
            let new = NewCredential { id, name: "b".to_owned(), hosts, value: key(), rotation_due_at: None };
            assert!(vault.keep_credential(&permit_for(scope(1)), new, Effects::none()).await.is_err(), "{host:?}");
        }
    })
    .await;
}

/// R080: the canary is in no byte of the database, in no spelling.
#[tokio::test(flavor = "multi_thread")]
async fn the_database_holds_no_value() {
    harness::on_sqlite(async |ground| {
        let vault = vault(ground).await;
        for (n, kind) in CredentialKind::ALL.into_iter().enumerate() {
            keep(&vault, scope(1), n as u128 + 1, kind.as_str(), value(kind, &canary())).await.unwrap();
        }
        for file in std::fs::read_dir(ground.folder.path()).unwrap() {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            for spelling in [canary(), hex::encode(canary())] {
                assert!(!bytes.windows(spelling.len()).any(|window| window == spelling.as_bytes()));
            }
        }
    })
    .await;
}

/// R093, R095: a lease shows nothing of itself and hides its value in what comes back.
#[tokio::test(flavor = "multi_thread")]
async fn a_lease_masks_its_value_and_its_header() {
    harness::on_sqlite(async |ground| {
        let vault = vault(ground).await;
        keep(&vault, scope(1), 1, "key", value(CredentialKind::ApiKey, &canary())).await.unwrap();
        let leased = lease(ground, &vault, scope(1), "key", None).await.unwrap();
        let (name, header) = leased.value().header().unwrap();
        assert_eq!((name.as_str(), header.expose().clone()), ("authorization", format!("Bearer {}", canary())));
        assert_eq!(leased.masker().text(&format!("echo: {}", header.expose())), "echo: Bearer [secret]");
        assert!(!format!("{leased:?} {:?} {header:?}", leased.value()).contains(&canary()));
    })
    .await;
}
