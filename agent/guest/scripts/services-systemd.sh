# shellcheck shell=bash disable=SC2154,SC2317,SC2329 # what other files define
# Services as units of systemd. They are named workspace-<service>.service; nexus- is for the base image's own.
use_systemd() {
  units=/run/systemd/system
  # An instance that was started this moment has not made the folder yet.
  for _ in {1..100}; do
    if [ -d "$units" ] || ! command -v systemctl >/dev/null; then break; fi
    sleep 0.1
  done
  if [ ! -d "$units" ] || ! command -v systemctl >/dev/null; then
    printf 'unsupported\n'
    exit 0
  fi
  cat >"$run/record-exit" <<'END'
printf '%s %s %s %s %s %s\n' "$1" "$2" "$INVOCATION_ID" "$SERVICE_RESULT" "$EXIT_CODE" "$EXIT_STATUS" >>/run/nexus/exits
END

  start_service() {
    local unit="$units/workspace-$1.service"
    mkdir -p "$run/services/$1"
    put "$run/services/$1/command" "$3" && put "$run/services/$1/environment" "$4" || return
    base64 -d <<<"$2" >"$unit.new"
    if [ -e "$unit" ] && ! cmp -s "$unit.new" "$unit"; then
      mv "$unit.new" "$unit"
      systemctl daemon-reload
    else
      mv "$unit.new" "$unit"
    fi
    systemctl reset-failed "workspace-$1.service" 2>/dev/null
    systemctl start "workspace-$1.service"
    systemctl show -p MainPID,InvocationID "workspace-$1.service"
  }

  stop_service() {
    systemctl stop "workspace-$1.service" 2>/dev/null
    systemctl reset-failed "workspace-$1.service" 2>/dev/null
    rm -rf "$units/workspace-$1.service" "$run/services/$1"
    systemctl daemon-reload
  }

  list_units() {
    cd "$units" || return
    set +f
    set -- workspace-*.service
    [ ! -e "$1" ] || systemctl show -p Id,ActiveState,MainPID,InvocationID,Description "$@"
    printf -- '--\n'
    cat "$run/exits"
  }
}
