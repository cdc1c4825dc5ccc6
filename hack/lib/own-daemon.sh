# shellcheck shell=bash
# A daemon of our own, for machines without systemd and for tests. Needs log.sh, backend.sh, network-traces.sh and $hack, the folder of
# hack/backend.
#
# It runs in a mount namespace in which its state, HOME/KIND, is seen at a path that nobody else has: containers can
# reach it there though HOME is 0700, and whatever the daemon mounts is gone with its last process. That path names the
# daemon and everything it spawned, so that they can be told from all other processes even after a crash.

# own_id HOME
own_id() {
  printf '%s' "$1" | sha256sum | cut -c 1-12
}

# own_path HOME KIND: the state's path inside the namespace.
own_path() {
  printf '/var/lib/%s/%s\n' "$2" "$(own_id "$1")"
}

# own_processes HOME KIND: "PID COMMAND" of the daemon and of what it spawned, containers' own processes excepted.
own_processes() {
  local path variable=INCUS_DIR pid command
  path=$(own_path "$1" "$2")
  [[ $2 == lxd ]] && variable=LXD_DIR
  {
    grep -lszxF -- "$variable=$path" /proc/[0-9]*/environ || true
    grep -lsF -- "$path/" /proc/[0-9]*/cmdline || true
  } | cut -d / -f 3 | sort -un | while read -r pid; do
    { command=$(tr '\0' ' ' <"/proc/$pid/cmdline"); } 2>/dev/null || continue
    case $command in
      *incusd\ * | */lxd\ * | '[lxc monitor]'* | dnsmasq\ *) printf '%s %s\n' "$pid" "$command" ;;
    esac
  done
}

# own_pids HOME KIND [daemon|monitor]
own_pids() {
  local pid name
  while read -r pid name; do
    case ${3:-}:$name in
      daemon:*'--group root'* | monitor:'[lxc monitor]'* | :*) printf '%s\n' "$pid" ;;
    esac
  done < <(own_processes "$1" "$2")
}

# Runs inside the namespace, as hack/backend --in-namespace: prepares what the machine lacks, and becomes the daemon.
own_enter() {
  local home=$1 kind=$2 path program
  path=$(own_path "$home" "$kind")
  program=$(backend_program "$kind")
  if ! mountpoint -q "$path"; then
    mkdir -p "/var/lib/$kind"
    mount -t tmpfs -o mode=0711,size=1m nexus "/var/lib/$kind"
    mkdir -m 0711 "$path"
    mount --bind "$home/$kind" "$path"
  fi
  own_mount_cgroups
  if [[ $kind == lxd ]]; then
    export LXD_DIR=$path
    unset INCUS_DIR
  else
    export INCUS_DIR=$path
    unset LXD_DIR
  fi
  exec "$program" --group root --logfile "$path/logs/daemon.log"
}

# own_mount_cgroups: in a mount namespace of its own.
own_mount_cgroups() {
  if ! mountpoint -q /sys/fs/cgroup; then
    mount -t cgroup2 cgroup2 /sys/fs/cgroup
  elif [[ $(stat -f -c %T /sys/fs/cgroup) == tmpfs && ! -d /sys/fs/cgroup/systemd ]]; then
    # systemd inside a container needs its own hierarchy where the machine has cgroups of version 1.
    mkdir /sys/fs/cgroup/systemd
    mount -t cgroup -o none,name=systemd cgroup /sys/fs/cgroup/systemd
  fi
}

# own_start HOME KIND: does nothing if it runs; prints the socket.
own_start() {
  local home=$1 kind=$2 socket=$1/$2/unix.socket pid attempt
  local -a namespace=(unshare --mount --propagation private)
  if ((${#socket} > 100)); then
    die "the path $socket is too long for a socket" "choose a shorter NEXUS_HOME"
  fi
  mkdir -p "$home/$kind/logs"
  chmod 0711 "$home/$kind"

  if backend_answers "$socket"; then
    printf '%s\n' "$socket"
    return
  fi
  if [[ -z $(own_pids "$home" "$kind" daemon) ]]; then
    # Containers that outlived their daemon hold its mounts: the new one must live in the same namespace.
    pid=$(own_pids "$home" "$kind" monitor | sed -n 1p)
    [[ -n $pid ]] && namespace=(nsenter --mount --target "$pid" --)
    modprobe -qa loop btrfs bridge veth nf_tables 2>/dev/null || true
    own_map_ids
    note "starting $kind ($home/$kind)"
    setsid nohup "${namespace[@]}" "${hack:?}/backend" --in-namespace "$home" "$kind" \
      </dev/null >"$home/$kind/logs/daemon.out" 2>&1 &
  fi
  for attempt in {1..600}; do
    if backend_answers "$socket"; then
      printf '%s\n' "$socket"
      return
    fi
    if ((attempt > 50)) && [[ -z $(own_pids "$home" "$kind" daemon) ]]; then
      break
    fi
    sleep 0.1
  done
  tail -n 20 "$home/$kind/logs/daemon.out" >&2 || true
  die "$kind did not start" "its log is $home/$kind/logs/daemon.log"
}

# Unprivileged containers need a range of ids delegated to root.
own_map_ids() {
  local file
  for file in /etc/subuid /etc/subgid; do
    grep -qs '^root:' "$file" || printf 'root:1000000:1000000000\n' >>"$file"
  done
}

# own_stop HOME KIND: the daemon, its containers and all it spawned; its state stays. Also mends what a crash left.
own_stop() {
  local home=$1 kind=$2 pid
  local -a daemon
  mapfile -t daemon < <(own_pids "$home" "$kind" daemon)
  if ((${#daemon[@]} > 0)); then
    note "stopping $kind and its containers"
    # SIGPWR: the daemon stops containers and networks, then itself.
    kill -PWR "${daemon[@]}" 2>/dev/null || true
    own_wait_gone "$home" "$kind" daemon 60 || kill -KILL "${daemon[@]}" 2>/dev/null || true
  fi
  # What a killed daemon left: a container ends with its first process, which is its monitor's child.
  for pid in $(own_pids "$home" "$kind" monitor); do
    pkill -KILL --parent "$pid" || true
  done
  for pid in $(own_pids "$home" "$kind"); do
    kill -KILL "$pid" 2>/dev/null || true
  done
  own_wait_gone "$home" "$kind" '' 5 || warn "processes of $home/$kind are left: $(own_pids "$home" "$kind" | xargs)"
  own_remove_networks "$home" "$kind"
  own_detach_disks "$home" "$kind"
  own_remove_cgroups "$home" "$kind"
}

# own_kill HOME KIND: the daemon alone, without a chance to tidy up.
own_kill() {
  local -a daemon
  mapfile -t daemon < <(own_pids "$1" "$2" daemon)
  ((${#daemon[@]} == 0)) || kill -KILL "${daemon[@]}" 2>/dev/null || true
  own_wait_gone "$1" "$2" daemon 10 || die "the daemon of $1/$2 cannot be killed"
}

# own_wait_gone HOME KIND WHICH SECONDS
own_wait_gone() {
  local attempt
  for ((attempt = 0; attempt < $4 * 10; attempt++)); do
    [[ -z $(own_pids "$1" "$2" "$3") ]] && return
    sleep 0.1
  done
  return 1
}

# Bridges and their firewall rules, of a daemon that could not remove them itself.
own_remove_networks() {
  local home=$1 kind=$2 directory name member
  for directory in "$home/$kind"/networks/*/; do
    name=$(basename "$directory")
    if [[ -d /sys/class/net/$name/bridge ]]; then
      for member in "/sys/class/net/$name/brif"/*; do
        [[ -e $member ]] && ip link delete "$(basename "$member")"
      done
      ip link delete "$name"
    fi
    own_remove_chains "$kind" "$name"
  done
  remove_empty_tables inet "$kind"
  remove_empty_tables bridge "$kind"
}

# own_remove_chains KIND BRIDGE: emptied first, since some lead to others.
own_remove_chains() {
  local verb chain
  local -a chains
  mapfile -t chains < <(nft list table inet "$1" 2>/dev/null |
    awk -v end=".$2" '$1 == "chain" && substr($2, length($2) - length(end) + 1) == end { print $2 }')
  for verb in flush delete; do
    for chain in "${chains[@]}"; do
      nft "$verb" chain inet "$1" "$chain" 2>/dev/null || true
    done
  done
}

# The pools' loop devices, should one outlive the namespace.
own_detach_disks() {
  local disk device
  for disk in "$1/$2"/disks/*.img; do
    [[ -f $disk ]] || continue
    while IFS=: read -r device _; do
      losetup --detach "$device" || true
    done < <(losetup --associated "$disk")
  done
}

# Containers that were killed leave theirs; LXC calls the cgroup of a name that is taken NAME-1.
own_remove_cgroups() {
  local container name
  for container in "$1/$2"/containers/*; do
    [[ -e $container || -L $container ]] || continue
    name=$(basename "$container")
    find /sys/fs/cgroup -mindepth 2 -depth -type d -regextype posix-extended \
      -regex ".*/lxc\.(payload|monitor)\.$name(-[0-9]+)?(/.*)?" -exec rmdir {} + 2>/dev/null || true
  done
}
