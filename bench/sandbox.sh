#!/usr/bin/env bash
# The sandbox's figures, and the same work done by runc and Docker beside it. As root it starts a Docker engine of its own,
# without a network, below a temporary folder; without one, that row is left out. SOAK=1 adds 10,000 runs in a row and 500 at
# once, and ends with 1 when they leave anything.
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${1:-40}
cargo build --release --locked -p sandbox --example sandbox_figures --example sandbox_compare --example sandbox_soak
echo "## $(date -u +%F), $(nproc) processors, $(uname -r), load $(cut -d' ' -f1 /proc/loadavg)"
target/release/examples/sandbox_figures
socket=
if [ "$(id -u)" -eq 0 ] && command -v dockerd >/dev/null 2>&1; then
  folder=$(mktemp -d)
  dockerd --iptables=false --ip6tables=false --bridge=none --data-root="$folder/data" --exec-root="$folder/exec" \
    --pidfile="$folder/pid" -H "unix://$folder/docker.sock" >"$folder/log" 2>&1 &
  engine=$!
  trap 'kill $engine 2>/dev/null; wait $engine 2>/dev/null || true; rm -rf "$folder"' EXIT
  for _ in $(seq 100); do [ -S "$folder/docker.sock" ] && docker -H "unix://$folder/docker.sock" info >/dev/null 2>&1 && break; sleep 0.2; done
  [ -S "$folder/docker.sock" ] && socket=$folder/docker.sock || tail -n 3 "$folder/log"
fi
target/release/examples/sandbox_compare "$rounds" $socket
[ -z "${SOAK:-}" ] || target/release/examples/sandbox_soak
