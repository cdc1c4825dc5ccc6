# shellcheck shell=bash
# What the scripts say: progress on stderr, so that stdout stays for results.

if [[ -t 2 && -z ${NO_COLOR:-} ]]; then
  log_bold=$'\e[1m' log_dim=$'\e[2m' log_red=$'\e[31m' log_yellow=$'\e[33m' log_reset=$'\e[0m'
else
  log_bold='' log_dim='' log_red='' log_yellow='' log_reset=''
fi

step_number=0
step_count=${step_count:-0}

# step TITLE: the next numbered step; set step_count first to show "[2/7]".
step() {
  step_number=$((step_number + 1))
  if ((step_count > 0)); then
    printf '%s[%d/%d] %s%s\n' "$log_bold" "$step_number" "$step_count" "$*" "$log_reset" >&2
  else
    printf '%s==> %s%s\n' "$log_bold" "$*" "$log_reset" >&2
  fi
}

note() {
  printf '%s    %s%s\n' "$log_dim" "$*" "$log_reset" >&2
}

warn() {
  printf '%swarning:%s %s\n' "$log_yellow" "$log_reset" "$*" >&2
}

# die WHAT [WHAT-TO-DO...]: ends the script with status 1.
die() {
  printf '%serror:%s %s\n' "$log_red" "$log_reset" "$1" >&2
  shift
  local hint
  for hint in "$@"; do
    printf '       %s\n' "$hint" >&2
  done
  exit 1
}

# usage SCRIPT: the comment at its beginning, which says what it does and how it is called.
usage() {
  sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$1"
}

# quietly COMMAND...: its output is shown only if it fails.
quietly() {
  local output status=0
  output=$("$@" 2>&1) || status=$?
  if ((status != 0)); then
    printf '%s\n' "$output" | tail -n 200 | sed 's/^/    | /' >&2
  fi
  return "$status"
}
