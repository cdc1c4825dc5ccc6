# shellcheck shell=bash
# The folder of one run of hack/test, and what is left of runs that died. Needs log.sh, qemu.sh, network-traces.sh and $hack.

# run_create: makes this run's folder and prints it; everything of the run is in it, or carries its name in NEXUS_TEST_RUN.
run_create() {
  local run
  run=$(mktemp --directory /var/tmp/nexus-test.XXXXXX)
  run_identity $$ >"$run/owner"
  traces_list >"$run/traces"
  printf '%s\n' "$run"
}

# run_identity PID: the id and the start time of a process, since ids are used again; status 1 if it is dead.
run_identity() {
  local stat
  stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
  # The name may hold spaces; what follows it starts with the state, and has the start time as the 20th.
  stat=${stat##*) }
  [[ $stat != Z* ]] || return 1
  printf '%s %s\n' "$1" "$(cut -d ' ' -f 20 <<<"$stat")"
}

# run_clean_dead: what runs left that were killed.
run_clean_dead() {
  local run
  lab_clean_dead
  for run in /var/tmp/nexus-test.*; do
    [[ -d $run ]] || continue
    run_is_alive "$run" && continue
    warn "cleaning up after an earlier run that died ($run)"
    run_remove "$run"
  done
}

# lab_clean_dead: labs of nobody's run (see hack/lab) whose owner was killed.
lab_clean_dead() {
  local lab
  for lab in /var/tmp/nexus-lab.*; do
    [[ -d $lab ]] || continue
    run_is_alive "$lab" || { warn "removing a lab whose owner died ($lab)" && "${hack:?}/lab" down "$lab"; }
  done
}

# run_is_alive FOLDER: whether the process that it belongs to is.
run_is_alive() {
  local owner
  owner=$(cat "$1/owner" 2>/dev/null) || return 1
  [[ -n $owner && $(run_identity "${owner%% *}") == "$owner" ]]
}

# run_remove RUN: its processes, its daemons, its files.
run_remove() {
  local run=$1 home
  run_end_processes "$run"
  for home in "$run"/lab.*/; do
    [[ ! -d $home ]] || "${hack:?}/lab" down "${home%/}"
  done
  for home in "$run"/*/; do
    [[ -d $home/agent ]] && "${hack:?}/backend" stop --home "${home%/}"
  done
  traces_remove "$run/traces"
  run_folders "$run" | xargs -r -d '\n' rm -rf --one-file-system
  rm -rf --one-file-system "$run"
  qemu_remove_guard
}

# Daemons are ended by hack/backend; the rest here, by the mark in their environment, or, as QEMU's machines, by their folder.
run_end_processes() {
  local run=$1 pid signal
  for signal in TERM KILL; do
    for pid in $(run_processes "$run"); do
      kill "-$signal" "$pid" 2>/dev/null || true
    done
    for _ in {1..30}; do
      [[ -z $(run_processes "$run") ]] && return
      sleep 0.1
    done
  done
}

run_processes() {
  local folder
  {
    grep -lszxF -- "NEXUS_TEST_RUN=$1" /proc/[0-9]*/environ || true
    while read -r folder; do
      find /proc -mindepth 2 -maxdepth 2 -path '/proc/[0-9]*/cwd' -lname "$folder/*" 2>/dev/null || true
    done < <(printf '%s\n' "$1" && run_folders "$1")
  } | cut -d / -f 3 | sort -u
}

# run_folders RUN: what tests noted that they keep elsewhere, where paths of sockets may be short.
run_folders() {
  grep -x '/.*/nx-[A-Za-z0-9]*' "$1/folders" 2>/dev/null || true
}
