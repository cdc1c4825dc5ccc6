#!/bin/sh
# Removes what the agent has kept in its home, and the home itself if nothing else is in it: it may be somebody's own, or that of a server.
set -eu
home=${NEXUS_HOME:-$HOME/.nexus}
[ -d "$home" ] || exit 0
rm -rf "$home/agent" "$home/images/current" "$home/images/current-machine"
rm -f "$home"/images/*.partial "$home"/images/*.machine-partial
rmdir "$home/images" 2>/dev/null || true
[ -e "$home/nexus.sqlite" ] || rm -f "$home/installation"
rmdir "$home" 2>/dev/null || true
