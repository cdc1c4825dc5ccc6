# shellcheck shell=bash
# One node of a lab: a process tree in namespaces of its own, whose first process stands for its power. Needs log.sh,
# backend.sh, own-daemon.sh, test-run.sh, lab-network.sh, $hack, and $lab, the lab's folder.
#
# $lab/NODE/settings is what it is, read by node_load; init its first process while it runs; usr and etc what it has changed there; root, home and
# var are its own from the beginning.

number='' bridge='' address='' port='' user='' backend='' mounts=()

# node_load NODE: sets what node_create was given, and cable, this machine's end of its cable.
node_load() {
  # shellcheck source=/dev/null
  source "${lab:?}/$1/settings"
  cable=$bridge-$number
}

# node_create NODE NUMBER BRIDGE SUBNET: of the wanted backend, user and mounts.
node_create() {
  local folder=$lab/$1
  mkdir -m 0711 "$folder"
  mkdir "$folder"/{top,usr,usr.work,etc,etc.work,home,var}
  mkdir -m 0700 "$folder/root"
  mkdir "$folder"/var/{lib,log,cache,spool}
  mkdir -m 1777 "$folder/var/tmp"
  ln -s /run "$folder/var/run"
  number=$2 bridge=$3 address=$4.$2 port=22
  declare -p number bridge address port user backend mounts | sed 's/^declare -[-a] //' >"$folder/settings"
}

# node_start NODE: switches it on; node_wait waits until it is up.
node_start() {
  local name=$1 pid attempt
  ! node_pid "$name" >/dev/null || die "node $name runs already"
  rm -f "$lab/$name/init"
  env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin NEXUS_LAB_PASSWORD="${NEXUS_LAB_PASSWORD:-}" \
    setsid nohup unshare --mount --pid --fork --net --uts --ipc --propagation private -- \
    "${hack:?}/lab" --init "$lab" "$name" </dev/null >"$lab/$name/boot.log" 2>&1 &
  for ((attempt = 0; attempt < 300; attempt++)); do
    if pid=$(node_pid "$name"); then
      node_load "$name"
      cable_connect "$cable" "$bridge" "$address" "$pid"
      return
    fi
    sleep 0.02
  done
  tail -n 20 "$lab/$name/boot.log" >&2
  die "node $name did not start"
}

# node_pid NODE: of its first process, as this machine sees it; status 1 if it is off.
node_pid() {
  local identity
  identity=$(cat "$lab/$1/init" 2>/dev/null) || return 1
  [[ -n $identity && $(run_identity "${identity%% *}") == "$identity" ]] || return 1
  printf '%s\n' "${identity%% *}"
}

# node_wait NODE: until sshd and the daemon answer.
node_wait() {
  local name=$1 attempt
  node_load "$name"
  for ((attempt = 0; attempt < 1200; attempt++)); do
    if ! node_pid "$name" >/dev/null; then
      break
    elif [[ -e $lab/$name/etc/ssh/ssh_host_ed25519_key.pub ]] && (exec 3<>"/dev/tcp/$address/$port") 2>/dev/null &&
      { [[ $backend == none ]] || backend_answers "$lab/$name/var/lib/$backend/unix.socket"; }; then
      return
    fi
    sleep 0.05
  done
  tail -n 20 "$lab/$name/boot.log" "$lab/$name"/var/log/*.log >&2 || true
  die "node $name did not come up"
}

node_show() {
  node_load "$1"
  printf '%s %s %s %s %s\n' "$1" "$address" "$port" "$user" "$(cut -d ' ' -f 1,2 "$lab/$1/etc/ssh/ssh_host_ed25519_key.pub")"
}

# node_run NODE COMMAND...
node_run() {
  local pid
  pid=$(node_pid "$1") || die "node $1 is off"
  shift
  exec nsenter --target "$pid" --mount --pid --net --uts --ipc -- \
    env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 "$@"
}

# node_slow NODE [--delay MS] [--rate KBIT]: whatever is not given is as fast as it can be.
node_slow() {
  local name=$1 pid delay=0 rate=0
  shift
  while (($# > 0)); do
    case $1 in
      --delay) delay=${2:?--delay needs milliseconds} ;;
      --rate) rate=${2:?--rate needs kilobits a second} ;;
      *) die "unknown argument: $1" ;;
    esac
    shift 2
  done
  pid=$(node_pid "$name") || die "node $name is off"
  node_load "$name"
  # Connections survive that another cable is plugged in. This is not netem's, since many kernels lack it.
  cable_connect "$cable" "$bridge" "$address" "$pid" "$delay"
  cable_limit "$cable" "$pid" "$rate"
}

# node_kill NODE: with its first process all others die at once, and with the last its mounts and network.
node_kill() {
  local pid
  pid=$(node_pid "$1") || return 0
  kill -KILL "$pid"
  while node_pid "$1" >/dev/null; do
    sleep 0.02
  done
  node_load "$1"
  cable_remove "$cable"
}

node_remove() {
  local kind
  node_kill "$1"
  node_load "$1"
  cable_remove "$cable"
  for kind in incus lxd docker; do
    own_detach_disks "$lab/$1/var/lib" "$kind"
    own_remove_cgroups "$lab/$1/var/lib" "$kind"
  done
  find /sys/fs/cgroup -mindepth 1 -depth -type d -path "*/nexus-lab-$cable*" -exec rmdir {} + 2>/dev/null || true
}

# node_init NODE: what runs as the node's first process.
node_init() {
  local name=$1 folder=$lab/$1 pid
  node_load "$name"
  # /proc is still this machine's, and so is the number.
  read -r pid _ </proc/self/stat
  run_identity "$pid" >"$folder/init.partial"
  mv "$folder/init.partial" "$folder/init"
  node_mount "$folder"
  hostname "$name"
  cd "$folder/top" || die "there is no $folder/top"
  mkdir -p .old
  pivot_root . .old
  cd /
  umount --lazy /.old
  rmdir /.old

  [[ -e /var/lib/lab-ready ]] || node_first_boot "$name" "$user"
  until ip -4 address show dev eth0 2>/dev/null | grep -q inet; do
    sleep 0.02
  done
  /usr/sbin/sshd -D -E /var/log/sshd.log &
  node_daemon "$backend"
  unset NEXUS_LAB_PASSWORD
  # Whoever loses its parent becomes a child of this one, which buries it.
  while true; do
    wait -n || true
    sleep 1
  done
}

# node_mount FOLDER: the node's file system at FOLDER/top.
node_mount() {
  local folder=$1 top=$1/top name source target
  mount -t tmpfs -o mode=0755,size=16m node "$top"
  for name in bin sbin lib lib32 lib64 libx32; do
    [[ ! -L /$name ]] || cp --no-dereference "/$name" "$top/$name"
  done
  mkdir "$top"/{usr,etc,root,home,var,tmp,run,proc,sys,dev,opt,mnt,srv}
  for name in usr etc; do
    mount -t overlay -o "lowerdir=/$name,upperdir=$folder/$name,workdir=$folder/$name.work" "$name" "$top/$name"
  done
  for name in root home var; do
    mount --bind "$folder/$name" "$top/$name"
  done
  mount -t tmpfs -o mode=1777 tmp "$top/tmp"
  mount -t tmpfs -o mode=0755 run "$top/run"
  mkdir -p "$top"/run/{sshd,lock}
  mount -t proc proc "$top/proc"
  mount -t sysfs sysfs "$top/sys"
  own_mount_cgroups
  mount --rbind /sys/fs/cgroup "$top/sys/fs/cgroup"
  mount --rbind /dev "$top/dev"
  # Each boot has its own, as on a machine.
  cat /proc/sys/kernel/random/uuid >"$top/run/boot_id"
  mount --bind "$top/run/boot_id" "$top/proc/sys/kernel/random/boot_id"
  # The kernel mounts proc for a container only where one is to be seen that nothing is mounted over.
  mkdir "$top/run/proc"
  mount -t proc proc "$top/run/proc"
  for name in "${mounts[@]}"; do
    source=${name%%:*} target=$top${name#*:}
    if [[ -d $source ]]; then
      mkdir -p "$target"
    else
      mkdir -p "$(dirname "$target")"
      touch "$target"
    fi
    mount --bind "$source" "$target"
    mount -o remount,bind,ro "$target"
  done
}

# node_first_boot NAME USER: what an installer does.
node_first_boot() {
  local name=$1 user=$2 program
  for program in node nodejs npm npx corepack; do
    rm -f "/usr/bin/$program" "/usr/local/bin/$program"
  done
  printf '%s\n' "$name" >/etc/hostname
  printf '127.0.0.1 localhost\n127.0.1.1 %s\n' "$name" >/etc/hosts
  rm -f /etc/resolv.conf /etc/ssh/ssh_host_* /etc/ssh/sshd_config.d/*
  : >/etc/resolv.conf
  # Not by PAM: it asks for what a machine with an init system has.
  cat >/etc/ssh/sshd_config <<END
UsePAM no
PermitRootLogin yes
PasswordAuthentication $([[ -n $NEXUS_LAB_PASSWORD ]] && printf yes || printf no)
KbdInteractiveAuthentication no
Subsystem sftp internal-sftp
END
  ssh-keygen -q -t ed25519 -N '' -C '' -f /etc/ssh/ssh_host_ed25519_key
  getent group incus-admin >/dev/null || groupadd --system incus-admin
  getent passwd sshd >/dev/null || useradd --system --no-create-home --home-dir /run/sshd --shell /usr/sbin/nologin sshd
  # '*' and not '!': no password fits, but the account is not locked.
  usermod --password '*' root
  if [[ $user != root ]]; then
    userdel --force "$user" 2>/dev/null || true
    useradd --create-home --shell /bin/bash --groups incus-admin --password '*' "$user"
  fi
  [[ -z $NEXUS_LAB_PASSWORD ]] || printf '%s:%s\n' "$user" "$NEXUS_LAB_PASSWORD" | chpasswd
  : >/var/lib/lab-ready
}

# node_daemon KIND
node_daemon() {
  local program variable=INCUS_DIR
  case $1 in
    none) return ;;
    docker)
      node_docker
      return
      ;;
    lxd) variable=LXD_DIR ;;
  esac
  program=$(backend_program "$1")
  mkdir -p "/var/lib/$1" "/var/log/$1"
  env -u NEXUS_LAB_PASSWORD "$variable=/var/lib/$1" "$program" --group incus-admin --logfile "/var/log/$1/daemon.log" \
    >"/var/log/$1.log" 2>&1 &
}

# node_docker: on a disk of its own, since that holds each container to a size; /run/docker.sock leads to it, as anywhere.
node_docker() {
  local folder=/var/lib/docker
  mkdir -p "$folder/disks" "$folder/data"
  chmod 0711 "$folder"
  if [[ ! -f $folder/disks/docker.img ]]; then
    truncate --size 30G "$folder/disks/docker.img"
    mkfs.btrfs -q "$folder/disks/docker.img"
  fi
  mount -o loop "$folder/disks/docker.img" "$folder/data"
  chmod 0711 "$folder/data"
  btrfs quota enable "$folder/data"
  ln -sf "$folder/unix.socket" /run/docker.sock
  rm -f "$folder/unix.socket"
  printf '{}\n' >"$folder/daemon.json"
  env -u NEXUS_LAB_PASSWORD "$(backend_program docker)" --data-root "$folder/data/docker" --exec-root /run/docker \
    --host "unix://$folder/unix.socket" --pidfile /run/docker.pid --config-file "$folder/daemon.json" --group incus-admin \
    --cgroup-parent "/nexus-lab-$cable" --storage-driver btrfs --bridge none --userns-remap default --userland-proxy=false \
    >/var/log/docker.log 2>&1 &
}
