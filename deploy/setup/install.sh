#!/usr/bin/env bash
# Installs what is missing: `install.sh build` for building, `install.sh test` for the tests too.
# Debian packages by apt-get when root; otherwise it says what to ask an administrator for.
set -euo pipefail
what=${1:-build}

packages=()
need() { command -v "$1" >/dev/null 2>&1 || packages+=("$2"); }
need gcc gcc
need make make
need python3 python3
need unzip unzip
[ -e /usr/lib/x86_64-linux-gnu/libc.a ] || [ -e /usr/lib/aarch64-linux-gnu/libc.a ] || [ -e /usr/lib64/libc.a ] || packages+=(libc6-dev)
python3 -m pip --version >/dev/null 2>&1 || packages+=(python3-pip)
[ -x /usr/bin/python3 ] || packages+=(python3)
if [ "$what" = test ]; then
  ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || packages+=(postgresql)
  need redis-server redis-server
  need chromium chromium
  # the sandbox's tests also run with these, and skip what is not there
  need runc runc
  need crun crun
  [ "$(id -u)" -ne 0 ] || [ -x /usr/sbin/dockerd ] || need dockerd docker.io
fi

if [ ${#packages[@]} -gt 0 ]; then
  if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "NodeLoom needs these packages, and only root can install them here: ${packages[*]}" >&2
    echo "Ask for: apt-get install ${packages[*]}" >&2
    exit 1
  fi
  echo "Installing ${packages[*]} …"
  # Nothing that we install may start a service by itself.
  policy=/usr/sbin/policy-rc.d made=
  if [ ! -e "$policy" ]; then printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod +x "$policy" && made=1; fi
  trap '[ -z "$made" ] || rm -f "$policy"' EXIT
  export DEBIAN_FRONTEND=noninteractive
  log=$(mktemp)
  { apt-get update -qq && apt-get install -y -qq --no-install-recommends "${packages[@]}"; } >"$log" 2>&1 \
    || { tail -n 20 "$log" >&2; echo "apt-get could not install ${packages[*]}" >&2; exit 1; }
  rm -f "$log"
fi

if ! command -v cargo >/dev/null 2>&1; then
  echo "NodeLoom is built with Rust 1.95 or later, and cargo is not here. Install it with rustup, then repeat." >&2
  exit 1
fi
if [ "$what" = test ] && ! cargo nextest --version >/dev/null 2>&1; then
  echo "Installing cargo-nextest (some minutes) …"
  cargo install --locked --quiet cargo-nextest
fi
