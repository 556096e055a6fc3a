//! Bad input: each is answered with a clear problem, and the server goes on.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use journeys::{
    Answer, Server, on_sqlite, sent,
    workflows::{echo, hooked},
};
use reqwest::Method;
use serde_json::{Value as Json, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::prepared::team_routes;

async fn create(server: &Server, nodes: Json, edges: Option<Json>) -> Answer {
    let mut definition = json!({ "name": "bad", "nodes": nodes });
    if let Some(edges) = edges {
        definition["edges"] = edges;
    }
    server.client.post("workflows", json!({ "definition": definition })).await
}

/// The defects of a refused definition as `code path`; the server lives, and nothing was saved.
async fn refused(nodes: Json, edges: Option<Json>, wanted: &'static [&'static str]) {
    on_sqlite(async |server| {
        let problem = create(server, nodes.clone(), edges.clone()).await.problem("422 NL-5001");
        let errors = problem.json()["errors"].as_array().unwrap().clone();
        let found: Vec<_> =
            errors.iter().map(|e| format!("{} {}", e["code"].as_str().unwrap(), e["path"].as_str().unwrap())).collect();
        for wanted in wanted {
            assert!(found.iter().any(|found| found == wanted), "{wanted} is not among {found:#?}");
        }
        let validation = server
            .client
            .post("workflows/validate", json!({ "definition": { "name": "bad", "nodes": nodes, "edges": edges } }))
            .await;
        assert_eq!(validation.expect(200).json()["valid"], false);
        assert_eq!(server.client.get("workflows?name=bad").await.expect(200).json()["items"], json!([]));
        server.assert_alive().await;
    })
    .await;
}

fn transform(id: &str, template: Json) -> Json {
    json!({ "id": id, "type": "TRANSFORM", "parameters": { "template": template } })
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_node_type_is_named() {
    refused(json!([{ "id": "a", "type": "TELEPORT" }]), None, &["unknown_node_type /nodes/0/type"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cycle_is_named() {
    let edges = json!([{ "from": "a", "to": "b" }, { "from": "b", "to": "a" }]);
    refused(json!([transform("a", json!(1)), transform("b", json!(1))]), Some(edges), &["cycle /edges"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_node_is_named() {
    let nodes =
        json!([{ "id": "in", "type": "MANUAL_TRIGGER" }, transform("a", json!(1)), transform("alone", json!(1))]);
    refused(nodes, Some(json!([{ "from": "in", "to": "a" }])), &["unreachable_node /nodes/2"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_template_is_named() {
    let nodes = json!([transform("a", json!("{{ input. }}")), transform("b", json!("{% for %}"))]);
    refused(nodes, None, &["bad_template /nodes/0/parameters/template", "bad_template /nodes/1/parameters/template"])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parameter_of_the_wrong_type_is_named() {
    let nodes = json!([{ "id": "a", "type": "DELAY", "parameters": { "for_ms": "long" } }]);
    refused(nodes, None, &["wrong_type /nodes/0/parameters/for_ms"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_key_is_named() {
    let nodes = json!([{ "id": "a", "type": "TRANSFORM", "parameter": {}, "parameters": { "template": 1 } }]);
    refused(nodes, None, &["unknown_field /nodes/0/parameter"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_error_is_told_at_once() {
    let nodes = json!([{ "id": "a", "type": "NOPE" }, { "id": "b", "type": "DELAY", "parameters": { "for_ms": -1 } }, transform("c", json!("{{"))]);
    refused(
        nodes,
        None,
        &[
            "unknown_node_type /nodes/0/type",
            "bad_parameter /nodes/1/parameters/for_ms",
            "bad_template /nodes/2/parameters/template",
        ],
    )
    .await;
}

async fn raw(server: &Server, kind: &str, body: Vec<u8>) -> Answer {
    sent(server.client.request(Method::POST, "workflows").header("content-type", kind).body(body)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_megabytes_are_too_large() {
    on_sqlite(async |server| {
        server.client.deploy(hooked("large", "large", json!({}))).await;
        let key = server.client.key.clone().unwrap();
        for path in ["/api/v1/teams/demo/development/workflows", "/hooks/demo/development/large"] {
            // As curl sends a large body: it is refused before any of it comes.
            let head = format!(
                "POST {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\n\
                 expect: 100-continue\r\ncontent-length: 10485760\r\nconnection: close\r\n\r\n"
            );
            let answer = tell(server, &head).await;
            assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("NL-1001"), "{answer}");
            // And when its length is not told before, after as much as is allowed.
            let mut chunked = format!(
                "POST {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\n\
                 transfer-encoding: chunked\r\nconnection: close\r\n\r\n"
            );
            for _ in 0..17 {
                chunked.push_str(&format!("10000\r\n{}\r\n", " ".repeat(0x10000)));
            }
            let answer = tell(server, &chunked).await;
            assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("NL-1001"), "{answer}");
        }
        server.assert_alive().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_nodes_are_too_many() {
    on_sqlite(async |server| {
        let nodes: Vec<_> = (0..10_000).map(|n| json!({ "id": format!("n{n}"), "type": "MERGE" })).collect();
        let problem = create(server, json!(nodes), None).await.problem("422 NL-5001");
        assert!(
            problem.text.len() < 100_000 && problem.text.contains("too_many"),
            "{}",
            &problem.text[..500.min(problem.text.len())]
        );
        server.assert_alive().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deep_nesting_is_refused() {
    on_sqlite(async |server| {
        for depth in [65, 1000, 200_000] {
            let body = format!(r#"{{"definition":{}{}}}"#, "[".repeat(depth), "]".repeat(depth));
            raw(server, "application/json", body.into_bytes()).await.problem("400 NL-1003");
        }
        let id = server.client.deploy(echo("deep")).await;
        let mut input = json!(1);
        for _ in 0..100 {
            input = json!([input]);
        }
        server.client.post(&format!("workflows/{id}/runs"), json!({ "input": input })).await.problem("400 NL-1003");
        server.assert_alive().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_utf8_or_not_json_is_refused() {
    on_sqlite(async |server| {
        for body in [
            b"{\"definition\":\"\xff\"}".to_vec(),
            b"\xef\xbb\xbf{}".to_vec(),
            b"{".to_vec(),
            b"null".to_vec(),
            b"[]".to_vec(),
            b"{\"definition\":{},\"definition\":{}}".to_vec(),
            b"{\"definition\":1e999}".to_vec(),
            b"\0".to_vec(),
            b"{\"definition\":\"\\ud800\"}".to_vec(),
        ] {
            raw(server, "application/json", body).await.problem("400 NL-1003");
        }
        raw(server, "application/json", Vec::new()).await.problem("400 NL-1003");
        for kind in ["text/plain", "application/xml", "multipart/form-data", "", "application/jsonp"] {
            raw(server, kind, b"{}".to_vec()).await.problem("415 NL-1004");
        }
        let zipped = server.client.request(Method::POST, "workflows").header("content-encoding", "gzip");
        sent(zipped.header("content-type", "application/json").body("{}")).await.problem("415 NL-1004");
        server.assert_alive().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_fields_of_bodies_and_queries_are_refused() {
    on_sqlite(async |server| {
        let client = &server.client;
        client.post("workflows", json!({ "definition": {}, "admin": true })).await.problem("400 NL-1003");
        client.post("guardrails/check", json!({ "input": 1, "inputs": 1 })).await.problem("400 NL-1003");
        for path in ["runs", "workflows", "audit", "api-keys", "approvals", "credentials"] {
            client.get(&format!("{path}?limits=1")).await.problem("400 NL-1008");
            for limit in ["0", "201", "4294967296", "-1", "1e3", "x", ""] {
                client.get(&format!("{path}?limit={limit}")).await.problem("400 NL-1008");
            }
            client.get(&format!("{path}?limit=1&limit=2")).await.problem("400 NL-1008");
        }
        server.assert_alive().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_made_up_cursor_is_refused() {
    on_sqlite(async |server| {
        for path in ["runs", "workflows", "audit", "api-keys", "approvals"] {
            for cursor in ["x", "%00", "../../etc", "%F0%9F%98%80", "99999999999999999999", &"A".repeat(4000)] {
                server.client.get(&format!("{path}?cursor={cursor}")).await.problem("400 NL-1008");
            }
        }
        server.assert_alive().await;
    })
    .await;
}

/// R132: every route that takes a body checks what it is given: what is no object, a member that nobody knows, each
/// member with another type, and more bytes than are taken. The answer is a problem of the 400s that says what is wrong,
/// and never a change.
#[tokio::test(flavor = "multi_thread")]
async fn every_body_is_checked_for_type_and_length() {
    on_sqlite(async |server| {
        let document = server::openapi::document(&server::routes::table());
        let refused = async |route: &server::route::Route, path: &str, body: &Json, what: &str| {
            let answer = server.client.send(route.method.clone(), path, Some(body)).await;
            let told = format!("{} {} {what}: {} {}", route.method, route.path, answer.status, answer.text);
            assert!((400..500).contains(&answer.status), "{told}");
            assert!(answer.code().starts_with("NL-") || route.path.starts_with("/v1/"), "{told}");
            answer
        };
        let mut checked = 0;
        for route in server::routes::table().into_iter().filter(|route| route.takes.is_some()) {
            let of_team = route.path.starts_with("/api/v1/teams/{team}/");
            // Those of a person in a session, and the public ones, are asked as they stand.
            let (path, good) = match of_team {
                true => {
                    let prepared = crate::prepared::prepare(&server.client, &route).await;
                    (prepared.path, prepared.body.unwrap_or_else(|| json!({})))
                }
                false => (route.path.to_owned(), json!({})),
            };
            for other in [json!([]), json!([good.clone()]), json!("text"), json!(1), json!(null), json!(true)] {
                refused(&route, &path, &other, "is no object").await;
            }
            let mut unknown = good.clone();
            unknown["no_such_member"] = json!(1);
            if !route.path.starts_with("/v1/") {
                refused(&route, &path, &unknown, "has an unknown member").await;
            }
            let name = &route.takes.as_ref().unwrap().name;
            let fields = document["components"]["schemas"][name]["properties"].as_object().cloned().unwrap_or_default();
            for (field, schema) in fields {
                let kinds = schema["type"].to_string();
                // What may be any JSON has checks of its own.
                if kinds == "null" || kinds.contains("object") && !kinds.contains("string") {
                    continue;
                }
                let wrong = if kinds.contains("string") { json!({ "not": "a text" }) } else { json!("a text") };
                let mut body = good.clone();
                body[&field] = wrong;
                refused(&route, &path, &body, &field).await;
                checked += 1;
            }
        }
        assert!(checked > 60, "only {checked} members were checked");
        let large = json!({ "definition": "x".repeat(2 << 20) });
        let client = server.client.over_http2();
        for route in server::routes::table().into_iter().filter(|route| route.takes.is_some()).take(12) {
            let path = route.path.replace("{team}", "demo").replace("{environment}", "development");
            client.send(route.method.clone(), &path, Some(&large)).await.problem("413 NL-1001");
        }
        server.assert_alive().await;
    })
    .await;
}

/// An id that cannot be one, an id of another kind, and an id that is not there are all "not there".
#[tokio::test(flavor = "multi_thread")]
async fn bad_ids_name_nothing() {
    on_sqlite(async |server| {
        let long = "w".repeat(3000);
        for route in team_routes() {
            let part = ["{id}", "{run}"].into_iter().find(|part| route.path.contains(part));
            let Some(part) = part else { continue };
            // Right in every way but the id.
            let body = crate::prepared::prepare(&server.client, &route).await.body;
            for id in [
                "x",
                "0",
                "wf_",
                "user_00000000000070008000000000000001",
                "%F0%9F%98%80",
                "a%20b",
                "'%20OR%201=1--",
                long.as_str(),
            ] {
                let path = route.path.trim_start_matches("/api/v1/teams/{team}/{environment}/");
                let path = path.replace(part, id).replace("{version}", "0").replace("{letter}", "1");
                let query = if path.ends_with("/diff") { "?from=0&to=0" } else { "" };
                let answer = server.client.send(route.method.clone(), &format!("{path}{query}"), body.as_ref()).await;
                assert_eq!(
                    (answer.status, answer.code().as_str()),
                    (404, "NL-3001"),
                    "{} {path}: {}",
                    route.method,
                    answer.text
                );
            }
        }
        server.client.in_environment("moon").get("workflows").await.problem("400 NL-1008");
        server.client.get("runs?workflow=nonsense").await.problem("400 NL-1008");
        server.assert_alive().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_that_is_not_in_its_simplest_form_is_refused() {
    on_sqlite(async |server| {
        for path in
            ["/api/v1//me", "/api/v1/%2e%2e/healthz", "/api%2fv1/me", "/api/v1/me%00", "/api/v1/me%5c", "/api/v1/%zz"]
        {
            let answer =
                tell(server, &format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")).await;
            assert!(answer.starts_with("HTTP/1.1 400"), "{path}: {answer}");
        }
        server.assert_alive().await;
    })
    .await;
}

/// Says `text` over TLS as it is; what comes back until the server closes.
pub async fn tell(server: &Server, text: &str) -> String {
    let stream =
        tokio::net::TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], server.address.port()))).await.unwrap();
    let config = Arc::new(journeys::tls(&server.client.ca_pem));
    let mut stream =
        tokio_rustls::TlsConnector::from(config).connect("localhost".try_into().unwrap(), stream).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut answer)).await.expect("it closes");
    String::from_utf8_lossy(&answer).into_owned()
}

/// A request that two readers would cut differently never has a second one behind it.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_not_smuggled_behind_another() {
    on_sqlite(async |server| {
        let smuggled = "GET /healthz HTTP/1.1\r\nhost: localhost\r\nx-smuggled: 1\r\nconnection: close\r\n\r\n";
        let start = "POST /api/v1/auth/login HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
        let heads = [
            format!("{start}content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n{smuggled}"),
            format!("{start}content-length: 2\r\ncontent-length: 3\r\n\r\n{{}}{smuggled}"),
            format!("{start}transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n\r\n0\r\n\r\n{smuggled}"),
            format!("{start}transfer-encoding: xchunked\r\n\r\n0\r\n\r\n{smuggled}"),
            format!("{start}transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n{smuggled}"),
            format!("{start}transfer-encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n{smuggled}"),
            format!("{start}transfer-encoding: chunked\r\n\r\n2\n{{}}\r\n0\r\n\r\n{smuggled}"),
            format!("{start}content-length: +2\r\n\r\n{{}}{smuggled}"),
            format!("{start}content-length : 2\r\n\r\n{{}}{smuggled}"),
            "GET /healthz HTTP/1.1\r\nhost: localhost\r\nhost: other\r\nconnection: close\r\n\r\n".to_owned(),
            "GET /healthz HTTP/1.1\r\nhost: local\nhost\r\nconnection: close\r\n\r\n".to_owned(),
            "GET /healthz HTTP/1.1\r\nconnection: close\r\n\r\n".to_owned(),
        ];
        for head in heads {
            let answer = tell(server, &head).await;
            assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{head}\n->\n{answer}");
            assert_eq!(answer.matches("HTTP/1.1 ").count(), usize::from(!answer.is_empty()), "{head}\n->\n{answer}");
            assert!(!answer.contains("\"ok\""), "{head}\n->\n{answer}");
        }
        server.assert_alive().await;
    })
    .await;
}

/// A body that breaks off is the sender's fault, and a problem like any other, at a webhook too.
#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_breaks_off_is_told_so() {
    on_sqlite(async |server| {
        server.client.deploy(journeys::workflows::hooked("broken", "broken", json!({}))).await;
        for path in ["/api/v1/auth/login", "/hooks/demo/development/broken"] {
            let head = format!("POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n");
            let answer = tell(server, &format!("{head}transfer-encoding: chunked\r\n\r\nnothing\r\n")).await;
            assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("NL-1003"), "{answer}");
        }
        server.assert_alive().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_is_too_large_is_refused() {
    on_sqlite(async |server| {
        let large = format!(
            "GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nx-large: {}\r\n\r\n",
            "a".repeat(40_000)
        );
        assert!(tell(server, &large).await.starts_with("HTTP/1.1 431"));
        let long =
            format!("GET /healthz?{} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n", "a".repeat(10_000));
        assert!(tell(server, &long).await.starts_with("HTTP/1.1 414"));
        let many =
            format!("GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{}\r\n", "x: y\r\n".repeat(150));
        let many = tell(server, &many).await;
        assert!(many.is_empty() || many.starts_with("HTTP/1.1 431"), "{many}");
        server.assert_alive().await;
    })
    .await;
}

/// A value that the definition takes and the run cannot: the run fails and says where.
#[tokio::test(flavor = "multi_thread")]
async fn a_template_that_meets_the_wrong_value_fails_the_run() {
    on_sqlite(async |server| {
        let id = server.client.deploy(json!({ "name": "meets", "nodes": [transform("a", json!("{{ input.absent.more }}"))] })).await;
        let run = server.client.run(&id, json!({})).await;
        assert_eq!((run["status"].as_str(), run["failure"]["node"].as_str()), (Some("failed"), Some("a")), "{run}");
        let id = server.client.deploy(json!({ "name": "spins", "nodes": [
            transform("a", json!("{% for a in range(9999) %}{% for b in range(9999) %}{% for c in range(9999) %}x{% endfor %}{% endfor %}{% endfor %}"))
        ] })).await;
        let run = server.client.run(&id, json!({})).await;
        assert_eq!(run["status"], "failed", "{run}");
        server.assert_alive().await;
    })
    .await;
}
