# shellcheck shell=bash
# Ends what people have running, services and setup with it, and then looks for unsaved work: nothing is left that could do any more of it. Run as
# root. Arguments: seconds that all of it gets to end by itself, the script that looks, what that is given.
set -u
grace=$1 look=$2
shift 2
dev=$(id -u dev) || exit

# Processes of dev, and of sessions in which somebody has become root.
theirs() {
  local pid
  {
    grep -lsE "^Uid:[[:space:]]+${dev}[[:space:]]" /proc/[0-9]*/status
    grep -ls ':/user\.slice/' /proc/[0-9]*/cgroup
  } | cut -d / -f 3 | sort -u | while read -r pid; do
    # What has ended already and was not reaped can't be ended.
    ! grep -qsE '^State:[[:space:]]+[^ZX]' "/proc/$pid/status" || printf '%s\n' "$pid"
  done
}

# Asks a process to end: one that was halted ends once it goes on, and a shell at a terminal when that is gone.
ask() {
  local stat
  local -a fields
  read -r stat 2>/dev/null <"/proc/$1/stat" || return 0
  read -r -a fields <<<"${stat##*) }"
  kill -TERM "$1" 2>/dev/null
  [ "${fields[4]:-0}" = 0 ] || kill -HUP "$1" 2>/dev/null
  kill -CONT "$1" 2>/dev/null
}

# Whether nobody is left within so many seconds, and up to one more. By the time that passes: to look takes a while itself, with many processes or
# where the processor is emulated.
end_within() {
  local last=$((SECONDS + $1))
  while [ -n "$(theirs)" ]; do
    [ "$SECONDS" -le "$last" ] || return
    sleep 0.1
  done
}

if [ "$grace" != 0 ]; then
  for pid in $(theirs); do
    ask "$pid"
  done
  end_within "$grace"
fi
# More than once: what is killed may just have started another. Half the time that there is for the look.
last=$((SECONDS + 10))
while pids=$(theirs) && [ -n "$pids" ] && [ "$SECONDS" -le "$last" ]; do
  # shellcheck disable=SC2086 # words
  kill -KILL $pids 2>/dev/null
  sleep 0.1
done
if [ -n "$pids" ]; then
  printf 'some of what runs in the workspace can not be ended\n' >&2
  exit 1
fi
cd /home/dev || exit
exec setpriv --reuid=dev --regid="$(id -g dev)" --init-groups -- \
  env HOME=/home/dev USER=dev LOGNAME=dev SHELL=/bin/bash /bin/bash -c "$look" nexus-inspect "$@"
