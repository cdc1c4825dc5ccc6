# shellcheck shell=bash
# The network of one lab: a bridge on this machine, with the first address of a /24 that nothing else uses, and a cable to
# each node. Needs log.sh.

# lab_network_create: prints "BRIDGE SUBNET", of which the latter is the first three numbers of its addresses.
lab_network_create() {
  local id subnet
  id=$(od -An -N3 -tx1 /dev/urandom | tr -d ' ')
  subnet=$(lab_free_subnet)
  ip link add "nxl$id" type bridge
  ip address add "$subnet.1/24" dev "nxl$id"
  ip link set "nxl$id" up
  printf '%s %s\n' "nxl$id" "$subnet"
}

# lab_free_subnet: one that this machine knows no way to.
lab_free_subnet() {
  local attempt subnet
  for ((attempt = 0; attempt < 1000; attempt++)); do
    subnet=10.$((64 + RANDOM % 192)).$((RANDOM % 256))
    if ! ip -4 route show root "$subnet.0/24" | grep -q . &&
      ! ip -4 route show match "$subnet.0/24" | grep -qv '^default'; then
      printf '%s\n' "$subnet"
      return
    fi
  done
  die "this machine has routes to all of 10.64.0.0 to 10.255.255.255"
}

# cable_connect CABLE BRIDGE ADDRESS PID [DELAY]: a new cable from the bridge to the network namespace of a process; DELAY is in
# milliseconds each way.
cable_connect() {
  local cable=$1 pid=$4 delay=${5:-0}
  # The old one of a node whose power was cut goes when the kernel comes to it.
  cable_remove "$cable"
  if ((delay > 0)); then
    # With process substitution, since the line goes on after it has said that it is ready.
    read -r _ < <(setsid nohup "${hack:?}/lib/delay-line" "$cable" "$cable-in" "$delay" </dev/null 2>/dev/null) ||
      die "the slow cable $cable could not be made"
    ip link set "$cable-in" netns "$pid" name eth0
  else
    ip link add "$cable" type veth peer name eth0 netns "$pid"
  fi
  cable_plug "$@"
}

# cable_plug CABLE BRIDGE ADDRESS PID: its ends are there; one into the bridge, the other gets the address.
cable_plug() {
  local cable=$1 bridge=$2 address=$3 pid=$4
  local -a octets
  local -a inside=(nsenter --target "$pid" --net ip)
  IFS=. read -r -a octets <<<"$address"
  ip link set "$cable" master "$bridge" up
  "${inside[@]}" link set lo up
  # The same after each boot and with each cable, or neighbours would ask for the old one for a while.
  "${inside[@]}" link set eth0 address "$(printf '02:6c:%02x:%02x:%02x:%02x' "${octets[@]}")" up
  "${inside[@]}" address add "$address/24" dev eth0
  "${inside[@]}" route replace default via "${address%.*}.1"
}

cable_remove() {
  ip link delete "$1" 2>/dev/null || true
}

# cable_limit CABLE PID KBIT: each way; 0 takes the limit off.
cable_limit() {
  local -a limit=(root tbf rate "${3}kbit" burst 32kb latency 200ms)
  if (($3 > 0)); then
    tc qdisc replace dev "$1" "${limit[@]}"
    nsenter --target "$2" --net tc qdisc replace dev eth0 "${limit[@]}"
  else
    tc qdisc delete dev "$1" root 2>/dev/null || true
    nsenter --target "$2" --net tc qdisc delete dev eth0 root 2>/dev/null || true
  fi
}
