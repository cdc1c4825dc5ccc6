# shellcheck shell=bash
# The nexus server of one home, in the background. Needs log.sh and $root, the checkout.

# server_pid HOME: prints the id of the server that runs for HOME; status 1 if none does.
server_pid() {
  local pid
  pid=$(cat "$1/server.pid" 2>/dev/null) || return 1
  # The id may have been taken by somebody else since.
  grep -qsz '/cli/nexus\.js$' "/proc/$pid/cmdline" && grep -qszxF "NEXUS_HOME=$1" "/proc/$pid/environ" || return 1
  printf '%s\n' "$pid"
}

# server_start HOME PORT: waits until it is ready; does nothing if it is.
server_start() {
  local home=$1 port=$2 pid attempt
  if ! pid=$(server_pid "$home"); then
    note "starting nexus server on 127.0.0.1:$port (log: $home/server.log)"
    NEXUS_HOME=$home setsid nohup "${root:?}/hack/nexus" server --host 127.0.0.1 --port "$port" \
      </dev/null >>"$home/server.log" 2>&1 &
    pid=$!
    printf '%s\n' "$pid" >"$home/server.pid"
  fi
  for ((attempt = 0; attempt < 600; attempt++)); do
    if ! kill -0 "$pid" 2>/dev/null; then
      tail -n 10 "$home/server.log" >&2
      die "nexus server ended while starting" "its log: $home/server.log" \
        "if port $port is taken: hack/up --port OTHER"
    fi
    if curl --silent --fail --max-time 2 --output /dev/null "http://127.0.0.1:$port/readyz"; then
      return
    fi
    sleep 0.1
  done
  die "nexus server is not ready after a minute" "see http://127.0.0.1:$port/readyz and $home/server.log"
}

# server_stop HOME: lets it finish what it is writing.
server_stop() {
  local pid attempt
  pid=$(server_pid "$1") || return 0
  note "stopping nexus server ($pid)"
  kill -TERM "$pid" 2>/dev/null || true
  for ((attempt = 0; attempt < 300; attempt++)); do
    if ! server_pid "$1" >/dev/null; then
      rm -f "$1/server.pid"
      return
    fi
    sleep 0.1
  done
  warn "it does not end; killing it"
  kill -KILL "$pid" 2>/dev/null || true
  rm -f "$1/server.pid"
}
