//! SIEM destinations over HTTP, each against a receiver that answers as its vendor does: made, tested, paused, sent again,
//! with what is refused put aside, and with people told when it does not go on.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use domain::Role;
use journeys::{
    Client, Server, Socket,
    doubles::{self, Act, Double, Seen, judge, on_both_open, refuse, say},
    eventually,
    workflows::echo,
};
use serde_json::{Value as Json, json};

const SOON: Duration = Duration::from_secs(60);
const SECRET: &str = "canary-secret-of-the-receiver";

/// A receiver of any vendor.
#[derive(Clone, Default)]
struct Receiver(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    taken: Vec<Json>,
    /// Answered instead of taking anything.
    refuses: Option<u16>,
    /// Refused by its sequence.
    poison: BTreeSet<i64>,
}

impl Receiver {
    fn act(&self) -> Act {
        let own = self.clone();
        judge(move |seen| own.answer(seen))
    }
    fn answer(&self, seen: &Seen) -> Act {
        let mut inner = self.0.lock().unwrap();
        if let Some(status) = inner.refuses {
            return refuse(status, "", json!({ "text": "no", "code": 4 }));
        }
        let events = events(seen);
        // entries alone: the security events that tell of a dead letter have numbers of their own
        let is_bad = |event: &Json| {
            event["stream"] == "audit"
                && event["sequence"].as_i64().is_some_and(|number| inner.poison.contains(&number))
        };
        if seen.path.contains("/_bulk") {
            let bad: Vec<bool> = events.iter().map(is_bad).collect();
            let item = |bad: &bool| json!({ "create": { "status": if *bad { 400 } else { 201 }, "error": { "type": "bad" } } });
            let items: Vec<_> = bad.iter().map(item).collect();
            inner.taken.extend(events.into_iter().zip(&bad).filter(|(_, bad)| !**bad).map(|(event, _)| event));
            return say(json!({ "took": 1, "errors": bad.contains(&true), "items": items }));
        }
        if events.iter().any(is_bad) {
            return refuse(400, "", json!({ "text": "Invalid data format", "code": 6 }));
        }
        inner.taken.extend(events);
        if seen.path.contains("/api/v2/logs") {
            return refuse(202, "", json!({}));
        }
        say(json!({ "text": "Success", "code": 0 }))
    }
    fn refuses(&self, status: Option<u16>) {
        self.0.lock().unwrap().refuses = status;
    }
    fn poison(&self, sequences: &[i64]) {
        self.0.lock().unwrap().poison = sequences.iter().copied().collect();
    }
    fn of(&self, stream: &str) -> Vec<Json> {
        let inner = self.0.lock().unwrap();
        inner.taken.iter().filter(|event| event["stream"] == stream).cloned().collect()
    }
    fn forget(&self) {
        self.0.lock().unwrap().taken.clear();
    }
    /// R238: no sequence is missing from the first to the last, in the order in which each came first, and each names the
    /// hash of the one before.
    fn is_without_gap(&self, from: i64) {
        let mut known = BTreeSet::new();
        let mut last: Option<Json> = None;
        for event in self.of("audit") {
            if !known.insert(event["id"].to_string()) {
                continue;
            }
            let expected = last.as_ref().map_or(from, |last| last["sequence"].as_i64().unwrap() + 1);
            assert_eq!(event["sequence"], expected);
            if let Some(last) = last {
                assert_eq!(event["prev_hash"], last["hash"]);
            }
            last = Some(event);
        }
        assert!(last.is_some(), "nothing came");
    }
}

/// Events out of their vendor's dress.
fn events(seen: &Seen) -> Vec<Json> {
    let lines =
        || seen.text.lines().filter(|line| !line.is_empty()).map(|line| serde_json::from_str::<Json>(line).unwrap());
    if seen.path.contains("/services/collector") {
        return lines().map(|line| line["event"].clone()).collect();
    }
    if seen.path.contains("/_bulk") {
        let documents = lines().filter(|line| line.get("create").is_none());
        return documents.map(|d| serde_json::from_str(d["event"]["original"].as_str().unwrap()).unwrap()).collect();
    }
    match seen.json() {
        Json::Array(logs) => logs.into_iter().map(|log| log["nodeloom"].clone()).collect(),
        json => json["events"].as_array().cloned().unwrap_or_default(),
    }
}

/// Each vendor with the secrets that it wants.
fn vendors(url: &str) -> [(Json, Json); 4] {
    [
        (json!({ "kind": "splunk_hec", "url": url }), json!({ "token": SECRET })),
        (json!({ "kind": "datadog", "url": url }), json!({ "api_key": SECRET })),
        (json!({ "kind": "elasticsearch", "url": url }), json!({ "username": "u", "password": SECRET })),
        (json!({ "kind": "webhook", "url": format!("{url}/in") }), json!({})),
    ]
}

fn wanted(to: &Json, secrets: &Json, enabled: bool) -> Json {
    json!({ "name": "soc", "enabled": enabled, "to": to, "secrets": secrets, "start": "beginning" })
}

async fn create(client: &Client, body: Json) -> String {
    let made = client.post("siem", body).await.expect(201);
    assert!(!made.text.contains(SECRET), "a secret came out: {}", made.text);
    made.json()["destination"]["id"].as_str().unwrap().to_owned()
}

/// Waits until the destination is as it should be.
async fn until(client: &Client, id: &str, what: &str, done: impl Fn(&Json) -> bool) -> Json {
    let path = format!("siem/{id}");
    eventually(what, SOON, || async {
        let answer = client.get(&path).await.expect(200);
        assert!(!answer.text.contains(SECRET));
        Some(answer.json()).filter(|shown| done(&shown["status"]))
    })
    .await
}

fn is_through(status: &Json) -> bool {
    status["state"] == "ok" && status["behind"] == json!({ "audit": 0, "security": 0, "checkpoints": 0 })
}

/// R232, R233, R234, R235, R236, R238: a destination of each vendor is made, tested, delivered to from the beginning,
/// paused, changed, sent again and taken away.
#[tokio::test(flavor = "multi_thread")]
async fn each_vendor_is_made_tested_paused_and_sent_again() {
    on_both_open(async |server| {
        let client = &server.client;
        let receiver = Receiver::default();
        let double = Double::playing([receiver.act()]).await;
        for (to, secrets) in vendors(&double.url("")) {
            receiver.forget();
            let id = create(client, wanted(&to, &secrets, true)).await;
            let tested = client.post(&format!("siem/{id}/test"), json!({})).await.expect(200).json();
            assert_eq!(tested["delivered"], true, "{tested}");
            assert_eq!(receiver.of("test").len(), 1);
            let shown = until(client, &id, "delivered", is_through).await;
            receiver.is_without_gap(1);
            assert!(shown["status"]["last_delivered_at"].is_string());
            assert!(shown["status"]["delivered"].as_u64().unwrap() >= receiver.of("audit").len() as u64, "{shown}");
            assert!(!shown["secrets"].as_array().unwrap().is_empty(), "their names are shown");

            // paused: nothing goes out, and what waits is counted
            let mut paused = wanted(&to, &json!({}), false);
            paused.as_object_mut().unwrap().remove("start");
            client.put(&format!("siem/{id}"), paused.clone()).await.expect(200);
            let before = receiver.of("audit").len();
            client.save(echo(&format!("while paused {}", to["kind"].as_str().unwrap()))).await;
            let shown = client.get(&format!("siem/{id}")).await.expect(200).json();
            assert!(shown["status"]["behind"]["audit"].as_i64().unwrap() >= 2, "{shown}");
            assert!(shown["status"]["oldest_waiting_seconds"].is_u64());
            assert_eq!(receiver.of("audit").len(), before);
            paused["enabled"] = json!(true);
            client.put(&format!("siem/{id}"), paused).await.expect(200);
            until(client, &id, "delivered after the pause", is_through).await;
            receiver.is_without_gap(1);

            // again from 3 on: the same events with the same ids
            receiver.forget();
            let replay = json!({ "stream": "audit", "from": 3 });
            client.post(&format!("siem/{id}/replay"), replay).await.expect(200);
            until(client, &id, "sent again", is_through).await;
            receiver.is_without_gap(3);
            client
                .post(&format!("siem/{id}/replay"), json!({ "stream": "audit", "from": 0 }))
                .await
                .problem("422 NL-3110");
            client.delete(&format!("siem/{id}")).await.expect(204);
            client.get(&format!("siem/{id}")).await.problem("404 NL-3001");
        }
    })
    .await;
}

/// R239: an event that is refused for good is put aside with the reason, is tried again by hand, and can be given up.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_event_is_a_dead_letter() {
    on_both_open(async |server| {
        let client = &server.client;
        for n in 0..4 {
            client.save(echo(&format!("letter {n}"))).await;
        }
        let receiver = Receiver::default();
        receiver.poison(&[2, 5]);
        let double = Double::playing([receiver.act()]).await;
        for (to, secrets) in vendors(&double.url("")) {
            receiver.forget();
            receiver.poison(&[2, 5]);
            let id = create(client, wanted(&to, &secrets, true)).await;
            let shown = until(client, &id, "delivered but for two", is_through).await;
            assert_eq!(shown["status"]["dead_letters"], 2, "{shown}");
            let delivered: Vec<i64> =
                receiver.of("audit").iter().map(|event| event["sequence"].as_i64().unwrap()).collect();
            assert!(delivered.is_sorted() && !delivered.contains(&2) && delivered.contains(&6), "{delivered:?}");
            let mut letters = client.all(&format!("siem/{id}/dead-letters"), 1).await;
            letters.sort_by_key(|letter| letter["sequence"].as_i64());
            let sequences: Vec<_> = letters.iter().map(|letter| letter["sequence"].as_i64().unwrap()).collect();
            assert_eq!(sequences, [2, 5]);
            assert!(
                letters[0]["reason"].as_str().unwrap().len() > 3
                    && letters[0]["event"].as_str().unwrap().starts_with("aud_")
            );
            let letter = |n: usize| format!("siem/{id}/dead-letters/{}", letters[n]["id"].as_str().unwrap());
            let tried = client.post(&format!("{}/retry", letter(0)), json!({})).await.expect(200).json();
            assert_eq!(tried["delivered"], false, "{tried}");
            receiver.poison(&[]);
            let tried = client.post(&format!("{}/retry", letter(0)), json!({})).await.expect(200).json();
            assert_eq!(tried["delivered"], true, "{tried}");
            assert!(receiver.of("audit").iter().any(|event| event["sequence"] == 2));
            client.delete(&letter(1)).await.expect(204);
            assert!(client.all(&format!("siem/{id}/dead-letters"), 10).await.is_empty());
            client.delete(&format!("siem/{id}")).await.expect(204);
        }
    })
    .await;
}

/// R239: a destination that no longer knows us holds its queue; lag and last error are shown, people are told on the
/// stream of events and in the trail, and `resume` tries at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_broken_destination_holds_its_queue_and_alerts() {
    on_both_open(async |server| {
        let client = &server.client;
        let receiver = Receiver::default();
        let double = Double::playing([receiver.act()]).await;
        let mut events = Socket::open(client, "events?after=0", None).await.unwrap();
        for (to, secrets) in vendors(&double.url("")).into_iter().take(3) {
            receiver.refuses(Some(403));
            receiver.forget();
            let id = create(client, wanted(&to, &secrets, true)).await;
            let shown =
                until(client, &id, "broken", |status| ["held", "broken"].iter().any(|s| status["state"] == *s)).await;
            let status = &shown["status"];
            assert!(status["reason"].is_string() && status["last_error"].as_str().unwrap().contains("403"), "{status}");
            assert!(status["last_error_at"].is_string() && status["retry_at"].is_string(), "{status}");
            assert!(status["behind"]["audit"].as_i64().unwrap() > 0 && status["oldest_waiting_seconds"].is_u64());
            assert!(receiver.of("audit").is_empty());
            // the alert names the destination and the state that it is in now
            let state = status["state"].as_str().unwrap();
            loop {
                let event = events.event(SOON).await.expect("an alert");
                let text = event.to_string();
                if event["kind"] == "siem_state" && text.contains(&id) && text.contains(&format!("\"to\":\"{state}\""))
                {
                    break;
                }
            }
            let entries = client.all("audit?operation=siem.state", 50).await;
            assert!(entries.iter().any(|entry| entry["target"] == id.as_str() && entry["result"] == "failed"));

            receiver.refuses(None);
            client.post(&format!("siem/{id}/resume"), json!({})).await.expect(200);
            until(client, &id, "delivered after all", is_through).await;
            receiver.is_without_gap(1);
            client.delete(&format!("siem/{id}")).await.expect(204);
        }
    })
    .await;
}

/// R237: only admins of the team see and change a destination; another team's admin does not learn that it is there.
#[tokio::test(flavor = "multi_thread")]
async fn others_neither_see_nor_change_a_destination() {
    on_both_open(async |server| {
        let (to, secrets) = vendors("http://127.0.0.1:9").into_iter().next().unwrap();
        let id = create(&server.client, wanted(&to, &secrets, false)).await;
        let paths = [format!("siem/{id}"), format!("siem/{id}/dead-letters")];
        let acts = [format!("siem/{id}/test"), format!("siem/{id}/resume")];
        for role in Role::ALL.into_iter().filter(|role| *role != Role::Admin) {
            let client = server.as_role(role).await;
            client.get("siem").await.problem("403 NL-2003");
            client.post("siem", wanted(&to, &secrets, false)).await.problem("403 NL-2003");
            for path in &paths {
                client.get(path).await.problem("403 NL-2003");
            }
            for act in &acts {
                client.post(act, json!({})).await.problem("403 NL-2003");
            }
            client.delete(&paths[0]).await.problem("403 NL-2003");
        }
        for stranger in [server.other_team().await, server.client.in_environment("staging")] {
            assert_eq!(stranger.get("siem").await.expect(200).json()["items"], json!([]));
            for path in &paths {
                stranger.get(path).await.problem("404 NL-3001");
            }
            for act in &acts {
                stranger.post(act, json!({})).await.problem("404 NL-3001");
            }
            stranger.delete(&paths[0]).await.problem("404 NL-3001");
        }
    })
    .await;
}

/// R238: the real server is stopped and started while the receiver is down; when it is up, nothing is missing.
#[tokio::test(flavor = "multi_thread")]
async fn a_restart_while_the_receiver_is_down_leaves_no_gap() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut server = Server::with(doubles::open()).await;
    let to = json!({ "kind": "webhook", "url": format!("http://127.0.0.1:{port}/in") });
    let id = create(&server.client, wanted(&to, &json!({}), true)).await;
    for round in 0..3 {
        for n in 0..5 {
            server.client.save(echo(&format!("round {round}, {n}"))).await;
        }
        let shown = until(&server.client, &id, "tried", |status| status["attempts"].as_i64() > Some(round)).await;
        assert!(shown["status"]["last_error"].is_string() && shown["status"]["behind"]["audit"].as_i64() > Some(10));
        let (settings, folder) = server.stop().await;
        server = Server::on(settings, folder).await;
    }
    let receiver = Receiver::default();
    let _double = Double::on_port(port, [receiver.act()]).await;
    server.client.post(&format!("siem/{id}/resume"), json!({})).await.expect(200);
    let shown = until(&server.client, &id, "delivered", is_through).await;
    receiver.is_without_gap(1);
    let last = receiver.of("audit").iter().map(|event| event["sequence"].as_i64().unwrap()).max();
    assert_eq!(last, shown["status"]["cursors"]["audit"].as_i64());
    assert!(last >= Some(30), "{last:?}");
    server.stop().await;
}
