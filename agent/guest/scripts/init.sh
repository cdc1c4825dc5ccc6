#!/bin/bash
# The first job of a workspace in which nobody runs systemd: a Docker container. tini is process 1, reaps what is left behind, and
# passes SIGTERM on to here; sshd runs for as long as the workspace does, under runsv. Services are begun by the agent
# (services-runit.sh), which this knows of only to end them in an orderly way.
set -u
[ "$$" != 1 ] || exec tini -- "$0"

umask 022
services=/run/nexus/sv
sshd=/run/nexus/sshd
mkdir -p /run/sshd "$services" "$sshd"
cat >"$sshd/run" <<'END'
#!/bin/sh
exec 2>&1
[ ! -x /usr/local/lib/nexus/host-key ] || /usr/local/lib/nexus/host-key
exec /usr/sbin/sshd -D -e
END
chmod 0755 "$sshd/run"

finish() {
  trap '' TERM
  shopt -s nullglob
  for service in "$services"/*/; do
    sv -w 8 force-stop "${service%/}" >/dev/null 2>&1 &
    stopping+=("$!")
  done
  [ "${#stopping[@]}" = 0 ] || wait "${stopping[@]}"
  sv -w 2 force-shutdown "$sshd" >/dev/null 2>&1
  exit 0
}
stopping=()
trap finish TERM INT

while :; do
  runsv "$sshd" &
  wait "$!"
  # It ends only if somebody kills it.
  sleep 1
done
