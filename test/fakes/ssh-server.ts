import type {ChildProcess} from 'node:child_process';
import {execFile, spawn} from 'node:child_process';
import {once} from 'node:events';
import {access, mkdir, mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import type {AddressInfo} from 'node:net';
import {createServer} from 'node:net';
import {tmpdir, userInfo} from 'node:os';
import {join} from 'node:path';
import {promisify} from 'node:util';

const run = promisify(execFile);

export const sshServerProgram = '/usr/sbin/sshd';

export async function hasSshServer(): Promise<boolean> {
  return await access(sshServerProgram).then(
    () => true,
    () => false,
  );
}

export type SshServer = AsyncDisposable & {
  readonly port: number;
  readonly user: string;
  /** The public host key, without comment. */
  readonly hostKey: string;
  /** Of another key that is not the host's. */
  readonly otherKey: string;
  /** Paths of private keys: one that is accepted, and one that is not. */
  readonly identityFile: string;
  readonly strangerFile: string;
};

/** A real sshd on a free loopback port, with keys of its own in a folder that goes with it. `config` are further lines of its configuration. */
export async function startSshServer({
  config = [],
}: {
  readonly config?: readonly string[];
} = {}): Promise<SshServer> {
  const folder = await mkdtemp(join(tmpdir(), 'nexus-sshd-'));
  const key = async (name: string) => {
    const path = join(folder, name);
    await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'nexus-test', '-f', path]);
    const [type, bytes] = (await readFile(`${path}.pub`, 'utf8')).split(' ');
    return {path, publicKey: `${type} ${bytes}`};
  };
  const [host, user, stranger] = [await key('host'), await key('user'), await key('stranger')];
  await writeFile(join(folder, 'authorized_keys'), `${user.publicKey}\n`, {mode: 0o600});
  const port = await freePort();
  await writeFile(
    join(folder, 'sshd_config'),
    [
      `ListenAddress 127.0.0.1:${port}`,
      `HostKey ${host.path}`,
      `AuthorizedKeysFile ${join(folder, 'authorized_keys')}`,
      'PidFile none',
      'StrictModes no',
      'UsePAM no',
      'PasswordAuthentication no',
      'PermitRootLogin prohibit-password',
      'MaxStartups 1000',
      ...config,
    ].join('\n'),
  );
  if (userInfo().uid === 0) {
    await mkdir('/run/sshd', {recursive: true, mode: 0o755});
  }
  const server = spawn(sshServerProgram, ['-D', '-e', '-f', join(folder, 'sshd_config')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  await listening(server);

  return {
    port,
    user: userInfo().username,
    hostKey: host.publicKey,
    otherKey: stranger.publicKey,
    identityFile: user.path,
    strangerFile: stranger.path,
    async [Symbol.asyncDispose]() {
      if (server.exitCode === null && server.signalCode === null) {
        server.kill('SIGTERM');
        await once(server, 'exit');
      }
      await rm(folder, {recursive: true, force: true});
    },
  };
}

async function listening(server: ChildProcess): Promise<void> {
  let said = '';
  for await (const chunk of server.stderr?.iterator({destroyOnReturn: false}) ?? []) {
    said += chunk;
    if (said.includes('Server listening on')) {
      server.stderr?.resume();
      return;
    }
  }
  throw new Error(`sshd did not start: ${said}`);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const {port} = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
