#!/usr/bin/env bash
# The sandbox's tests on a machine that has control groups version 2 and nothing else: Debian's own kernel in a small
# virtual machine, whose files are made from this machine's. For hosts with version 1 or both. Needs qemu-system-x86_64
# and, unless NODELOOM_VM_KERNEL names a vmlinuz, `apt-get download`. It takes about twenty minutes.
#   tests/vm/run.sh [SUITE]...        suites: native native-user native-tree oci_runc oci_crun; default: the first two
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
suites=("$@")
[ ${#suites[@]} -gt 0 ] || suites=(native native-user)
work=${NODELOOM_VM_WORK:-$(mktemp -d)}
mkdir -p "$work"
[ -n "${NODELOOM_VM_WORK:-}" ] || trap 'rm -rf "$work"' EXIT

kernel=${NODELOOM_VM_KERNEL:-$(ls "$work"/kernel/boot/vmlinuz-* 2>/dev/null | head -1 || true)}
if [ -z "$kernel" ]; then
  package=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/^ *Depends: //p' | head -1)
  (cd "$work" && apt-get download -qq "$package" 2>/dev/null && dpkg-deb -x "$package"_*.deb kernel && rm -f "$package"_*.deb)
  kernel=$(ls "$work"/kernel/boot/vmlinuz-* | head -1)
fi

targets=(--test native)
for suite in "${suites[@]}"; do case $suite in native*) ;; *) targets+=(--test "$suite") ;; esac; done
said=$(cargo test --locked -p sandbox --bins --examples "${targets[@]}" --no-run 2>&1) || { echo "$said"; exit 1; }
target=$(cargo metadata --format-version 1 --no-deps | sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p')

root=$work/root
rm -rf "$root"
programs=() links=()
for name in sh bash sleep id su cat head du cut ls cp chmod env kill true touch setsid sed grep tail mkdir mount umount; do
  programs+=(--program "$(readlink -f "$(type -P "$name")" | grep . || true)")
  case $(basename "$(readlink -f "$(type -P "$name")")") in "$name") ;; *) links+=("$name") ;; esac
done
for runtime in runc crun; do
  case " ${suites[*]} " in *" oci_$runtime "*) programs+=(--program "$(type -P "$runtime")") ;; esac
done
rm -rf "$work/suites"; mkdir "$work/suites"
for suite in native oci_runc oci_crun; do
  binary=$(sed -n "s|.*tests/$suite.rs (\(.*\)).*|\1|p" <<<"$said")
  [ -z "$binary" ] && continue
  (cd "$(git rev-parse --show-toplevel)" && strip -o "$work/suites/$suite" "$binary")
  programs+=(--program "$work/suites/$suite") # for its libraries
done
"$target/debug/examples/sandbox_cli" build-root "$root" --program /usr/bin/busybox "${programs[@]}" >/dev/null
for name in "${links[@]}"; do
  link=$(type -P "$name"); mkdir -p "$root$(dirname "$link")"
  [ -e "$root$link" ] || ln -s "$(readlink -f "$link")" "$root$link"
done
mkdir -p "$root"/{root,home,run,var/tmp,etc,sys,proc,dev,tmp,suites}
chmod 1777 "$root/tmp" "$root/var/tmp"
strip -o "$root/suites/sandbox-hostile" "$target/debug/sandbox-hostile"
cp "$work"/suites/* "$root/suites/"
rm -rf "${root:?}$work"
printf 'root:x:0:0::/root:/usr/bin/sh\nserver:x:1000:1000::/home:/usr/bin/sh\n' >"$root/etc/passwd"
printf 'root:*:1::::::\n' >"$root/etc/shadow"; chmod 600 "$root/etc/shadow"
printf 'root:x:0:\nserver:x:1000:\n' >"$root/etc/group"
printf '127.0.0.1 localhost\n' >"$root/etc/hosts"
cp /etc/ld.so.cache "$root/etc/"
cp -r /etc/pam.d /etc/security /etc/login.defs "$root/etc/" 2>/dev/null || true
cp "$here/init.sh" "$root/suites/init"
printf '%s\n' "${suites[@]}" >"$root/suites/list"
# what is in a first file system cannot be left by pivot_root: the machine starts by moving into a second one
cat >"$root/init" <<'INIT'
#!/usr/bin/busybox sh
/usr/bin/busybox mkdir /new
/usr/bin/busybox mount -t tmpfs -o size=80%,mode=755 root /new
for part in /*; do case $part in /new|/init) ;; *) /usr/bin/busybox cp -a "$part" /new/ ;; esac; done
exec /usr/bin/busybox switch_root /new /suites/init
INIT
chmod 755 "$root/init" "$root/suites/init"
(cd "$root" && find . | cpio --quiet -o -H newc -R 0:0) >"$work/files.cpio"

# emulation works everywhere; NODELOOM_VM_KVM=1 is several times faster where /dev/kvm is a good one
accelerator=(-accel tcg,thread=multi -cpu max)
[ -z "${NODELOOM_VM_KVM:-}" ] || accelerator=(-enable-kvm -cpu host)
log=$work/console
timeout "${NODELOOM_VM_SECONDS:-3600}" qemu-system-x86_64 "${accelerator[@]}" -m 3072 -smp 2 -nographic -no-reboot \
  -nic none -kernel "$kernel" -initrd "$work/files.cpio" \
  -append "console=ttyS0 quiet panic=-1 cgroup_no_v1=all" </dev/null | sed -u 's/\r//g' | tee "$log" | grep --line-buffered -a '^vm: ' || true
grep -aq '^vm: all well' "$log" || { echo "not well; the whole console is in $log"; trap - EXIT; exit 1; }
