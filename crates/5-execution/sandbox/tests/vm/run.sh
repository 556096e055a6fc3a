#!/usr/bin/env bash
# The sandbox's tests on a machine that has control groups version 2 and nothing else, for hosts with version 1 or both: Linux
# as an ordinary program (user-mode Linux, Debian's package user-mode-linux), over this machine's own files with a layer in
# memory above them. It needs no right and no /dev/kvm, starts in two seconds, and has one processor and no Landlock.
#   tests/vm/run.sh [SUITE]...   suites: native native-user oci_runc oci_runc-user oci_crun oci_crun-user docker;
#                                default: the first two
# NODELOOM_VM_LINUX names the program; without it and without one installed, the package is fetched and unpacked.
# NODELOOM_VM_ONLY=WORD runs the tests whose names have it (with NODELOOM_VM_LEAST=1), NODELOOM_VM_TIMES=1 says how long each took.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
suites=("$@")
[ ${#suites[@]} -gt 0 ] || suites=(native native-user)
work=$(mktemp -d -p /var/tmp)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"

linux=${NODELOOM_VM_LINUX:-$(type -P linux.uml || true)}
if [ -z "$linux" ]; then
  (cd "$work" && apt-get download -qq user-mode-linux 2>/dev/null && dpkg-deb -x user-mode-linux_*.deb uml && rm -f user-mode-linux_*.deb)
  linux=$work/uml/usr/bin/linux.uml
fi
overlay=$(find "$(dirname "$linux")/../lib/uml" -name overlay.ko | head -1)

targets=()
for suite in "${suites[@]}"; do targets+=(--test "${suite%%-*}"); done
said=$(cargo test --locked -p sandbox --bins "${targets[@]}" --no-run 2>&1) || { echo "$said"; exit 1; }
target=$(cargo metadata --format-version 1 --no-deps | sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p')
for suite in "${suites[@]}"; do
  binary=$(sed -n "s|.*tests/${suite%%-*}.rs (\(.*\)).*|\1|p" <<<"$said")
  [ -x "$binary" ] || binary=$(cd "$(git rev-parse --show-toplevel)" && realpath "$binary")
  strip -o "$work/${suite%%-*}" "$binary"
done
strip -o "$work/hostile" "$target/debug/sandbox-hostile"
printf '%s\n' "${suites[@]}" >"$work/list"

log=$work/console
TMPDIR=/dev/shm timeout "${NODELOOM_VM_SECONDS:-3600}" "$linux" mem="${NODELOOM_VM_MEMORY:-2048M}" root=/dev/root rootfstype=hostfs \
  rootflags=/ ro con=null con0=null,fd:1 quiet init="$here/init.sh" NODELOOM_VM_WORK="$work" NODELOOM_VM_OVERLAY="$overlay" \
  NODELOOM_VM_ONLY="${NODELOOM_VM_ONLY:-}" NODELOOM_VM_LEAST="${NODELOOM_VM_LEAST:-30}" NODELOOM_VM_TIMES="${NODELOOM_VM_TIMES:-}" \
  </dev/null 2>&1 | sed -u 's/\r//g' | tee "$log" | grep --line-buffered -a '^vm: ' || true
if ! grep -aq '^vm: all well' "$log"; then
  kept=$(mktemp) && cp "$log" "$kept"
  echo "not well; the whole console is in $kept"
  exit 1
fi
