# shellcheck shell=bash
# Finding and installing an LXD, Incus or Docker daemon. Needs log.sh, platform.sh and packages.sh.

# backend_answers SOCKET: whether a daemon that trusts us listens there.
backend_answers() {
  [[ -S $1 ]] && { docker_answers "$1" || curl --silent --max-time 10 --unix-socket "$1" http://backend/1.0 | grep -q '"auth":[[:space:]]*"trusted"'; }
}

# backend_version SOCKET: e.g. "incus 6.0.4".
backend_version() {
  docker_answers "$1" && docker_version "$1" && return
  curl --silent --max-time 10 --unix-socket "$1" http://backend/1.0 |
    sed -n 's/.*"server":[[:space:]]*"\([^"]*\)".*"server_version":[[:space:]]*"\([^"]*\)".*/\1 \2/p'
}

# backend_provider KIND: the provider that it is used for.
backend_provider() {
  if [[ $1 == docker ]]; then printf 'docker\n'; else printf 'lxc\n'; fi
}

# backend_known_sockets KIND: where daemons are usually found; KIND may be empty for LXD or Incus.
backend_known_sockets() {
  if [[ $1 == docker ]]; then
    [[ ${DOCKER_HOST:-} == unix://* ]] && printf '%s\n' "${DOCKER_HOST#unix://}"
    printf '%s\n' /run/docker.sock
    return
  fi
  if [[ $1 != lxd ]]; then
    [[ -n ${INCUS_DIR:-} ]] && printf '%s\n' "$INCUS_DIR/unix.socket"
    printf '%s\n' /run/incus/unix.socket /var/lib/incus/unix.socket
  fi
  if [[ $1 != incus ]]; then
    [[ -n ${LXD_DIR:-} ]] && printf '%s\n' "$LXD_DIR/unix.socket"
    printf '%s\n' /var/snap/lxd/common/lxd/unix.socket /var/lib/lxd/unix.socket
  fi
}

# backend_find KIND: prints the socket of a daemon that is there already; status 1 if there is none.
backend_find() {
  local socket
  while read -r socket; do
    if backend_answers "$socket"; then
      printf '%s\n' "$socket"
      return
    fi
  done < <(backend_known_sockets "$1")
  return 1
}

# backend_program KIND: prints the daemon's executable that can be run directly (a snap's cannot).
backend_program() {
  local path
  local -a paths=(/usr/libexec/incus/incusd /usr/lib/incus/incusd /opt/incus/bin/incusd)
  [[ $1 == lxd ]] && paths=(/usr/bin/lxd /usr/sbin/lxd /usr/lib/lxd/lxd)
  [[ $1 == docker ]] && paths=(/usr/sbin/dockerd /usr/bin/dockerd)
  for path in "${paths[@]}"; do
    if [[ -x $path ]]; then
      printf '%s\n' "$path"
      return
    fi
  done
  return 1
}

# Debian 12 has Incus in its backports only.
backend_add_backports() {
  local list=/etc/apt/sources.list.d/bookworm-backports.list mirror
  [[ $(os_release ID) == debian && $(os_release VERSION_CODENAME) == bookworm ]] || return 0
  apt_has incus-base && return
  mirror=${NEXUS_DEBIAN_MIRROR:-http://deb.debian.org/debian}
  note "adding bookworm-backports ($list)"
  printf 'deb %s bookworm-backports main\n' "$mirror" >"$list"
  apt_refresh
}

# backend_install KIND: packages only, nothing is started; status 1 if the distribution has none.
backend_install() {
  # What the daemon calls: copy-on-write pools, the bridge's DHCP and DNS, its firewall, image unpacking, id maps.
  local -a tools=(mkfs.btrfs btrfs-progs dnsmasq dnsmasq-base nft nftables unsquashfs squashfs-tools newuidmap uidmap
    setfattr attr zstd zstd)
  if [[ $1 == docker ]]; then
    ensure_packages mkfs.btrfs btrfs-progs iptables iptables
    backend_program docker >/dev/null && return
    apt_update
    apt_has docker.io && apt_install docker.io
    return
  fi
  ensure_packages "${tools[@]}"
  backend_program "$1" >/dev/null && return
  apt_update
  if [[ $1 == incus ]]; then
    backend_add_backports
    if apt_has incus-base; then
      apt_install incus-base incus-client
    elif apt_has incus; then
      apt_install incus
    else
      return 1
    fi
  elif apt_has lxd && ! apt-cache show lxd | grep -q 'snap'; then
    apt_install lxd lxd-client
  elif has_systemd && command -v snap >/dev/null; then
    note "installing the LXD snap"
    quietly snap install lxd
  else
    return 1
  fi
}

# backend_start_service KIND: the distribution's own unit; prints the socket.
backend_start_service() {
  local unit attempt
  local -a units=(incus.socket incus.service)
  [[ $1 == docker ]] && units=(docker.socket docker.service)
  [[ $1 == lxd ]] && units=(lxd.socket lxd.service snap.lxd.daemon.unix.socket)
  for unit in "${units[@]}"; do
    if systemctl cat "$unit" >/dev/null 2>&1; then
      quietly systemctl start "$unit" || true
    fi
  done
  for attempt in {1..60}; do
    backend_find "$1" && return
    ((attempt % 10 == 0)) && note "waiting for $1 (${attempt}s)"
    sleep 1
  done
  return 1
}
