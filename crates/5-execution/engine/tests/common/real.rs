//! An engine whose effects are the real ones, and a server for them to talk to.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use async_trait::async_trait;
use authz::{Actor, Narrowing};
use customer_sql::CustomerSql;
use domain::{Principal, Role, Scope};
use egress::{Egress, Policy};
use engine::{
    Engine, EngineParts, Settings,
    effects::{Compiled, Secrets, StandardMask},
    ports::{Entropy, Rights},
};
use guardrails::{Guardrails, Ports};
use harness::Ground;
use models::Models;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::mpsc,
};

struct Everybody;

#[async_trait]
impl Rights for Everybody {
    async fn actor(&self, principal: Principal, scope: Scope) -> Result<Option<Actor>, store::Error> {
        Ok(Some(Actor::new(principal, scope, Role::Admin, Narrowing::default())))
    }
}

/// Answers every request with `answers` in turn and tells what it was sent.
pub async fn server(answers: Vec<&'static str>) -> (SocketAddr, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, receiver) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        for answer in answers {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut buffer = vec![0; 16 * 1024];
            let read = socket.read(&mut buffer).await.unwrap();
            sender.send(String::from_utf8_lossy(&buffer[..read]).to_lowercase()).unwrap();
            socket.write_all(answer.as_bytes()).await.unwrap();
            socket.shutdown().await.ok();
        }
    });
    (address, receiver)
}

pub async fn real(ground: &Ground, doubles: &Arc<super::World>) -> Engine {
    real_with(ground, doubles, super::vault(ground).await)
}

pub fn real_with(ground: &Ground, doubles: &Arc<super::World>, vault: Arc<vault::Vault>) -> Engine {
    let egress = Egress::new(Policy::allowing(["127.0.0.0/8"]).unwrap()).unwrap();
    let clock = doubles.clock();
    let world = engine::effects::World {
        models: Models::new(egress.clone(), clock.clone(), None),
        customer_sql: CustomerSql::new(egress.clone(), None),
        http: egress.clone(),
        sandbox: None,
        code_limits: sandbox::Limits::default().into(),
        guardrails: Arc::new(Guardrails::new(Ports::default())),
        compiled: Compiled::default(),
        connections: connections::Connections::new((*vault).clone(), ground.store.clone(), egress, clock.clone()),
        secrets: Secrets::default(),
        audit: Arc::clone(doubles) as _,
        store: ground.store.clone(),
        rights: Arc::new(Everybody),
        clock: clock.clone(),
    };
    Engine::new(EngineParts {
        store: ground.store.clone(),
        clock,
        entropy: Entropy::of_the_system(),
        vault,
        versions: Arc::clone(doubles) as _,
        rights: Arc::new(Everybody),
        months: Arc::new(()),
        effects: Arc::new(world),
        mask: Arc::new(StandardMask),
        audit: Arc::clone(doubles) as _,
        settings: Settings { longest_pause_in_memory: Duration::from_secs(5), ..Settings::default() },
    })
}
