#!/bin/sh
# revoke-key.sh KEY: takes a public key out of the login user's authorized_keys. Prints "removed FILE" or "absent FILE".
set -eu
umask 077
bytes=$(printf '%s\n' "$1" | cut -d ' ' -f 1-2)
file=$HOME/.ssh/authorized_keys
target=$(readlink -f "$file" 2>/dev/null) || target=$file
if [ ! -f "$target" ] || ! grep -qF "$bytes" "$target"; then
  printf 'absent %s\n' "$file"
  exit 0
fi
temporary=$(mktemp "$target.nexus.XXXXXX")
trap 'rm -f "$temporary"' EXIT
# Status 1: no line is left.
grep -vF "$bytes" "$target" >"$temporary" || [ $? -eq 1 ]
chmod 0600 "$temporary"
mv -f "$temporary" "$target"
trap - EXIT
printf 'removed %s\n' "$target"
