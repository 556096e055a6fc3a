#!/usr/bin/busybox sh
# The first process of the virtual machine of run.sh: mounts what a system mounts, runs every test of each suite in a process
# of its own as `cargo nextest` does, in a delegated control group as systemd's Delegate=yes makes them, and switches off.
export PATH=/usr/bin:/usr/sbin:/bin:/sbin NODELOOM_TEST_HOSTILE=/suites/sandbox-hostile RUST_BACKTRACE=0 NODELOOM_TEST_SECONDS=200
b=/usr/bin/busybox
$b mount -t proc proc /proc
$b mount -t sysfs sysfs /sys
$b mount -t devtmpfs devtmpfs /dev
$b mkdir -p /dev/shm /dev/pts
$b mount -t devpts devpts /dev/pts
$b mount -t tmpfs -o mode=1777 shm /dev/shm
$b mount -t tmpfs -o mode=755 run /run
$b mount -t cgroup2 cgroup2 /sys/fs/cgroup
$b ifconfig lo 127.0.0.1 up
$b hostname machine
echo "vm: $($b uname -sr), control groups: $($b grep cgroup /proc/mounts), $($b cat /sys/fs/cgroup/cgroup.controllers)"
echo "+cpu +memory +pids" > /sys/fs/cgroup/cgroup.subtree_control
failed=0
$b cat > /suites/in-group <<'IN'
#!/usr/bin/busybox sh
echo $$ > "$1/cgroup.procs" || exit 9
shift
exec "$@"
IN
$b chmod 755 /suites/in-group
while read -r suite; do
  binary=/suites/${suite%%-*}
  as=
  if [ "$suite" = native-user ]; then as="$b setuidgid server"; fi
  passed=0; broken=
  for test in $($binary --list 2>/dev/null | $b sed -n 's/: test$//p'); do
    case $test in *ordinary_user*) continue ;; esac # native-user is that, with a group of its own
    # a group of the service's own, handed to its user
    group=/sys/fs/cgroup/service-$passed-$suite
    $b mkdir "$group"
    if [ -n "$as" ]; then $b chown server:server "$group" "$group/cgroup.procs" "$group/cgroup.subtree_control" "$group/cgroup.threads"; fi
    if /suites/in-group "$group" $as $b timeout 900 $binary --exact "$test" --nocapture >/tmp/said 2>&1 </dev/null; then
      passed=$((passed + 1))
    else
      broken="$broken $test"; failed=1
      echo "vm: FAILED $suite $test"; $b tail -n 60 /tmp/said
    fi
    $b sed -n 's/^\(skipped.*\|.* attacks,.* through\)$/vm: \1/p' /tmp/said
    if [ -n "$($b ls -d "$group"/*/nodeloom-[0-9]* "$group"/nodeloom-[0-9]* 2>/dev/null)" ]; then
      failed=1; echo "vm: LEFT by $test: $($b find "$group" -type d | $b tr '\n' ' ')"
    fi
    for pid in $($b cat "$group/cgroup.procs" "$group"/*/cgroup.procs 2>/dev/null); do $b kill -9 "$pid"; done
    for try in 1 2 3 4 5 6 7 8 9 10; do $b find "$group" -depth -type d -exec $b rmdir {} \; 2>/dev/null; [ -d "$group" ] || break; $b sleep 0.1; done
  done
  [ $passed -ge 30 ] || failed=1
  echo "vm: $suite: $passed passed, failed:${broken:- none}"
done < /suites/list
[ $failed -eq 0 ] && echo "vm: all well"
$b poweroff -f
