#!/bin/sh
# Makes an installed version the current one, in one step, and keeps the one that was as "previous"; removes all others.
# Arguments: the version. Prints the version that was current before, if any.
set -eu
folder=${NEXUS_HOME:-$HOME/.nexus}/agent-versions
version=$1
cd "$folder"
[ -x "$version/nexus" ]
before=$(readlink current || true)
if [ "$before" != "$version" ]; then
  if [ -n "$before" ] && [ -x "$before/nexus" ]; then
    ln -s "$before" ".previous.$$"
    mv -fT ".previous.$$" previous
  fi
  ln -s "$version" ".current.$$"
  mv -fT ".current.$$" current
fi
previous=$(readlink previous || true)
for entry in * .old-* .incoming-*; do
  case $entry in
  current | previous | "$version" | "$previous") ;;
  *) rm -rf -- "./$entry" ;;
  esac
done
sync -f . 2>/dev/null || sync
echo "$before"
