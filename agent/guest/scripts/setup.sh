# shellcheck shell=bash disable=SC2154 # what other files define
# Runs the setup commands apart from this session, so that they go on when the agent does not; again with the same hash, waits for that
# run or tells how it ended. Arguments: hash, directory. Standard input, base64 lines: the environment, then the commands.
# Prints `step n` as it goes on and `result exit-code step` and the end of the output at last.
set -u
hash=$1 directory=$2
state=/var/lib/nexus/setup
log=/var/log/nexus/setup.log
if ! has_runit && [ ! -d /run/systemd/system ]; then
  printf 'this image runs neither systemd nor runit, one of which setup needs; use one that does, such as nexus/base\n' >&2
  exit 19
fi

running() {
  if has_runit; then
    [ -s "$run/setup.invocation" ] && [ -n "$(processes_of "$(cat "$run/setup.invocation")")" ]
  else
    systemctl is-active --quiet nexus-setup.service
  fi
}

start_run() {
  if has_runit; then
    local invocation
    invocation=$(new_invocation)
    mkdir -p "$run"
    printf '%s' "$invocation" >"$run/setup.invocation"
    declare -f run_as_dev processes_of end_all >"$run/supervision.setup"
    # What the commands leave running ends with them, as in a unit.
    # shellcheck disable=SC2016 # for the inner shell
    setsid bash -c '. "$1"; (run_as_dev "$2" /bin/bash "$3/run") >>"$4" 2>&1; end_all "$2"' \
      setup "$run/supervision.setup" "$invocation" "$state" "$log" </dev/null >/dev/null 2>&1 &
    for _ in {1..100}; do
      if running || [ -f "$state/result" ]; then break; fi
      sleep 0.05
    done
    return
  fi
  cat >/run/systemd/system/nexus-setup.service <<END
[Unit]
Description=Setup of the workspace

[Service]
Type=exec
User=dev
ExecStart=/bin/bash $state/run
StandardOutput=append:$log
StandardError=append:$log
KillMode=control-group
TimeoutStopSec=5
END
  systemctl daemon-reload
  systemctl reset-failed nexus-setup.service 2>/dev/null
  systemctl start nexus-setup.service
}

begin() {
  cancel
  rm -rf "$state"
  mkdir -p "$state" "${log%/*}"
  (
    umask 077
    IFS= read -r line
    base64 -d <<<"$line" >"$state/environment"
    count=0
    while IFS= read -r line; do
      base64 -d <<<"$line" >"$state/$count.command"
      count=$((count + 1))
    done
  )
  printf '%s' "$directory" >"$state/directory"
  cat >"$state/run" <<'END'
state=/var/lib/nexus/setup
. "$state/environment"
end() {
  printf '%s %s\n' "$1" "$step" >"$state/result.new" && mv "$state/result.new" "$state/result"
  exit "$1"
}
step=0
cd "/home/dev/$(cat "$state/directory")" || end 1
while [ -f "$state/$step.command" ]; do
  printf '%s\n' "$step" >"$state/step"
  printf '==> step %s: %s\n' "$((step + 1))" "$(head -n 1 "$state/$step.command")"
  /bin/bash "$state/$step.command" </dev/null || end "$?"
  step=$((step + 1))
done
step=$((step > 0 ? step - 1 : 0))
end 0
END
  chown -R dev: "$state"
  : >"$log"
  printf '%s' "$hash" >"$state/hash"
  start_run
}

if [ "$(cat "$state/hash" 2>/dev/null)" != "$hash" ] || { [ ! -f "$state/result" ] && ! running; }; then
  begin
fi

last=
while [ ! -f "$state/result" ] && running; do
  step=$(cat "$state/step" 2>/dev/null)
  [ "$step" = "$last" ] || printf 'step %s\n' "$step"
  last=$step
  sleep 0.1
done
if [ -f "$state/result" ]; then
  read -r code step <"$state/result"
else
  # Killed, or ended by a restart of the instance: no result of its own.
  code=137 step=$(cat "$state/step" 2>/dev/null)
fi
# Only success is worth remembering: asked again after a failure, it runs again.
[ "$code" = 0 ] || rm -f "$state/hash"
printf 'result %s %s\n' "$code" "${step:-0}"
tail -c 4000 "$log"
