# shellcheck shell=bash disable=SC2154,SC2317,SC2329 # what other files define
# Services under runit, each with a runsv of its own that outlives this session, and with a log by svlogd. What is printed is what
# systemctl would print: one reader for both. A service is run once; it is the agent that starts it again.
use_runit() {
  sv=$run/sv
  mkdir -p "$sv"
  # For what runsv runs, which has nothing of this session.
  {
    declare -f run_as_dev processes_of end_all oom_kills
  } >"$run/supervision"

  # state DIR: down, run or finish; nothing without a runsv.
  state() {
    local line
    # As in "run, want down".
    has_runsv "$1" && read -r line <"$1/supervise/stat" && printf '%s\n' "${line%%,*}"
  }

  # wait_for DIR TIMES CONDITION...: in twentieths of a second.
  wait_for() {
    local dir=$1 times=$2
    shift 2
    for ((; times > 0; times--)); do
      "$@" "$dir" && return
      sleep 0.05
    done
    return 1
  }

  is_down() { [ "$(state "$1")" = down ]; }
  has_runsv() { sv status "$1" >/dev/null 2>&1; }
  has_no_runsv() { ! has_runsv "$1"; }
  # Whether the present invocation runs, or has ended already.
  has_begun() {
    grep -qF -- " $(cat "$1/invocation") " "$run/exits" || { [ "$(state "$1")" = run ] && [ -e "$1/begun" ]; }
  }

  describe_unit() {
    local name=${1##*/} pid=0 active=inactive
    if [ "$(state "$1")" = run ]; then
      active=active
      pid=$(cat "$1/supervise/pid")
    fi
    printf 'Id=workspace-%s.service\nActiveState=%s\nMainPID=%s\nInvocationID=%s\nDescription=%s %s\n\n' \
      "$name" "$active" "${pid:-0}" "$(cat "$1/invocation" 2>/dev/null)" "$name" "$(cat "$1/hash" 2>/dev/null)"
  }

  write_service() {
    local dir=$1 unit=$2 name=${1##*/}
    mkdir -p "$dir/log" "/var/log/nexus/services/$name"
    : >"$dir/down"
    sed -n 's/^WorkingDirectory=//p' <<<"$unit" >"$dir/directory"
    sed -n "s/^Description=$name //p" <<<"$unit" >"$dir/hash"
    cat >"$dir/run" <<'END'
#!/bin/bash
exec 2>&1
. /run/nexus/supervision
oom_kills >oom
: >begun
directory=$(cat directory) name=${PWD##*/}
run_as_dev "$(cat invocation)" /bin/bash -c 'cd -- "$1" || exit 200; exec /bin/bash /run/nexus/run-service "$2"' run "$directory" "$name"
END
    cat >"$dir/finish" <<'END'
#!/bin/bash
. /run/nexus/supervision
invocation=$(cat invocation)
end_all "$invocation"
if [ "$1" -ge 0 ]; then
  result=exit-code code=exited status=$1
else
  result=signal code=killed status=$(kill -l "$(($2 & 127))")
  [ "$status" != KILL ] || [ "$(oom_kills)" = "$(cat oom)" ] || result=oom-kill
fi
rm -f begun
printf '%s %s %s %s %s %s\n' "${PWD##*/}" "$(cat hash)" "$invocation" "$result" "$code" "$status" >>/run/nexus/exits
END
    printf '#!/bin/sh\nexec svlogd -l 16384 -b 32768 %s\n' "/var/log/nexus/services/$name" >"$dir/log/run"
    printf 's8388608\nn4\n' >"/var/log/nexus/services/$name/config"
    chmod 0755 "$dir/run" "$dir/finish" "$dir/log/run"
  }

  start_service() {
    local dir=$sv/$1
    if [ "$(state "$dir")" = run ]; then
      describe_unit "$dir" | grep -E '^(MainPID|InvocationID)='
      return
    fi
    mkdir -p "$run/services/$1"
    put "$run/services/$1/command" "$3" && put "$run/services/$1/environment" "$4" || return
    write_service "$dir" "$(base64 -d <<<"$2")" || return
    if ! has_runsv "$dir"; then
      setsid runsv "$dir" </dev/null >/dev/null 2>&1 &
    fi
    if ! wait_for "$dir" 100 has_runsv || ! wait_for "$dir" 300 is_down; then
      printf 'runsv does not take on %s\n' "$1"
      return 1
    fi
    new_invocation >"$dir/invocation"
    sv once "$dir" >/dev/null
    wait_for "$dir" 200 has_begun || { printf '%s was not begun\n' "$1"; return 1; }
    describe_unit "$dir" | grep -E '^(MainPID|InvocationID)='
  }

  stop_service() {
    local dir=$sv/$1
    if has_runsv "$dir"; then
      sv -w 10 force-stop "$dir" >/dev/null
      wait_for "$dir" 250 is_down
      sv exit "$dir" >/dev/null
      wait_for "$dir" 100 has_no_runsv
    fi
    rm -rf "$dir" "$run/services/$1"
  }

  list_units() {
    local dir
    set +f
    for dir in "$sv"/*; do
      [ ! -e "$dir/invocation" ] || describe_unit "$dir"
    done
    printf -- '--\n'
    cat "$run/exits"
  }
}
