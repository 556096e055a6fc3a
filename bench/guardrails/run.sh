#!/usr/bin/env bash
# Guardrails beside their peers on the same rows: `bench/guardrails/run.sh DATA [ROWS]`, where DATA is a folder laid out
# like the project's data folder (dev/, train/) and ROWS at most so many rows of each file (default 400; peers are slow).
# Installs the peers into a virtual environment of their own with pip; nothing of them enters the product.
# `bench/guardrails/run.sh --timing` needs neither data nor peers: how long each layer takes on one core.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
data="${1:?say where the data is, or --timing}"
guard="${NODELOOM_GUARD:-}"
if [ -z "$guard" ]; then
  (cd "$here/../.." && cargo build --release --quiet -p guardrails --example guard)
  guard="$here/../../target/release/examples/guard"
fi
if [ "$data" = --timing ]; then
  exec python3 "$here/timing.py" --guard "$guard"
fi
rows="${2:-400}"
venv="${NODELOOM_PEERS:-$here/../../.make/peers}"
if [ ! -x "$venv/bin/python" ]; then
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet -r "$here/requirements.txt"
fi
exec "$venv/bin/python" "$here/compare.py" --guard "$guard" --data "$data" --rows "$rows"
