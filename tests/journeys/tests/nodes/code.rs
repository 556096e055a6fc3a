//! CODE in the real sandbox, and what the run's record keeps of how it was held.

use journeys::{
    Server, Settings,
    doubles::{Act, Double, node, open},
};
use serde_json::{Value as Json, json};

async fn sandboxed() -> Server {
    Server::with(open().set("NODELOOM_SANDBOX__ENABLED", true)).await
}

async fn run(server: &Server, name: &str, parameters: Json, input: Json) -> Json {
    let definition = json!({ "name": name, "nodes": [{ "id": "code", "type": "CODE", "parameters": parameters }] });
    let workflow = server.client.deploy(definition).await;
    server.client.run(&workflow, input).await
}

#[track_caller]
fn attested(run: &Json) {
    let held = &node(run, "code")["sandbox"];
    let profile = held["profile_sha256"].as_str().unwrap_or_default();
    assert!(
        profile.len() == 64
            && held["limits"].is_object()
            && held["guarantees"].as_array().is_some_and(|all| all.len() > 5),
        "{run}"
    );
}

/// The result, what was printed, and the attestation stand in the record.
#[tokio::test(flavor = "multi_thread")]
async fn javascript_and_python_compute_and_are_attested() {
    let server = sandboxed().await;
    let input = json!({ "n": 20, "name": "Ada" });
    let code = "console.log('hello ' + input.name); return { twice: input.n * 2, list: [1, null, 'x'] };";
    let ran = run(&server, "js", json!({ "code": code }), input.clone()).await;
    assert_eq!(ran["output"], json!({ "twice": 40, "list": [1, null, "x"] }), "{ran}");
    assert!(node(&ran, "code")["printed"].as_str().unwrap().contains("hello Ada"), "{ran}");
    attested(&ran);
    let code = "print('hello', input['name'])\nreturn {'twice': input['n'] * 2}";
    let ran = run(&server, "py", json!({ "language": "python", "code": code }), input.clone()).await;
    assert_eq!(ran["output"], json!({ "twice": 40 }), "{ran}");
    assert!(node(&ran, "code")["printed"].as_str().unwrap().contains("hello Ada"), "{ran}");
    attested(&ran);
    // braces are no expressions in code; `input` may be given
    let code = "return `{{ ${input} }}`.slice(3, 6)";
    let ran = run(&server, "braces", json!({ "code": code, "input": "{{ input.name }}" }), input).await;
    assert_eq!(ran["output"], "Ada", "{ran}");
    server.stop().await;
}

/// What code does wrong fails its node with a word of its own, and its record says how it was held.
#[tokio::test(flavor = "multi_thread")]
async fn code_that_goes_wrong_fails_its_node_and_nothing_else() {
    let server = sandboxed().await;
    let cases = [
        ("javascript", "throw new Error('no such order')", "NL-5105", "code_threw: Error: no such order"),
        ("python", "raise ValueError('no such order')", "NL-5105", "code_threw: ValueError: no such order"),
        ("javascript", "return }", "NL-5105", "code_threw: SyntaxError"),
        ("javascript", "for (;;) {}", "NL-5106", "code_timed_out: "),
        ("python", "while True: pass", "NL-5106", "code_timed_out: "),
        ("javascript", "const a = []; for (;;) a.push(new Array(100000).fill(1.5))", "NL-5105", "code_out_of_memory: "),
        ("python", "a = []\nwhile True: a.append(bytearray(1000000))", "NL-5105", "code_out_of_memory: "),
        ("javascript", "function f() { return f() + 1 }\nreturn f()", "NL-5105", "code_too_deep: "),
        ("python", "def f(): return f() + 1\nreturn f()", "NL-5105", "code_too_deep: "),
        ("javascript", "return 'x'.repeat(5000000)", "NL-5105", "code_output_too_large: "),
        ("python", "return 'x' * 5000000", "NL-5105", "code_output_too_large: "),
        ("python", "import os\nwhile True: os.write(1, b'x' * 1000000)", "NL-5105", "code_output_too_large: "),
        ("javascript", "const a = {}; a.a = a; return a", "NL-5105", "code_output_not_json: "),
        ("python", "return object()", "NL-5105", "code_output_not_json: "),
        ("python", "import os\nos._exit(3)", "NL-5105", "code_died: "),
    ];
    for (i, (language, code, word, why)) in cases.iter().enumerate() {
        let seconds = if word == &"NL-5106" { 1500 } else { 30_000 };
        let parameters = json!({ "language": language, "code": code, "timeout_ms": seconds, "memory_mb": 64 });
        let ran = run(&server, &format!("wrong {i}"), parameters, Json::Null).await;
        let told = ran["failure"]["message"].as_str().unwrap_or_default();
        assert!(ran["failure"]["code"] == *word && told.contains(why), "{code}: {ran}");
        attested(&ran);
    }
    server.assert_alive().await;
    server.stop().await;
}

/// A language that is not installed is named on the run, and the other one goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_language_that_is_not_installed_is_named() {
    let root = std::env::temp_dir().join(format!("nodeloom-no-python-{}", std::process::id()));
    std::fs::create_dir_all(root.join("usr/bin")).unwrap();
    let settings = open().set("NODELOOM_SANDBOX__ENABLED", true).set("NODELOOM_SANDBOX__ROOT", root.display());
    let server = Server::with(settings).await;
    let ran = run(&server, "py", json!({ "language": "python", "code": "return 1" }), Json::Null).await;
    let told = ran["failure"]["message"].as_str().unwrap_or_default();
    assert!(told.contains("language_not_installed: python is not installed"), "{ran}");
    let ran = run(&server, "js", json!({ "code": "return 1" }), Json::Null).await;
    assert_eq!(ran["output"], 1, "{ran}");
    server.stop().await;
    std::fs::remove_dir_all(root).unwrap();
}

/// The operator's limits hold, whatever a node asks for.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_asks_for_less_than_the_operator_allows() {
    let settings = open().set("NODELOOM_SANDBOX__ENABLED", true).set("NODELOOM_SANDBOX__MAX_SECONDS", 1);
    let server = Server::with(settings).await;
    let parameters = json!({ "code": "for (;;) {}", "timeout_ms": 300_000, "memory_mb": 4096 });
    let ran = run(&server, "greedy", parameters, Json::Null).await;
    assert_eq!(ran["failure"]["code"], "NL-5106", "{ran}");
    let limits = &node(&ran, "code")["sandbox"]["limits"];
    assert_eq!((&limits["wall_clock"], &limits["memory_bytes"]), (&json!(1000), &json!(256 << 20)), "{ran}");
    server.stop().await;
}

/// The attack: code asks for the world. It has no network, no files, no environment, and no other run's data.
#[tokio::test(flavor = "multi_thread")]
async fn code_sees_nothing_of_the_host() {
    let server = sandboxed().await;
    let target = Double::playing([Act::Echo]).await;
    let attack = format!(
        "import os, socket\nfound = {{}}\n\
         for path in ['/etc/passwd', '/root', '/home', '{}']:\n    try:\n        found[path] = os.listdir(path) if os.path.isdir(path) else open(path).read()\n    except Exception as e:\n        pass\n\
         try:\n    s = socket.create_connection(('127.0.0.1', {}), 1)\n    found['net'] = 'open'\nexcept Exception as e:\n    pass\n\
         found['env'] = [k for k in os.environ if 'NODELOOM' in k]\nreturn found",
        server.folder().display(),
        target.port
    );
    let ran = run(&server, "attack", json!({ "language": "python", "code": attack }), Json::Null).await;
    let found = ran["output"].as_object().cloned().unwrap_or_default();
    let seen: Vec<_> = found
        .iter()
        .filter(|(name, value)| *name != "env" && value.as_array().is_none_or(|list| !list.is_empty()))
        .collect();
    // Either the attempt ended the code, or it came back with nothing.
    assert!(seen.is_empty() && (found.is_empty() || found["env"] == json!([])), "{ran}");
    assert_eq!(target.seen().len(), 0);
    let ran = run(
        &server,
        "js attack",
        json!({ "code": "return [typeof fetch, typeof require, typeof process, typeof std, typeof os]" }),
        Json::Null,
    )
    .await;
    assert_eq!(ran["output"], json!(["undefined", "undefined", "undefined", "undefined", "undefined"]), "{ran}");
    server.stop().await;
}

/// The table of guarantees is in the API, a row for each, as `nodeloom sandbox probe --json` prints it; a guarantee that policy
/// requires in full and the host does not keep in full is named there, and on the run.
#[tokio::test(flavor = "multi_thread")]
async fn the_table_is_in_the_api() {
    let server = sandboxed().await;
    let table = server.client.get("/api/v1/sandbox").await.json();
    let rows = table["guarantees"].as_array().cloned().unwrap_or_default();
    assert!(table["ready"] == true && table["backend"] == "native" && rows.len() == 16, "{table}");
    let kept = |row: &Json| row["strength"] != "missing" || row["guarantee"] == "second_file_wall";
    assert!(rows.iter().all(|row| row["how"].is_string() && kept(row)), "{table}");
    server.stop().await;
    let settings = open().set("NODELOOM_SANDBOX__ENABLED", true).set("NODELOOM_SANDBOX__BACKEND", "docker");
    let server = Server::with(settings.set("NODELOOM_SANDBOX__DOCKER_SOCKET", "/nowhere/docker.sock")).await;
    let table = server.client.get("/api/v1/sandbox").await.json();
    let why = table["why_not"].as_str().unwrap_or_default();
    assert!(table["ready"] == false && why.contains("/nowhere/docker.sock"), "{table}");
    let ran = run(&server, "refused", json!({ "code": "return 1" }), Json::Null).await;
    assert!(ran["failure"]["message"].as_str().unwrap_or_default().contains("sandbox_unavailable: "), "{ran}");
    server.stop().await;
}

/// Without a sandbox, code does not run; it is not run outside of one.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_sandbox_code_nodes_say_so() {
    let server = Server::with(Settings::default()).await;
    let ran = run(&server, "no sandbox", json!({ "code": "return 1" }), Json::Null).await;
    assert!(ran["failure"]["message"].as_str().unwrap().contains("no sandbox"), "{ran}");
    server.stop().await;
}
