# shellcheck shell=bash
# A Docker daemon of our own, as own-daemon.sh has it for LXD and Incus. Needs log.sh, platform.sh and backend.sh.
#
# Its settings and its disk are in HOME/docker. The disk is a file with btrfs, on which Docker can hold each container to a
# size. It is mounted at a path that nobody else has, outside of HOME: containers' root is no root here, and could not pass
# through a folder of mode 0700. That path names the daemon and all that it spawned.

# docker_path HOME
docker_path() {
  printf '/var/lib/nexus-docker/%s\n' "$(own_id "$1")"
}

# docker_answers SOCKET
docker_answers() {
  [[ -S $1 ]] && curl --silent --max-time 10 --unix-socket "$1" http://docker/version | grep -q '"ApiVersion"'
}

# docker_version SOCKET: e.g. "docker 20.10.24".
docker_version() {
  curl --silent --max-time 10 --unix-socket "$1" http://docker/version |
    sed -n 's/.*"Version":"\([^"]*\)","ApiVersion".*/docker \1/p'
}

# docker_call HOME METHOD PATH: the body of the answer; status 1 without a daemon.
docker_call() {
  curl --silent --fail --max-time 60 --unix-socket "$1/docker/docker.sock" --request "$2" "http://docker/v1.40$3"
}

# docker_pids HOME [daemon]: of the daemon and of what it spawned, containers' own processes excepted.
docker_pids() {
  local path pid command
  path=$(docker_path "$1")
  { grep -lsF -- "$path/" /proc/[0-9]*/cmdline || true; } | cut -d / -f 3 | while read -r pid; do
    { command=$(tr '\0' ' ' <"/proc/$pid/cmdline"); } 2>/dev/null || continue
    case ${2:-}:$command in
      *:*dockerd\ * | :containerd\ * | :*/containerd\ * | :*containerd-shim* | :*docker-proxy*) printf '%s\n' "$pid" ;;
    esac
  done
}

# docker_start HOME: does nothing if it runs; prints the socket.
docker_start() {
  local home=$1 socket=$1/docker/docker.sock path attempt
  path=$(docker_path "$home")
  if ((${#socket} > 100)); then
    die "the path $socket is too long for a socket" "choose a shorter NEXUS_HOME"
  fi
  if docker_answers "$socket"; then
    printf '%s\n' "$socket"
    return
  fi
  if [[ -z $(docker_pids "$home" daemon) ]]; then
    modprobe -qa loop btrfs bridge br_netfilter veth 2>/dev/null || true
    mkdir -p "$home/docker" "$path"
    chmod 0711 "$(dirname "$path")" "$path"
    docker_mount "$home"
    mountpoint -q /sys/fs/cgroup || mount -t cgroup2 cgroup2 /sys/fs/cgroup
    note "starting docker ($home/docker)"
    # What a killed daemon left behind would keep the new one from starting.
    rm -f "$home/docker/docker.pid"
    docker_forget_containerd "$path/exec/containerd/containerd.pid"
    setsid nohup "$(backend_program docker)" --data-root "$path/data/docker" --exec-root "$path/exec" \
      --host "unix://$socket" --pidfile "$home/docker/docker.pid" --config-file "$home/docker/daemon.json" \
      --cgroup-parent "/$(docker_cgroup "$home")" --storage-driver btrfs --bridge none --live-restore \
      --userns-remap default --userland-proxy=false </dev/null >>"$home/docker/daemon.log" 2>&1 &
  fi
  for attempt in {1..600}; do
    if docker_answers "$socket"; then
      printf '%s\n' "$socket"
      return
    fi
    if ((attempt > 50)) && [[ -z $(docker_pids "$home" daemon) ]]; then
      break
    fi
    sleep 0.1
  done
  tail -n 20 "$home/docker/daemon.log" >&2 || true
  die "docker did not start" "its log is $home/docker/daemon.log"
}

# docker_forget_containerd FILE: it dies with its daemon; where nobody waits for the dead, the next one takes it for alive.
docker_forget_containerd() {
  local pid
  pid=$(cat "$1" 2>/dev/null) || return 0
  grep -qs containerd "/proc/$pid/cmdline" || rm -f "$1"
}

# docker_mount HOME: makes the disk, which grows as it is filled, and mounts it.
docker_mount() {
  local disk=$1/docker/disk.img path
  path=$(docker_path "$1")/data
  [[ -f $1/docker/daemon.json ]] || printf '{}\n' >"$1/docker/daemon.json"
  mkdir -p "$path"
  mountpoint -q "$path" && return
  if [[ ! -f $disk ]]; then
    truncate --size 30G "$disk.partial"
    quietly mkfs.btrfs -q "$disk.partial"
    mv "$disk.partial" "$disk"
  fi
  mount -o loop "$disk" "$path"
  chmod 0711 "$path"
  quietly btrfs quota enable "$path"
}

docker_cgroup() {
  printf 'nexus-docker-%s\n' "$(own_id "$1")"
}

# docker_stop HOME: the daemon, its containers and all it spawned; its state stays. Also mends what a crash left.
docker_stop() {
  local home=$1 path pid attempt
  path=$(docker_path "$home")
  if docker_answers "$home/docker/docker.sock"; then
    note "stopping docker and its containers"
    docker_stop_containers "$home"
  fi
  for pid in $(docker_pids "$home" daemon); do
    kill -TERM "$pid" 2>/dev/null || true
  done
  for attempt in {1..150}; do
    [[ -z $(docker_pids "$home" daemon) ]] && break
    sleep 0.1
  done
  # What is left of a daemon that was killed: a container ends with its first process, which is its shim's child.
  for pid in $(docker_pids "$home"); do
    if grep -qs containerd-shim "/proc/$pid/cmdline"; then
      pkill -KILL --parent "$pid" || true
    fi
    kill -KILL "$pid" 2>/dev/null || true
  done
  for attempt in {1..50}; do
    [[ -z $(docker_pids "$home") ]] && break
    sleep 0.1
  done
  docker_remove_networks "$path"
  docker_unmount "$path"
  find /sys/fs/cgroup -depth -type d -path "*/$(docker_cgroup "$home")*" -exec rmdir {} + 2>/dev/null || true
}

docker_stop_containers() {
  local home=$1 id
  # Frozen ones hear nothing.
  for id in $(docker_call "$home" GET '/containers/json?filters=%7B%22status%22%3A%5B%22paused%22%5D%7D' | docker_ids); do
    docker_call "$home" POST "/containers/$id/unpause" >/dev/null || true
  done
  for id in $(docker_call "$home" GET /containers/json | docker_ids); do
    docker_call "$home" POST "/containers/$id/stop?t=10" >/dev/null &
  done
  wait
}

# Of an answer that lists containers.
docker_ids() {
  grep -o '"Id":"[0-9a-f]*"' | cut -d '"' -f 4
}

# docker_remove_networks PATH: bridges and firewall rules, which the daemon leaves for its next start.
docker_remove_networks() {
  local state=$1/data/docker name rule table
  for name in $(find "$state" -maxdepth 4 -name local-kv.db -exec grep -aohE 'nxd[0-9a-f]{6}' {} + 2>/dev/null | sort -u); do
    [[ -d /sys/class/net/$name/bridge ]] && ip link delete "$name"
    for table in filter nat; do
      iptables -t "$table" -S 2>/dev/null | { grep -E -- "(-i|-o) $name( |$)" || true; } | while read -r rule; do
        # shellcheck disable=SC2086 # the words of a rule
        iptables -t "$table" ${rule/#-A/-D} 2>/dev/null || true
      done
    done
  done
  docker_runs_anywhere || docker_remove_chains
}

# Those that have ended and were not waited for have no command line any more.
docker_runs_anywhere() {
  local pid
  for pid in $(pgrep -x dockerd); do
    grep -qs . "/proc/$pid/cmdline" && return
  done
  return 1
}

# Without any daemon on the machine its chains are nobody's.
docker_remove_chains() {
  local table rule
  for table in filter nat; do
    iptables -t "$table" -S 2>/dev/null | { grep -E -- '-j DOCKER' || true; } | while read -r rule; do
      # shellcheck disable=SC2086 # the words of a rule
      iptables -t "$table" ${rule/#-A/-D} 2>/dev/null || true
    done
    iptables -t "$table" -S 2>/dev/null | sed -n 's/^-N \(DOCKER.*\)/\1/p' | while read -r rule; do
      iptables -t "$table" -F "$rule" && iptables -t "$table" -X "$rule"
    done
  done
}

# docker_unmount PATH: everything mounted there, the last first.
docker_unmount() {
  local mount
  cut -d ' ' -f 2 /proc/self/mounts | { grep -F -- "$1/" || true; } | sort -r | while read -r mount; do
    umount "$mount" 2>/dev/null || umount --lazy "$mount" || true
  done
  # With an id map the daemon makes a second one beside it.
  rm -rf --one-file-system "${1:?}/exec" "$1"/exec.*
  rmdir "$1/data" "$1" "$(dirname "$1")" 2>/dev/null || true
}

# docker_kill HOME: the daemon alone, without a chance to tidy up.
docker_kill() {
  local pid
  for pid in $(docker_pids "$1" daemon); do
    kill -KILL "$pid" 2>/dev/null || true
  done
  for _ in {1..100}; do
    [[ -z $(docker_pids "$1" daemon) ]] && return
    sleep 0.1
  done
  die "the daemon of $1/docker cannot be killed"
}
