#!/bin/sh
# The first process of the machine of run.sh: puts a writable layer over the host's files, mounts what a system mounts, runs
# every test of each suite in a process of its own as `cargo nextest` does, each in a control group that was delegated as
# systemd's Delegate=yes does it, and switches off.
export PATH=/usr/bin:/usr/sbin:/bin:/sbin:/usr/local/bin RUST_BACKTRACE=0 HOME=/root
export NODELOOM_TEST_HOSTILE=$NODELOOM_VM_WORK/hostile NODELOOM_TEST_SECONDS=120 NODELOOM_TEST_OWN_MACHINE=1
mount -t proc proc /proc
mount -t sysfs sysfs /sys
busybox insmod "$NODELOOM_VM_OVERLAY"
mount -t tmpfs -o size=2g,mode=755 layer /mnt
mkdir /mnt/up /mnt/work /mnt/new
mount -t overlay -o lowerdir=/,upperdir=/mnt/up,workdir=/mnt/work root /mnt/new
cd /mnt/new
pivot_root . mnt
cd /
for place in proc sys dev; do mount --move "/mnt/$place" "/$place" || mount --bind "/mnt/$place" "/$place"; done
umount -l /mnt
mkdir -p /dev/shm /dev/pts
mount -t devpts devpts /dev/pts
mount -t tmpfs -o mode=1777 shm /dev/shm
mount -t tmpfs -o mode=1777 tmp /tmp
mount -t tmpfs -o mode=755 run /run
mount -t cgroup2 cgroup2 /sys/fs/cgroup
busybox ifconfig lo 127.0.0.1 up
busybox hostname machine
echo "vm: $(uname -sr), control groups: $(grep cgroup /proc/mounts), $(cat /sys/fs/cgroup/cgroup.controllers)"
echo "+cpu +memory +pids" >/sys/fs/cgroup/cgroup.subtree_control
cat >/run/in-group <<'IN'
#!/bin/sh
echo $$ >"$1/cgroup.procs" || exit 9
shift
exec "$@"
IN
chmod 755 /run/in-group
failed=0
while read -r suite; do
  binary=$NODELOOM_VM_WORK/${suite%%-*}
  as=
  case $suite in *-user) as="setpriv --reuid 1000 --regid 1000 --clear-groups" ;; esac
  # a run of the engine's own, for the suite that wants one
  if [ "$suite" = docker ]; then
    dockerd --iptables=false --ip6tables=false --bridge=none --storage-driver=vfs --data-root=/run/docker-data \
      --exec-root=/run/docker-exec --pidfile=/run/docker.pid -H unix:///run/docker.sock >/run/docker.log 2>&1 &
    export NODELOOM_TEST_DOCKER=/run/docker.sock
    for try in $(seq 300); do [ -S /run/docker.sock ] && break; sleep 0.2; done
  fi
  passed=0 broken=
  for test in $($binary --list 2>/dev/null | sed -n 's/: test$//p'); do
    case $NODELOOM_VM_ONLY in '') ;; *) case $test in *"$NODELOOM_VM_ONLY"*) ;; *) continue ;; esac ;; esac
    case $suite-$test in *-user-*ordinary_user*) continue ;; esac # that is what this suite is
    # a group of the service's own, handed to its user
    group=/sys/fs/cgroup/service-$passed-$suite
    mkdir "$group"
    if [ -n "$as" ]; then chown 1000:1000 "$group" "$group/cgroup.procs" "$group/cgroup.subtree_control" "$group/cgroup.threads"; fi
    start=$(cut -d. -f1 /proc/uptime)
    if /run/in-group "$group" $as timeout 900 "$binary" --exact "$test" --nocapture >/run/said 2>&1 </dev/null; then
      passed=$((passed + 1))
      [ -z "$NODELOOM_VM_TIMES" ] || echo "vm: $suite $test: $(($(cut -d. -f1 /proc/uptime) - start)) s"
    else
      broken="$broken $test" failed=1
      echo "vm: FAILED $suite $test"; tail -n 60 /run/said
    fi
    sed -n 's/^\(skipped.*\|.* attacks,.* through\|.*as an ordinary user:.*\)$/vm: \1/p' /run/said
    if [ -n "$(ls -d "$group"/*/nodeloom-[0-9]* "$group"/nodeloom-[0-9]* 2>/dev/null)" ]; then
      failed=1; echo "vm: LEFT by $test: $(find "$group" -type d | tr '\n' ' ')"
    fi
    for pid in $(cat "$group/cgroup.procs" "$group"/*/cgroup.procs 2>/dev/null); do kill -9 "$pid"; done
    for try in 1 2 3 4 5 6 7 8 9 10; do find "$group" -depth -type d -exec rmdir {} \; 2>/dev/null; [ -d "$group" ] || break; sleep 0.1; done
  done
  [ $passed -ge "${NODELOOM_VM_LEAST:-30}" ] || failed=1
  echo "vm: $suite: $passed passed, failed:${broken:- none}"
done <"$NODELOOM_VM_WORK/list"
[ $failed -eq 0 ] && echo "vm: all well"
busybox poweroff -f
