#!/usr/bin/env bash
# kill -9 at random moments under load: on SQLite, and on PostgreSQL with 3 workers.
set -euo pipefail
cd "$(dirname "$0")/.."
kills=${KILLS:-200}
cargo build --release --locked -q -p hammer -p harness
echo "machine: $(nproc) cores, Linux $(uname -r), $(date -u +%F); $kills kills each"
target/release/torture --binary target/release/nodeloom --kills "$kills"
servers=$(target/release/harness start); eval "$servers"
trap 'target/release/harness stop' EXIT
target/release/torture --binary target/release/nodeloom --kills "$kills" --workers 3 --postgres "$(target/release/harness database torture)"
