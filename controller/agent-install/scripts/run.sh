#!/bin/sh
# Runs the installed agent, else the nexus on PATH. Arguments: those of nexus.
installed=${NEXUS_HOME:-$HOME/.nexus}/agent-versions/current/nexus
if [ -x "$installed" ]; then exec "$installed" "$@"; fi
if command -v nexus >/dev/null; then exec nexus "$@"; fi
echo "no agent is installed in ${installed%/current/nexus}, and no nexus is on PATH" >&2
exit 127
