#!/bin/sh
# authorize-key.sh KEY: lets a public key into the login user's account. Does nothing if it is there. Prints "present FILE" or "added FILE".
# What is there is kept, a link to elsewhere in the home stays a link, and at no instant is the file half-written.
set -eu
umask 077
key=$1

refuse() {
  printf '%s\n' "$1" >&2
  exit 3
}

# owned PATH: refuses what another user could have put there.
owned() {
  [ "$(stat -L -c %u "$1")" = "$(id -u)" ] || refuse "$1 belongs to another user: nothing was changed"
}

home=$(cd "$HOME" && pwd -P)
folder=$home/.ssh
file=$folder/authorized_keys

if [ -e "$folder" ] || [ -L "$folder" ]; then
  [ -d "$folder" ] || refuse "$folder is there, and is no folder"
  owned "$folder"
else
  mkdir -m 0700 "$folder"
fi
# Write where the links lead, so that they stay; but nowhere out of the home.
folder=$(cd "$folder" && pwd -P)
case $folder/ in
  "$home"/*) ;;
  *) refuse "$file leads out of $home, to $folder: add the key there by hand" ;;
esac
if [ -L "$file" ]; then
  target=$(readlink -f "$file") || refuse "$file is a link to nowhere"
else
  target=$folder/authorized_keys
fi
case $target in
  "$home"/*) ;;
  *) refuse "$file leads out of $home, to $target: add the key there by hand" ;;
esac

# sshd ignores keys where others may write.
tidy() {
  chmod go-w "$folder" 2>/dev/null || true
  chmod 0600 "$target" 2>/dev/null || true
  if command -v restorecon >/dev/null 2>&1; then
    restorecon -R "$folder" >/dev/null 2>&1 || true
  fi
}

# Without its comment, which may differ.
bytes=$(printf '%s\n' "$key" | cut -d ' ' -f 1-2)
if [ -e "$target" ]; then
  [ -f "$target" ] || refuse "$target is there, and is no file"
  owned "$target"
  if grep -v '^[[:space:]]*#' "$target" | grep -qF "$bytes"; then
    tidy
    printf 'present %s\n' "$target"
    exit 0
  fi
fi

temporary=$(mktemp "$target.nexus.XXXXXX")
trap 'rm -f "$temporary"' EXIT
if [ -e "$target" ]; then
  cat "$target" >"$temporary"
  # A last line without an end would swallow the key.
  [ -z "$(tail -c 1 "$target")" ] || printf '\n' >>"$temporary"
fi
printf '%s\n' "$key" >>"$temporary"
chmod 0600 "$temporary"
sync "$temporary" 2>/dev/null || true
mv -f "$temporary" "$target"
trap - EXIT
tidy
printf 'added %s\n' "$target"
