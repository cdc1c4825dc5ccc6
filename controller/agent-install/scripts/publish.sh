#!/bin/sh
# Makes a version that was gathered the current one: all or nothing. Keeps the one that was current before, and no others.
# Arguments: the version; standard input: "SHA-256 MODE PATH" lines of all its files.
set -eu
umask 077
folder=${NEXUS_HOME:-$HOME/.nexus}/agent-versions
version=$1
cd "$folder"
incoming=.incoming-$version
# Another installation of the same version may have come first.
[ -d "$incoming" ] && place=$incoming || place=$version
while read -r sum mode path; do
  actual=$(sha256sum <"$place/$path" | cut -d' ' -f1)
  if [ "$actual" != "$sum" ]; then
    echo "$folder/$place/$path has SHA-256 $actual instead of $sum" >&2
    exit 1
  fi
  chmod "$mode" "$place/$path"
done
# Does it run here at all: is the C library recent enough, may programs be run from this file system?
"./$place/nexus" version >/dev/null
if [ "$place" = "$incoming" ]; then
  find "$incoming" -name '*.part.*' -exec rm -f {} +
  sync -f "$incoming" 2>/dev/null || sync
  if [ -d "$version" ]; then
    rm -rf ".old-$version"
    mv -T "$version" ".old-$version"
  fi
  mv -T "$incoming" "$version"
fi
