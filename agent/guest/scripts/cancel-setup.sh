# shellcheck shell=bash disable=SC2154 # what other files define
# Ends the run of setup commands, if there is one, with all that it started.
cancel() {
  if has_runit; then
    [ ! -s "$run/setup.invocation" ] || end_all "$(cat "$run/setup.invocation")"
  else
    systemctl stop nexus-setup.service 2>/dev/null
  fi
}
