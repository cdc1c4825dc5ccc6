# shellcheck shell=bash
# What a daemon that was killed leaves in the kernel: pairs of virtual cables that lead nowhere, and rules of a bridge for cables that are gone. A daemon that
# runs again does not know of them. Needs nothing.
#
# Whose they are can't be asked of anybody, so that only what holds all of this is removed: it was not there when the run began; it carries Nexus's mark, which is
# the beginning of a cable's hardware address (see hardwareAddress in agent/lxd) or the project in the name of a rule's chain; and it is of no use to anybody,
# also when it is looked at again a moment later. So nothing of another Incus is touched, be there a Nexus on it or not, nor of another run that goes on.

# traces_list: one a line, "chain TABLE NAME" or "cable NAME".
traces_list() {
  local table chain cable end
  for table in incus lxd; do
    while read -r chain cable; do
      if [[ $chain =~ ^(in|fwd|out)\.nexus-[0-9a-f]+_nexus-[0-9a-f-]+\. ]] && ! cable_is_used "$cable"; then
        printf 'chain %s %s\n' "$table" "$chain"
      fi
    done < <(bridge_chains "$table")
  done
  for end in /sys/class/net/veth*; do
    [[ -e $end && $(cat "$end/address" 2>/dev/null) == 0a:6e:* ]] || continue
    cable=${end##*/}
    cable_is_used "$cable" || printf 'cable %s\n' "$cable"
  done
}

# traces_remove FILE: those that FILE, an earlier list, does not have.
traces_remove() {
  local known=$1 found kind table name
  [[ -f $known ]] || return 0
  found=$(new_traces "$known")
  if [[ -n $found ]]; then
    sleep 2
    found=$(grep -Fxf <(new_traces "$known") <<<"$found" || true)
  fi
  while read -r kind table name; do
    case $kind in
      chain) nft delete chain bridge "$table" "$name" 2>/dev/null || true ;;
      cable) ip link delete "$table" 2>/dev/null || true ;;
    esac
  done <<<"$found"
  remove_empty_tables bridge incus lxd
}

# remove_empty_tables FAMILY TABLE...: what is empty is nobody's.
remove_empty_tables() {
  local family=$1 table
  shift
  for table in "$@"; do
    if [[ $(nft list table "$family" "$table" 2>/dev/null | wc -l) -eq 2 ]]; then
      nft delete table "$family" "$table"
    fi
  done
}

new_traces() {
  traces_list | grep -Fxvf "$1" || true
}

# bridge_chains TABLE: the name of each chain, and the cable that its rules are for.
bridge_chains() {
  { nft list table bridge "$1" 2>/dev/null || true; } | awk '
    $1 == "chain" { chain = $2; cable = "" }
    $1 == "iifname" && cable == "" { gsub(/"/, "", $2); cable = $2 }
    $1 == "}" && chain != "" { print chain, cable; chain = "" }
  '
}

# cable_is_used NAME: whether it is there, and not loose at both ends: of a container that runs, the other end is in its own namespace.
cable_is_used() {
  local end=/sys/class/net/$1 other index
  [[ -n $1 && -e $end ]] || return 1
  [[ ! -e $end/master ]] || return 0
  index=$(cat "$end/ifindex" 2>/dev/null) || return 1
  for other in /sys/class/net/veth*; do
    # Each is the other's other end: numbers alone are used in every namespace.
    if [[ $(cat "$other/iflink" 2>/dev/null) == "$index" && $(cat "$other/ifindex") == "$(cat "$end/iflink")" ]]; then
      # Said outright: in a trap, where a run ends, a bare return would say how the run went.
      [[ -e $other/master ]] || return 1
      return 0
    fi
  done
  return 0
}
