#!/bin/sh
# Ends the agent and removes all its versions; what it has set up on backends, and its records, stay.
set -eu
folder=${NEXUS_HOME:-$HOME/.nexus}/agent-versions
if [ -x "$folder/current/nexus" ]; then "$folder/current/nexus" agent stop >/dev/null; fi
rm -rf "$folder"
