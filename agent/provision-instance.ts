import type {Readable} from 'node:stream';
import type {Driver} from './driver.ts';
import {DriverError} from './driver.ts';

export type Provisioning = {
  readonly hostName: string;
  readonly authorizedKeys: string;
  readonly hostKey: string;
  /** The first job of an instance that has no systemd (`agent/guest/scripts/init.sh`); missing where there is one. */
  readonly init?: string;
};

/**
 * Makes a running instance of a plain Debian or Ubuntu image what one of `nexus/base` is from its first start. Answers with `uid:gid` of user
 * dev. May be repeated at any time, also after it was cut off. Rejects with DriverError.
 */
export async function provisionInstance(
  exec: Driver['exec'],
  uid: string,
  {
    hostName,
    authorizedKeys,
    hostKey,
    init = '',
    signal,
  }: Provisioning & {readonly signal?: AbortSignal | undefined},
): Promise<string> {
  const process = await exec(uid, {
    command: ['/bin/sh', '-s'],
    user: 'root',
    directory: '/',
    ...(signal === undefined ? {} : {signal}),
  });
  process.stdin.end(
    assignment('host_name', hostName) +
      assignment('authorized_keys', authorizedKeys) +
      assignment('host_key', hostKey) +
      assignment('init', init) +
      script,
  );
  const [output, complaint, exitCode] = await Promise.all([
    lastBytes(process.stdout),
    lastBytes(process.stderr),
    process.exitCode,
  ]);
  if (signal?.aborted) {
    throw new DriverError('TimedOut', 'provisioning was given up', {cause: signal.reason});
  }
  if (exitCode !== 0) throw failure(exitCode, complaint);

  const account = /^account=(\d+:\d+)$/m.exec(output)?.[1];
  if (account === undefined) throw new DriverError('Internal', 'provisioning ended without an account');
  return account;
}

function failure(exitCode: number, complaint: string): DriverError {
  const message = `the image could not be made ready (exit code ${exitCode}): ${complaint.trim()}`;
  if (/no space left/i.test(complaint)) return new DriverError('NoSpace', message);
  const isUnreachable =
    /resolv|could not connect|failed to fetch|network is unreachable|unable to locate package/i;
  return new DriverError(isUnreachable.test(complaint) ? 'NetworkUnreachable' : 'CommandFailed', message);
}

/** Of a stream that may be long, what is worth showing. */
async function lastBytes(stream: Readable): Promise<string> {
  let text = '';
  for await (const chunk of stream.setEncoding('utf8')) {
    text = `${text}${chunk}`.slice(-2000);
  }

  return text;
}

/** Base64 needs no quoting, and what comes over stdin is in no list of processes. */
function assignment(name: string, value: string): string {
  return `${name}=$(printf %s ${Buffer.from(value).toString('base64')} | base64 -d)\n`;
}

/** For any POSIX shell; may be run again at any time, also after it was cut off. Ends with `account=<uid>:<gid>` of user dev. */
const script = `
set -eu
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
umask 022

if command -v cloud-init >/dev/null; then
  cloud-init status --wait >/dev/null || true
fi

missing=
[ -x /usr/sbin/sshd ] || missing="$missing openssh-server"
command -v git >/dev/null || missing="$missing git ca-certificates"
command -v sudo >/dev/null || missing="$missing sudo"
if [ -n "$init" ]; then
  command -v tini >/dev/null || missing="$missing tini"
  command -v runsv >/dev/null || missing="$missing runit"
fi
if [ -n "$missing" ]; then
  command -v apt-get >/dev/null || { echo "$missing missing, and no apt-get to install with" >&2; exit 1; }
  # The address may still be on its way: a route to 00000000 is the default route.
  waited=0
  until awk '$2 == "00000000" {found = 1} END {exit !found}' /proc/net/route || [ "$waited" -ge 20 ]; do
    sleep 1
    waited=$((waited + 1))
  done
  dpkg --configure -a
  apt-get -qq -o DPkg::Lock::Timeout=300 -o Acquire::Retries=2 -o APT::Update::Error-Mode=any update
  # shellcheck disable=SC2086 # a list of words
  apt-get -qq -y -o DPkg::Lock::Timeout=300 --no-install-recommends install $missing >/dev/null
fi

printf '%s\\n' "$host_name" >/etc/hostname
# Where nobody inside may, the backend has given it the name.
hostname "$host_name" 2>/dev/null || true
grep -qxF "127.0.1.1 $host_name" /etc/hosts 2>/dev/null || printf '127.0.1.1 %s\\n' "$host_name" >>/etc/hosts

id -u dev >/dev/null 2>&1 || useradd --create-home --shell /bin/bash --user-group dev
# No password fits, but the account is not locked.
usermod --password '*' dev
printf 'dev ALL=(ALL:ALL) NOPASSWD: ALL\\n' >/etc/sudoers.d/dev
chmod 0440 /etc/sudoers.d/dev

mkdir -p /etc/nexus
(umask 077; mkdir -p /etc/nexus/private; printf '%s\\n' "$host_key" >/etc/nexus/private/ssh_host_ed25519_key)
printf '%s\\n' "$authorized_keys" >/etc/nexus/authorized_keys

# The first value counts, so it goes before what the image says.
cat >/etc/ssh/nexus.conf <<'END'
HostKey /etc/nexus/private/ssh_host_ed25519_key
AuthorizedKeysFile /etc/nexus/authorized_keys .ssh/authorized_keys
AuthenticationMethods publickey
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin no
AcceptEnv LANG LC_*
END
grep -q '^Include /etc/ssh/nexus.conf' /etc/ssh/sshd_config || sed -i '1i Include /etc/ssh/nexus.conf' /etc/ssh/sshd_config
mkdir -p /run/sshd
/usr/sbin/sshd -t
if [ -n "$init" ]; then
  # What runs first waits for this file, and becomes it.
  mkdir -p /usr/local/lib/nexus
  printf '%s\\n' "$init" >/usr/local/lib/nexus/init.new
  chmod 0755 /usr/local/lib/nexus/init.new
  mv /usr/local/lib/nexus/init.new /usr/local/lib/nexus/init
elif [ -d /run/systemd/system ]; then
  systemctl enable --quiet ssh.service
  systemctl restart ssh.service
else
  service ssh restart >/dev/null
fi

printf 'account=%s:%s\\n' "$(id -u dev)" "$(id -g dev)"
`;
