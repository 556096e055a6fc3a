//! Processor time that layers 1 (network), 2 (authentication) and 6 (audit) add to an authenticated GET, with the
//! in-process limiter. `cargo run --release -p server --example edge_figures`; see bench/edge.sh.
//!
//! The same request goes to the handler's answer alone and through everything; the difference is what the layers cost.
//! TLS and the parsing of HTTP are the socket's, and in neither. Layer 6 writes for changes and listed reads only: its
//! intent and outcome are measured by themselves and added as if this GET were one.

#![allow(clippy::unwrap_used, reason = "a figure that cannot be taken is none")]

use std::{collections::BTreeMap, path::Path};

use authz::{Permission, allows};
use axum::{
    Json, Router,
    body::{Body, to_bytes},
    http::Request,
    routing::get,
};
use domain::{AuditResult, AuditSubject, Principal, Role, Scope};
use edge::address::Peer;
use recorder::Act;
use serde_json::json;
use server::{Config, ProcessRole};
use tower::Service;

const REQUESTS: u32 = 20_000;
const ENTRIES: u32 = 2_000;
const REACH_MICROS: f64 = 150.0;

/// Of this process, user and system, in microseconds.
fn processor_time() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks: f64 = fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
    ticks * 10_000.0
}

fn table() -> Json<api::PermissionTable> {
    let row = |permission: &Permission| api::PermissionRow {
        name: permission.name().to_owned(),
        roles: Role::ALL.into_iter().filter(|role| allows(*role, *permission)).map(|role| role.to_string()).collect(),
    };
    Json(api::PermissionTable {
        roles: Role::ALL.map(|role| role.to_string()).to_vec(),
        permissions: Permission::ALL.iter().map(row).collect(),
    })
}

async fn each<S>(service: &mut S, key: &str) -> f64
where
    S: Service<Request<Body>, Response = axum::response::Response>,
    S::Error: std::fmt::Debug,
{
    let request = || {
        let mut request = Request::get("/api/v1/permissions")
            .header("host", "localhost:8443")
            .header("accept", "*/*")
            .header("user-agent", "edge_figures")
            .header("authorization", format!("Bearer {key}"))
            .body(Body::empty())
            .unwrap();
        request.extensions_mut().insert(Peer(([127, 0, 0, 1], 4711).into()));
        request
    };
    let mut spent = 0.0;
    for round in 0..2 {
        let before = processor_time();
        for _ in 0..REQUESTS {
            let answer = service.call(request()).await.unwrap();
            assert_eq!(answer.status(), 200);
            to_bytes(answer.into_body(), 1 << 20).await.unwrap();
        }
        // the first round warms
        if round == 1 {
            spent = (processor_time() - before) / f64::from(REQUESTS);
        }
    }
    spent
}

fn config(folder: &Path) -> Config {
    let limit = "1000000000".to_owned();
    let variables = BTreeMap::from(
        [
            ("NODELOOM_DATA__FOLDER", folder.display().to_string()),
            ("NODELOOM_SANDBOX__ENABLED", "false".to_owned()),
            ("NODELOOM_LIMITS__API_PER_MINUTE", limit.clone()),
            ("NODELOOM_LIMITS__ADDRESS_PER_MINUTE", limit),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    );
    Config::from_parts("", Path::new("(figures)"), &variables).unwrap()
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let folder = tempfile::tempdir().unwrap();
    let rooms = server::open_rooms(config(folder.path()), ProcessRole::Server).await.unwrap();
    let now = rooms.clock.now();
    let team = domain::TeamId::new(now, rand::random());
    let system = authz::act_as_system("figures");
    let made = store::people::Team { id: team, slug: "figures".into(), name: "Figures".into(), created_at: now };
    rooms.store.add_team(system, made, store::Effects::none()).await.unwrap();
    let user = store::people::User {
        id: domain::UserId::new(now, rand::random()),
        email: "figures@example.com".into(),
        name: "Figures".into(),
        password_hash: None,
        email_verified_at: Some(now),
        disabled_at: None,
        created_at: now,
    };
    let id = user.id;
    rooms.store.add_user(system, user, store::Effects::none()).await.unwrap();
    let membership = store::people::Membership {
        team,
        member: store::people::Member::User(id),
        role: Role::Admin,
        source: "setup".into(),
        created_at: now,
    };
    rooms.store.put_membership(system, membership, store::Effects::none()).await.unwrap();
    let new = identity::NewApiKey {
        name: "figures".into(),
        team,
        owner: identity::KeyOwner::User(id),
        permissions: None,
        environments: None,
        addresses: Vec::new(),
        life: None,
    };
    let (value, record) = new.make(now);
    let key = server::rooms::stored_key(&record);
    rooms.store.add_own_api_key(system, key, store::Effects::none()).await.unwrap();

    let mut bare: Router = Router::new().route("/api/v1/permissions", get(async || table()));
    let mut whole = server::request_path::service(&rooms).unwrap();
    let alone = each(&mut bare, value.expose()).await;
    let layered = each(&mut whole, value.expose()).await;

    let scope = Scope { team, environment: domain::Environment::Production };
    let act = || Act {
        scope: Some(scope),
        subject: AuditSubject {
            principal: Principal::User { id },
            address: Some([127, 0, 0, 1].into()),
            session: None,
            user_agent: Some("edge_figures".into()),
        },
        request: None,
        operation: "audit.view".into(),
        target: None,
        detail: json!({}),
    };
    let before = processor_time();
    for _ in 0..ENTRIES {
        let intent = rooms.recorder.intent(act()).await.unwrap();
        intent.outcome(AuditResult::Succeeded, json!({})).await.unwrap();
    }
    let audit = (processor_time() - before) / f64::from(ENTRIES);
    rooms.store.close().await;

    let network_and_identity = layered - alone;
    let all = network_and_identity + audit;
    println!("the handler's answer alone      {alone:7.1} us");
    println!("with layers 1 and 2             {layered:7.1} us, so they add {network_and_identity:.1} us");
    println!("layer 6, intent and outcome     {audit:7.1} us (changes and listed reads only; SQLite, one at a time)");
    println!("layers 1, 2 and 6 together      {all:7.1} us of {REACH_MICROS} us");
    assert!(network_and_identity <= REACH_MICROS, "layers 1 and 2 alone cost more than the reach");
    if all > REACH_MICROS {
        println!("over the reach for an audited read");
        std::process::exit(1);
    }
}
