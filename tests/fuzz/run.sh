#!/usr/bin/env bash
# Fuzzes each parser for SECONDS_EACH seconds (default 60), or those in TARGETS only. Needs nightly Rust and cargo-fuzz; finds are kept in artifacts/.
set -euo pipefail
cd "$(dirname "$0")"
seconds=${SECONDS_EACH:-60}
if ! cargo +nightly --version >/dev/null 2>&1; then echo "fuzzing needs nightly Rust: rustup toolchain install nightly" >&2; exit 1; fi
if ! cargo fuzz --version >/dev/null 2>&1; then
  echo "Installing cargo-fuzz …"; cargo install --locked --quiet cargo-fuzz
fi
all="guardrail_config guardrail_screen pii_redact sql_parse stream_screen encoder_weights encoder_tokens workflow_definition audit_bundle"
for target in ${TARGETS:-$all}; do
  echo "== $target"
  mkdir -p "corpus/$target"
  features=""
  seeds=""
  if [ -d "seeds/$target" ]; then seeds="seeds/$target"; fi
  if [ "$target" = audit_bundle ]; then features="--features audit"; fi
  # shellcheck disable=SC2086
  cargo +nightly fuzz run --fuzz-dir . $features "$target" "corpus/$target" $seeds -- -max_total_time="$seconds" -max_len=65536 -timeout=20 -rss_limit_mb=4096 -verbosity=0
done
