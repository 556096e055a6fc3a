#!/usr/bin/env bash
# The figures of issue 5: what layers 1, 2 and 6 cost, what a flood of sign-ins does to others, and the limiter against
# the full log. `bench/edge.sh [build|measure] [SECONDS]`; without a word it builds and then measures. Measuring builds
# nothing, takes about 4 minutes with 20 SECONDS, and talks to loopback only.
set -euo pipefail
cd "$(dirname "$0")/.."
what=both
case ${1:-} in build | measure) what=$1; shift ;; esac
seconds=${1:-20}
built=.make/edge
if [ "$what" != measure ]; then
  mkdir -p "$built"
  cargo build --release --locked -q -p nodeloom
  cargo build --release --locked -q -p server --example edge_figures
  cargo test --release --locked -q -p edge --lib --test rate_limit --test redis_windows --no-run --message-format=json |
    python3 -c '
import json, sys
for line in sys.stdin:
    made = json.loads(line)
    if made.get("executable") and made["profile"]["test"]:
        print(made["executable"])' >"$built/tests"
fi
[ "$what" != build ] || exit 0
failed=

echo "== processor time that layers 1, 2 and 6 add to an authenticated GET (reach: 150 us)"
target/release/examples/edge_figures || failed=1

echo "== a flood of wrong sign-ins, bcrypt cost 12 (reach: +20 % on p95 of other routes)"
work=$(mktemp -d)
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
NODELOOM_DATA__FOLDER="$work" NODELOOM_SERVER__LISTEN="127.0.0.1:$port" NODELOOM_DEMO__INSTALL=true \
  NODELOOM_SERVER__PUBLIC_URL="https://localhost:$port" NODELOOM_SANDBOX__ENABLED=false NODELOOM_LOG__LEVEL=error \
  NODELOOM_LIMITS__API_PER_MINUTE=100000000 NODELOOM_LIMITS__ADDRESS_PER_MINUTE=100000000 \
  NODELOOM_LIMITS__AUTHENTICATION_PER_MINUTE=100000000 NODELOOM_SECURITY__BCRYPT_COST=12 \
  target/release/nodeloom serve >"$work/out" 2>"$work/log" &
server=$!
stop() { kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; rm -rf "$work"; }
trap stop EXIT
for _ in $(seq 300); do
  grep -q '^ready on' "$work/out" && break
  kill -0 "$server" || { cat "$work/log" >&2; exit 1; }
  sleep 0.1
done
key=$(sed -n 's/^api_key *= *"\(.*\)"$/\1/p' "$work/cli.toml")
python3 bench/logins.py "https://localhost:$port" "$work/ca.pem" "$key" "$seconds" || failed=1
stop

echo "== the limiter: 32 clients, 100,000 requests against the full log, Redis beside this process"
while read -r test; do
  "$test" --nocapture --test-threads 1 full_log thirty_two agree_on_every_trace burst_gets || failed=1
done <"$built/tests"
[ -z "$failed" ]
