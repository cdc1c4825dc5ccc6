# shellcheck shell=bash
# Variables for logins. Standard input: a file for `.`. Login shells read it by profile.d; what ssh runs without a login shell by
# bash.bashrc, which bash reads there before anything returns for want of a terminal.
set -eu
mkdir -p /etc/nexus
umask 027
cat >/etc/nexus/environment.sh.new
chgrp "$(id -gn dev)" /etc/nexus/environment.sh.new
mv /etc/nexus/environment.sh.new /etc/nexus/environment.sh
umask 022
line='[ ! -r /etc/nexus/environment.sh ] || . /etc/nexus/environment.sh'
printf '%s\n' "$line" >/etc/profile.d/nexus.sh
if [ -f /etc/bash.bashrc ] && ! grep -qxF "$line" /etc/bash.bashrc; then
  { printf '%s\n' "$line"; cat /etc/bash.bashrc; } >/etc/bash.bashrc.new
  mv /etc/bash.bashrc.new /etc/bash.bashrc
fi
