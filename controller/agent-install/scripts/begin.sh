#!/bin/sh
# Readies the folder that a version is gathered in, from what is there already, and prints the path of each file that
# need not be sent. Arguments: the version; standard input: "SHA-256 PATH" lines of all its files.
set -eu
umask 077
folder=${NEXUS_HOME:-$HOME/.nexus}/agent-versions
version=$1
incoming=.incoming-$version
mkdir -p "$folder"
cd "$folder"
wanted=$(cat)
have() { [ -f "$2" ] && [ "$(sha256sum <"$2" | cut -d' ' -f1)" = "$1" ]; }

# present PLACE [whole]: the files that are right in it; with "whole", fails at the first that is not.
present() {
  while read -r sum path; do
    if have "$sum" "$1/$path"; then echo "$path"; elif [ $# -gt 1 ]; then return 1; fi
  done <<END
$wanted
END
}

if [ -d "$version" ] && all=$(present "$version" whole); then
  rm -rf "$incoming"
  echo "$all"
  exit 0
fi
# What did not change since another version is in that already, in the same place.
while read -r sum path; do
  mkdir -p "$incoming/$(dirname "$path")"
  have "$sum" "$incoming/$path" && continue
  for other in */; do
    other=${other%/}
    if [ ! -L "$other" ] && have "$sum" "$other/$path"; then
      ln -f "$other/$path" "$incoming/$path" 2>/dev/null || cp "$other/$path" "$incoming/$path"
      break
    fi
  done
done <<END
$wanted
END
present "$incoming"
