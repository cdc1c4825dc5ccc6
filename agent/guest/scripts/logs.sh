# shellcheck shell=bash
# The log of a service, or of the setup commands. Arguments: service or setup, name, lines (a number or all), follow (yes or nothing).
kind=$1 name=$2 lines=$3 follow=$4
if [ "$kind" = setup ]; then
  [ "$lines" != all ] || lines=+1
  # By name, since a new run of the setup begins a new file.
  exec tail ${follow:+-F} --lines="$lines" /var/log/nexus/setup.log
fi
if ! has_runit; then
  # Not --unit, which adds what systemd itself says of the unit.
  exec journalctl ${follow:+--follow} "_SYSTEMD_UNIT=workspace-$name.service" --output=cat --no-pager --lines="$lines"
fi
cd "/var/log/nexus/services/$name" 2>/dev/null || { [ -n "$follow" ] || exit 0; mkdir -p "/var/log/nexus/services/$name" && cd "/var/log/nexus/services/$name" || exit; }
shopt -s nullglob
old=(@*)
if [ "${#old[@]}" -gt 0 ]; then
  # What was put aside is older than what is being written.
  if [ "$lines" = all ]; then
    cat "${old[@]}"
  else
    written=$(wc -l <current)
    [ "$written" -ge "$lines" ] || cat "${old[@]}" | tail --lines="$((lines - written))"
  fi
fi
[ "$lines" != all ] || lines=+1
exec tail ${follow:+-F} --lines="$lines" current
