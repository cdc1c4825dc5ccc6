#!/bin/sh
# Takes in one file. Arguments: version, path, SHA-256, mode, and how its bytes on standard input are packed (none, gzip or zstd).
set -eu
umask 077
incoming=${NEXUS_HOME:-$HOME/.nexus}/agent-versions/.incoming-$1
target=$incoming/$2
part=$target.part.$$
trap 'rm -f "$part"' EXIT
mkdir -p "$(dirname "$target")"
case $5 in
gzip) gzip -dc >"$part" ;;
zstd) zstd -dcq >"$part" ;;
*) cat >"$part" ;;
esac
sum=$(sha256sum <"$part" | cut -d' ' -f1)
if [ "$sum" != "$3" ]; then
  echo "$2 arrived with SHA-256 $sum instead of $3" >&2
  exit 1
fi
chmod "$4" "$part"
mv -f "$part" "$target"
