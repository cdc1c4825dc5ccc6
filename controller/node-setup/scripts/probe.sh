#!/bin/sh
# What the checks of a node go by: a line for each fact, its name, a blank, its value. The first line proves that the shell says nothing of
# its own before a program does. Changes nothing.
set -u

say() {
  printf '%s %s\n' "$1" "$2"
}

has() {
  command -v "$1" >/dev/null 2>&1
}

# socket BACKEND PATH: status 1 if it is none.
socket() {
  [ -S "$2" ] || return 1
  if [ -r "$2" ] && [ -w "$2" ]; then
    say socket "$1 open $2"
  else
    # shellcheck disable=SC2012 # a group's name has no blanks
    say socket "$1 closed $2 $(ls -ldn "$2" 2>/dev/null | cut -d ' ' -f 1) $(stat -c %G "$2" 2>/dev/null)"
  fi
}

say nexus-probe 1
say user "$(id -un 2>/dev/null || id -u)"
say uid "$(id -u)"
say home "$HOME"
[ -d "$HOME" ] && [ -w "$HOME" ] && say writable yes
say kernel "$(uname -s)"
say machine "$(uname -m)"
[ -r /etc/os-release ] && say system "$(sed -n 's/^PRETTY_NAME="\{0,1\}\([^"]*\)"\{0,1\}$/\1/p' /etc/os-release | head -n 1)"
say free "$(df -Pk "$HOME" 2>/dev/null | tail -n 1)"

# The places of the agent itself: agent/system/backend-socket.ts.
configured=$(sed -n 's/.*"socket": *"\([^"]*\)".*/\1/p' "${NEXUS_HOME:-$HOME/.nexus}/agent/config.json" 2>/dev/null)
if [ -n "$configured" ]; then
  socket container "$configured"
else
  for place in ${INCUS_DIR:+"$INCUS_DIR/unix.socket"} /run/incus/unix.socket /var/lib/incus/unix.socket; do
    socket incus "$place" && break
  done
  for place in ${LXD_DIR:+"$LXD_DIR/unix.socket"} /var/snap/lxd/common/lxd/unix.socket /var/lib/lxd/unix.socket; do
    socket lxd "$place" && break
  done
fi
for place in ${DOCKER_HOST:+"${DOCKER_HOST#unix://}"} /run/docker.sock /var/run/docker.sock; do
  socket docker "$place" && break
done
# As agent/qemu finds it: there is an image for x86-64 alone.
if [ "$(uname -m)" = x86_64 ] && has qemu-system-x86_64 && has qemu-img; then
  say qemu "$(command -v qemu-system-x86_64)"
fi
if [ -e /dev/kvm ]; then
  if [ -r /dev/kvm ] && [ -w /dev/kvm ]; then say kvm open; else say kvm closed; fi
fi
for program in incus incusd lxd docker dockerd; do
  has "$program" && say program "$program"
done
# Last, so that its answer is as fresh as the end of this is to who reads it.
say time "$(date +%s.%N)"
