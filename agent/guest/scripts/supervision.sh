# shellcheck shell=bash
# What scripts begin with that run something that outlives them. Under systemd that is a unit; in a container without it, where tini is
# process 1 (init.sh), runit does the same. There no cgroup tells what belongs to a run: its processes carry its invocation.
# shellcheck disable=SC2034 # others use it
run=/run/nexus
# Only tini is certain: a systemd that has just been started does not tell yet that it runs.
has_runit() {
  local name
  read -r name </proc/1/comm && [ "$name" = tini ]
}
# Variables that systemd gives a unit of a user; the invocation comes first.
run_as_dev() {
  local invocation=$1
  shift
  exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG="${LANG:-C.UTF-8}" HOME=/home/dev USER=dev \
    LOGNAME=dev SHELL=/bin/bash INVOCATION_ID="$invocation" \
    setpriv --reuid=dev --regid="$(id -g dev)" --init-groups -- "$@"
}
new_invocation() {
  tr -d - </proc/sys/kernel/random/uuid
}
processes_of() {
  (
    set +f
    grep -lszxF -- "INVOCATION_ID=$1" /proc/[0-9]*/environ | cut -d / -f 3
  )
}
# Ends all that is left of a run: asked first, killed after ten seconds.
end_all() {
  local pids
  pids=$(processes_of "$1")
  [ -n "$pids" ] || return 0
  # shellcheck disable=SC2086 # words
  kill -TERM $pids 2>/dev/null
  for _ in {1..100}; do
    pids=$(processes_of "$1")
    [ -n "$pids" ] || return 0
    sleep 0.1
  done
  # shellcheck disable=SC2086 # words
  kill -KILL $pids 2>/dev/null
}
oom_kills() {
  sed -n 's/^oom_kill //p' /sys/fs/cgroup/memory.events /sys/fs/cgroup/memory/memory.oom_control 2>/dev/null | tail -n 1
}
