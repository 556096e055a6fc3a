//! Runs with two outside effects each, started over the webhook and acknowledged before they are done.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use hammer::client::{Connection, Error};
use http::Method;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;

use crate::fleet::Fleet;

/// webhook (answers at once) → call a → transform → call b → respond.
pub fn definition(receiver: SocketAddr) -> Value {
    let call = |id: &str| {
        json!({ "id": id, "type": "HTTP_REQUEST",
            "retry": { "max_attempts": 5, "initial_delay_ms": 50 },
            "parameters": { "method": "POST", "url": format!("http://{receiver}/{id}"), "body": { "run": "{{ run.id }}", "n": "{{ input.n }}" } } })
    };
    json!({
        "format": "nodeloom/workflow/v1",
        "name": "torture",
        "nodes": [
            { "id": "in", "type": "WEBHOOK", "parameters": { "path": "torture", "respond": "immediately" } },
            call("a"),
            { "id": "shape", "type": "TRANSFORM", "parameters": { "template": { "seen": "{{ nodes.a }}", "n": "{{ input.n }}" } } },
            call("b"),
            { "id": "out", "type": "RESPOND", "parameters": { "body": { "done": true } } },
        ],
    })
}

pub struct Load {
    stop: Arc<AtomicBool>,
    acknowledged: Arc<Mutex<Vec<String>>>,
    tasks: Vec<JoinHandle<()>>,
}

impl Load {
    pub fn start(fleet: &Fleet, connections: usize) -> Result<Self, Error> {
        let stop = Arc::new(AtomicBool::new(false));
        let acknowledged = Arc::new(Mutex::new(Vec::new()));
        let tls = fleet.tls()?;
        let tasks = (0..connections)
            .map(|_| tokio::spawn(send(fleet.address(), tls.clone(), stop.clone(), acknowledged.clone())))
            .collect();
        Ok(Self { stop, acknowledged, tasks })
    }
    pub fn acknowledged(&self) -> usize {
        self.acknowledged.lock().map(|runs| runs.len()).unwrap_or_default()
    }
    pub async fn stop(self) -> Vec<String> {
        self.stop.store(true, Ordering::Relaxed);
        for task in self.tasks {
            let _ = task.await;
        }
        self.acknowledged.lock().map(|runs| runs.clone()).unwrap_or_default()
    }
}

async fn send(address: SocketAddr, tls: TlsConnector, stop: Arc<AtomicBool>, acknowledged: Arc<Mutex<Vec<String>>>) {
    while !stop.load(Ordering::Relaxed) {
        let Ok(mut connection) = Connection::open(address, &tls, None).await else {
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        while !stop.load(Ordering::Relaxed) {
            let asked = connection.ask(
                Method::POST,
                "/hooks/demo/production/torture",
                format!(r#"{{"n": {}}}"#, rand::random::<u16>()),
            );
            let Ok(Ok((status, body))) = tokio::time::timeout(Duration::from_secs(10), asked).await else { break };
            let run =
                serde_json::from_slice::<Value>(&body).ok().and_then(|json| Some(json["run"].as_str()?.to_owned()));
            match run {
                Some(run) if status.is_success() => {
                    if let Ok(mut runs) = acknowledged.lock() {
                        runs.push(run);
                    }
                }
                _ => tokio::time::sleep(Duration::from_millis(20)).await,
            }
            // Enough load to be in the middle of something always; not so much that the end takes minutes to drain.
            tokio::time::sleep(Duration::from_millis(rand::random_range(5..40))).await;
        }
    }
}
