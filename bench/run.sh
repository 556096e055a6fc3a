#!/usr/bin/env bash
# The figures of RESULTS.md. Everything runs on this machine and talks to loopback only; each part stops by itself.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${SECONDS_EACH:-10}
cargo build --release --locked -q -p hammer -p harness
bin=target/release/nodeloom
work=$(mktemp -d)
pids=()
cleanup() { for p in "${pids[@]}"; do kill "$p" 2>/dev/null || true; done; wait 2>/dev/null || true; rm -rf "$work"; }
trap cleanup EXIT

export NODELOOM_DEMO__INSTALL=true NODELOOM_LOG__LEVEL=warn
export NODELOOM_LIMITS__WEBHOOK_PER_MINUTE=100000000 NODELOOM_LIMITS__ADDRESS_PER_MINUTE=100000000 NODELOOM_LIMITS__API_PER_MINUTE=100000000

wait_ready() { # folder port
  for _ in $(seq 200); do
    if [ -e "$1/ca.pem" ] && curl -sf --cacert "$1/ca.pem" "https://localhost:$2/readyz" >/dev/null; then return; fi
    sleep 0.05
  done
  echo "the server did not become ready" >&2; exit 1
}
start() { # name port, further settings from the environment
  export NODELOOM_DATA__FOLDER="$work/$1" NODELOOM_SERVER__LISTEN="127.0.0.1:$2" NODELOOM_SERVER__PUBLIC_URL="https://localhost:$2"
  $bin serve >"$work/$1.log" 2>&1 & pids+=($!); last=$!
  wait_ready "$work/$1" "$2"
}
publish() { $bin workflow import --publish -e production --profile "$1/cli.toml" "$2" >/dev/null; }

echo "machine: $(nproc) cores, $(grep -m1 'model name' /proc/cpuinfo | cut -d: -f2 | xargs), $(free -g | awk '/Mem:/{print $2}') GiB, Linux $(uname -r), $(date -u +%F)"
echo "disk: $(python3 - "$work" <<'PY'
import os, sys, time
f = os.open(os.path.join(sys.argv[1], "fsync"), os.O_CREAT | os.O_WRONLY); t = []
for _ in range(200):
    os.write(f, b"x" * 4096); s = time.perf_counter(); os.fsync(f); t.append(time.perf_counter() - s)
t.sort(); print(f"fsync of 4 KiB p50 {t[100]*1e3:.2f} ms, p99 {t[198]*1e3:.2f} ms")
PY
)"

echo "== start to ready, and memory when idle (SQLite, fresh, then again)"
for round in fresh again; do
  before=$(date +%s%N); start idle 18443; after=$(date +%s%N)
  sleep 1
  echo "$round: $(( (after - before) / 1000000 )) ms (polled every 50 ms), $(awk '/VmRSS/{print int($2/1024)}' "/proc/$last/status") MiB resident"
  kill "$last"; wait "$last" 2>/dev/null || true
done

echo "== webhook -> transform -> respond, SQLite"
start sqlite 18444; server=$last
publish "$work/sqlite" bench/workflows/transform.json
for c in 1 8 32; do
  target/release/hammer --address 127.0.0.1:18444 --ca "$work/sqlite/ca.pem" --path /hooks/demo/production/transform -c "$c" -s "$seconds" --pids "$server"
done
echo "== webhook -> JavaScript in a fresh container -> respond, SQLite"
publish "$work/sqlite" bench/workflows/javascript.json
target/release/hammer --address 127.0.0.1:18444 --ca "$work/sqlite/ca.pem" --path /hooks/demo/production/javascript -c 8 -s "$seconds" --pids "$server"
$bin audit verify
kill "$server"; wait "$server" 2>/dev/null || true

echo "== webhook -> transform (with a concurrency limit, so that workers drive it) -> respond, PostgreSQL"
servers=$(target/release/harness start); eval "$servers"
for workers in 1 2 4; do
  database="bench_$workers"
  NODELOOM_DATABASE__URL=$(target/release/harness database "$database"); export NODELOOM_DATABASE__URL
  NODELOOM_ENGINE__WORKERS=0 start "pg$workers" "1845$workers"; all=$last
  for _ in $(seq "$workers"); do NODELOOM_ENGINE__WORKERS=64 $bin worker >"$work/worker.log" 2>&1 & pids+=($!); all="$all,$!"; done
  publish "$work/pg$workers" bench/workflows/transform-queued.json
  echo -n "$workers worker(s): "
  target/release/hammer --address "127.0.0.1:1845$workers" --ca "$work/pg$workers/ca.pem" --path /hooks/demo/production/queued -c 32 -s "$seconds" --pids "$all"
  for p in ${all//,/ }; do kill "$p"; done; wait 2>/dev/null || true
  unset NODELOOM_DATABASE__URL
done
target/release/harness stop

echo "== local chat model"
cargo run --release --locked -q -p local_models --example speed -- .make/models/SmolLM2-135M-Instruct.Q4_1.gguf
