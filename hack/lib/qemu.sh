# shellcheck shell=bash
# QEMU as a backend: packages, and what its machines leave on the node. Needs log.sh, platform.sh and packages.sh.

# User ids of machines' processes, as in agent/qemu/slot.ts.
readonly qemu_first_user=1879048192 qemu_last_user=1883242495

# qemu_install: prints the path of the program.
qemu_install() {
  ensure_packages qemu-system-x86_64 qemu-system-x86 qemu-img qemu-utils nft nftables
  command -v qemu-system-x86_64
}

# The rules that keep machines from the node, unless there still are machines: of whatever installation.
qemu_remove_guard() {
  command -v nft >/dev/null || return 0
  ps -eo uid= | awk -v first=$qemu_first_user -v last=$qemu_last_user '$1 >= first && $1 <= last {found = 1} END {exit !found}' ||
    nft delete table inet nexus_qemu 2>/dev/null || true
}
