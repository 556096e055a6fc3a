//! R011, R012: what the server says to the outside, captured: it runs in a network of its own whose one way out is counted.

#![allow(clippy::disallowed_methods, reason = "these tests start the program and ask it like any client")]

use std::process::Command;

use serde_json::json;

use crate::support::{Installation, binary};

/// A network with loopback and one interface whose other end answers nothing; then an ordinary day inside it.
const DAY: &str = r#"
set -eu
ip link set lo up
ip link add out type veth peer name sink
for end in out sink; do ip link set $end addrgenmode none; ip link set $end up; done
ip addr add 198.18.0.2/15 dev out
ip route add default via 198.18.0.1
sleep 1
sent() { awk '$1 == "out:" { print $11 }' /proc/net/dev; }
ask() { curl -s -m 30 --cacert "$DATA/ca.pem" "$@"; }
before=$(sent)
"$PROGRAM" serve >"$DATA.log" 2>&1 &
server=$!
trap 'kill $server; wait $server || true' EXIT
n=0
until ask -f "$URL/readyz" >/dev/null 2>&1; do
  n=$((n + 1)); [ $n -lt 600 ] || { cat "$DATA.log" >&2; exit 1; }
  kill -0 $server
  sleep 0.1
done
for file in "$QUIET" "$CALLS"; do
  "$PROGRAM" workflow import --publish -e production --profile "$DATA/cli.toml" "$file" >/dev/null
done
for n in 1 2 3; do ask -f -d "{\"n\": $n}" -H 'content-type: application/json' "$URL/hooks/demo/production/quiet" >/dev/null; done
ask -d '{"email": "nobody@example.com", "password": "not the password"}' -H 'content-type: application/json' "$URL/api/v1/auth/login" >/dev/null
ask -d '{"email": "nobody@example.com"}' -H 'content-type: application/json' "$URL/api/v1/auth/password-reset" >/dev/null
ask -f "$URL/" >/dev/null
"$PROGRAM" workflow list --profile "$DATA/cli.toml" >/dev/null
sleep 2
echo "quiet $(( $(sent) - before ))"
ask -d '{}' -H 'content-type: application/json' "$URL/hooks/demo/production/calls" >/dev/null || true
echo "asked $(( $(sent) - before ))"
"#;

/// R011, R012: on an ordinary day, with nothing configured that is elsewhere, not one packet leaves the machine: no look-up of
/// a name, no report, no check for updates. The control is a workflow that is told to call somewhere.
#[test]
fn nothing_leaves_the_machine_unless_somebody_says_so() {
    let root = Command::new("id").arg("-u").output().is_ok_and(|said| said.stdout == b"0\n");
    let alone = if root { "-n" } else { "-rn" };
    if !Command::new("unshare")
        .args([alone, "ip", "link", "add", "out", "type", "veth"])
        .output()
        .is_ok_and(|said| said.status.success())
    {
        eprintln!("skipped: this machine gives no networks of one's own (unshare {alone}, veth)");
        return;
    }
    let mut here = Installation::new();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    here.set("NODELOOM_SERVER__LISTEN", &format!("127.0.0.1:{port}"));
    here.set("NODELOOM_SERVER__PUBLIC_URL", &format!("https://localhost:{port}"));
    here.set("NODELOOM_DEMO__INSTALL", "true");
    here.set("NODELOOM_SANDBOX__ENABLED", "false");
    let hooked = |path: &str, node: serde_json::Value| json!({ "name": path, "nodes": [{ "id": "in", "type": "WEBHOOK", "parameters": { "path": path } }, node] });
    let guard = json!({ "id": "guard", "type": "GUARDRAIL", "parameters": {
        "checks": ["PROMPT_INJECTION", "PII_REDACTION", "CONTENT_FILTER"], "severity": "LOG" } });
    let quiet = here.file("quiet.json", &hooked("quiet", guard).to_string());
    let call = json!({ "id": "call", "type": "HTTP_REQUEST", "parameters": { "url": "http://93.184.215.14/" } });
    let calls = here.file("calls.json", &hooked("calls", call).to_string());
    let ordinary = here.command(&["serve"]);
    let mut day = Command::new("unshare");
    day.args([alone, "bash", "-c", DAY]).current_dir(here.folder.path());
    for (name, value) in ordinary.get_envs() {
        match value {
            Some(value) => day.env(name, value),
            None => day.env_remove(name),
        };
    }
    day.env("PROGRAM", binary("nodeloom")).env("DATA", &here.data).env("URL", format!("https://localhost:{port}"));
    let said = day.env("QUIET", quiet).env("CALLS", calls).output().unwrap();
    let (out, error) = (String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr));
    let packets = |word: &str| -> i64 {
        let line = out.lines().find_map(|line| line.strip_prefix(word)).unwrap_or_else(|| panic!("{out}{error}"));
        line.trim().parse().unwrap()
    };
    assert_eq!(packets("quiet"), 0, "{out}{error}");
    assert!(packets("asked") > 0, "control: a call that somebody asked for is captured: {out}{error}");
}
