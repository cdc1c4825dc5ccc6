#!/bin/sh
# Leaves the installed agent aside: what is started is the nexus on PATH again, which was there before any was installed.
set -eu
rm -f "${NEXUS_HOME:-$HOME/.nexus}/agent-versions/current"
