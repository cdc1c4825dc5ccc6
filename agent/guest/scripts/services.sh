# shellcheck shell=bash disable=SC2154 # what other files define
# The other end of a session with an instance, run by bash as root: one process for all services, so that a check costs no round
# trip through the backend. Reads lines `id function word…`, runs each in the background, and answers `part id base64` and
# `done id exit-code`. Exits of services, which whoever supervises them appends to a file, are passed on as `exit …`. Lines are
# shorter than PIPE_BUF, so that they never mix. Ends when its input ends.
#
# start_service, stop_service and list_units are systemd's or runit's: see services-systemd.sh and services-runit.sh.
set -uf
umask 022
# For dev's eyes only: environments hold secrets.
put() {
  base64 -d <<<"$2" >"$1.new" && chgrp "$(id -gn dev)" "$1.new" && chmod 0640 "$1.new" && mv "$1.new" "$1"
}

mkdir -p "$run/services"
touch "$run/exits"
tail -n 200 "$run/exits" >"$run/exits.new"
mv "$run/exits.new" "$run/exits"
cat >"$run/run-service" <<'END'
. "/run/nexus/services/$1/environment" && exec /bin/bash "/run/nexus/services/$1/command"
END
if has_runit; then use_runit; else use_systemd; fi

connect() {
  { exec 3<>"/dev/tcp/127.0.0.1/$1" || exec 3<>"/dev/tcp/::1/$1"; } 2>/dev/null || {
    printf 'nothing listens on port %s\n' "$1"
    return 1
  }
}

# A connection that is closed with something unread is reset, which makes many a small server fall over.
part_friendly() {
  timeout 1 cat <&3 >/dev/null 2>&1 &
}

check_tcp() {
  connect "$1" && part_friendly
}

check_http() {
  local line
  connect "$1" || return
  printf 'GET %s HTTP/1.1\r\nHost: localhost:%s\r\nUser-Agent: nexus\r\nConnection: close\r\n\r\n' "$2" "$1" >&3
  IFS= read -r -t "$3" -u 3 line || { printf 'no answer to GET %s\n' "$2"; return 1; }
  printf '%s\n' "$line"
  part_friendly
}

check_command() {
  cd "$3" || return
  # shellcheck disable=SC2016 # for the inner shell
  timeout -s KILL "$2" setpriv --reuid=dev --regid="$(id -g dev)" --init-groups -- \
    env HOME=/home/dev USER=dev LOGNAME=dev SHELL=/bin/bash \
    /bin/bash -c '. "$1" && exec /bin/bash -c "$2"' check "$run/services/$1/environment" "$(base64 -d <<<"$4")"
}

answer() {
  local id=$1 output code part
  shift
  output=$("$@" 2>&1 </dev/null)
  code=$?
  while IFS= read -r part; do
    printf 'part %s %s\n' "$id" "$part"
  done < <(tail -c 60000 <<<"$output" | base64 -w 3000)
  printf 'done %s %s\n' "$id" "$code"
}

printf 'ready\n'
tail -n +1 -s 5 --pid=$$ -F "$run/exits" 2>/dev/null | while IFS= read -r line; do printf 'exit %s\n' "$line"; done &
while IFS= read -r request; do
  # shellcheck disable=SC2086 # words, and globbing is off
  answer $request &
done
