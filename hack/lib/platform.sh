# shellcheck shell=bash
# What machine this is, and whether it will do. Needs log.sh.

# The system's own programs first: npm packages bring a namesake of nft, and su leaves out sbin.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:$PATH

require_linux() {
  [[ $(uname -s) == Linux ]] || die "this needs Linux; this is $(uname -s)" \
    "run it on a Linux machine or in a virtual machine (e.g. Multipass, Lima, a cloud server with Debian 12 or Ubuntu 24.04)"
}

# require_root COMMAND: names the command to repeat.
require_root() {
  ((EUID == 0)) || die "this needs root" "run: sudo $*"
}

# require_apt: the distributions whose packages we know.
require_apt() {
  command -v apt-get >/dev/null || die "this needs Debian or Ubuntu (apt-get is not here)" \
    "on another distribution install Incus or LXD with its own tools, start it, and run this again"
}

has_systemd() {
  [[ -d /run/systemd/system ]]
}

# os_release KEY: e.g. ID, VERSION_CODENAME; empty if unknown.
os_release() {
  local key=$1
  (
    # shellcheck disable=SC1091 # present on every supported system
    source /etc/os-release 2>/dev/null || true
    printf '%s' "${!key:-}"
  )
}
