#!/usr/bin/env bash
# Fuzzes each parser for SECONDS_EACH seconds (default 60). Needs nightly Rust and cargo-fuzz; finds are kept in artifacts/.
set -euo pipefail
cd "$(dirname "$0")"
seconds=${SECONDS_EACH:-60}
if ! cargo +nightly --version >/dev/null 2>&1; then echo "fuzzing needs nightly Rust: rustup toolchain install nightly" >&2; exit 1; fi
if ! cargo fuzz --version >/dev/null 2>&1; then
  echo "Installing cargo-fuzz …"; cargo install --locked --quiet cargo-fuzz
fi
for target in workflow_definition guardrail_config guardrail_screen pii_redact sql_parse stream_screen audit_bundle encoder_weights encoder_tokens; do
  echo "== $target"
  mkdir -p "corpus/$target"
  cargo +nightly fuzz run --fuzz-dir . "$target" -- -max_total_time="$seconds" -max_len=65536 -timeout=20 -rss_limit_mb=4096 -verbosity=0
done
