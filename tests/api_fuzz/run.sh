#!/usr/bin/env bash
# Asks a real server everything that docs/reference/openapi.json promises, with schemathesis (PyPI): all operations, all
# checks, as the demo team's admin. `run.sh BINARY [EXAMPLES] [FURTHER ARGUMENTS]`; EXAMPLES per operation, default 20.
set -euo pipefail
cd "$(dirname "$0")/../.."
binary=$(realpath "${1:?say which nodeloom to ask}")
examples=${2:-20}
shift $(($# < 2 ? $# : 2))
packages=$PWD/.make/schemathesis
if ! cmp -s tests/api_fuzz/requirements.txt "$packages/requirements.txt"; then
  echo "Installing schemathesis …"
  rm -rf "$packages"
  python3 -m pip install --quiet --disable-pip-version-check --target "$packages" -r tests/api_fuzz/requirements.txt
  cp tests/api_fuzz/requirements.txt "$packages/"
fi
schemathesis() {
  PYTHONPATH=$packages python3 -c 'import sys; from schemathesis.cli import schemathesis; sys.argv[0] = "st"; sys.exit(schemathesis())' "$@"
}

data=$(mktemp -d)
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
export NODELOOM_DATA__FOLDER="$data" NODELOOM_SERVER__LISTEN="127.0.0.1:$port" NODELOOM_DEMO__INSTALL=true \
  NODELOOM_SERVER__PUBLIC_URL="https://localhost:$port" NODELOOM_SANDBOX__ENABLED=false NODELOOM_LOG__LEVEL=warn \
  NODELOOM_LIMITS__API_PER_MINUTE=1000000 NODELOOM_LIMITS__ADDRESS_PER_MINUTE=1000000 \
  NODELOOM_LIMITS__AUTHENTICATION_PER_MINUTE=1000000 NODELOOM_LIMITS__WEBHOOK_PER_MINUTE=1000000 \
  NODELOOM_SECURITY__BCRYPT_COST=10
"$binary" serve >"$data/out" 2>"$data/log" &
server=$!
stop() { kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; rm -rf "$data"; }
trap stop EXIT
for _ in $(seq 300); do
  grep -q '^ready on' "$data/out" && break
  kill -0 "$server" || { cat "$data/log" >&2; exit 1; }
  sleep 0.1
done
export NODELOOM_URL="https://localhost:$port" NODELOOM_CA="$data/ca.pem"
NODELOOM_KEY=$(sed -n 's/^api_key *= *"\(.*\)"$/\1/p' "$data/cli.toml")
export NODELOOM_KEY

ask() { # in a folder of its own, where it keeps its notes
  (cd "$data" && schemathesis --config-file "$OLDPWD/tests/api_fuzz/schemathesis.toml" \
    run "$OLDPWD/docs/reference/openapi.json" --max-examples "$examples" --seed "${SEED:-1}" --no-color "$@")
}
failed=
# What can end the very key, account or team that everything else asks with comes last and by itself.
t="/api/v1/teams/{team}/{environment}"
last=() others=()
for name in "DELETE $t/api-keys/{id}" "DELETE $t/service-accounts/{id}" "PUT $t/members/{id}" "DELETE $t/members/{id}" "DELETE $t/team"; do
  last+=(--include-name "$name") others+=(--exclude-name "$name")
done
ask "${others[@]}" "$@" || failed=1
team="$NODELOOM_URL/api/v1/teams/demo/development/members?limit=1"
curl -sf --cacert "$NODELOOM_CA" -H "Authorization: Bearer $NODELOOM_KEY" "$team" >/dev/null \
  || { echo "the key is no admin's any more: what came after was refused for that" >&2; failed=1; }
[ $# -gt 0 ] || ask "${last[@]}" || failed=1
kill -0 "$server" || { echo "the server ended" >&2; tail -n 20 "$data/log" >&2; exit 1; }
if grep -E '"level":"ERROR"|^[^ ]+ +ERROR' "$data/log"; then echo "the server logged errors" >&2; failed=1; fi
[ -z "$failed" ]
