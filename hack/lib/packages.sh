# shellcheck shell=bash
# Debian and Ubuntu packages. Needs log.sh and platform.sh.

apt_updated=

# apt_update: at most once a run.
apt_update() {
  [[ -n $apt_updated ]] || apt_refresh
}

apt_refresh() {
  require_apt
  note "refreshing package lists"
  quietly apt-get update -q || warn "apt-get update failed; trying with the lists at hand"
  apt_updated=yes
}

# apt_install PACKAGE...: without recommends, and without starting or asking anything.
apt_install() {
  require_apt
  note "installing $*"
  DEBIAN_FRONTEND=noninteractive quietly apt-get install -qy --no-install-recommends "$@"
}

# apt_has PACKAGE: whether apt knows a version to install.
apt_has() {
  local candidate
  candidate=$(apt-cache policy "$1" 2>/dev/null | sed -n 's/^  Candidate: //p')
  [[ -n $candidate && $candidate != '(none)' ]]
}

# ensure_packages COMMAND PACKAGE [COMMAND PACKAGE]...: installs the packages whose command is not on PATH.
ensure_packages() {
  local -a missing=()
  while (($# > 0)); do
    command -v "$1" >/dev/null || missing+=("$2")
    shift 2
  done
  ((${#missing[@]} == 0)) && return
  apt_update
  apt_install "${missing[@]}" || die "could not install ${missing[*]}" "run: apt-get install ${missing[*]}"
}
