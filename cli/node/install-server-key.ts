import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {posixWords} from '../../controller/agent-client/posix-words.ts';
import {machineScript} from '../../controller/node-setup/machine-script.ts';
import type {Cli} from '../cli.ts';
import {runProgram} from '../spawned.ts';

export type KeyInstallation = {
  readonly address: string;
  readonly port: number;
  readonly user: string;
  /** The only key that the machine may show. */
  readonly hostKey: string;
  /** The server's, as a line of authorized_keys. */
  readonly publicKey: string;
};

/** Milliseconds. */
const timeout = 30_000;

/**
 * Lets the server's key into an account that the user's own ssh opens, by an agent or a key of theirs, which stay where they are. False when it does not
 * open it. Nothing is asked on the terminal.
 */
export async function installServerKey(
  cli: Pick<Cli, 'env' | 'signal'>,
  {address, port, user, hostKey, publicKey}: KeyInstallation,
): Promise<boolean> {
  const folder = await mkdtemp(path.join(tmpdir(), 'nexus-known-'));
  try {
    const knownHosts = path.join(folder, 'known_hosts');
    const alias = 'nexus-node';
    await writeFile(knownHosts, `${alias} ${hostKey}\n`, {mode: 0o600});
    const options = {
      HostKeyAlias: alias,
      UserKnownHostsFile: knownHosts,
      GlobalKnownHostsFile: '/dev/null',
      StrictHostKeyChecking: 'yes',
      UpdateHostKeys: 'no',
      BatchMode: 'yes',
      ConnectTimeout: '10',
      ForwardAgent: 'no',
      ForwardX11: 'no',
      ControlPath: 'none',
    };
    const {code} = await runProgram(
      'ssh',
      [
        ...Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`]),
        '-T',
        '-p',
        String(port),
        '-l',
        user,
        '--',
        address,
        posixWords(machineScript('authorize-key', publicKey)),
      ],
      {env: cli.env, signal: cli.signal, timeout},
    );
    return code === 0;
  } catch (error) {
    cli.signal.throwIfAborted();
    // Without an ssh on this machine there is nothing to try.
    return error instanceof Error ? false : Promise.reject(error);
  } finally {
    await rm(folder, {recursive: true, force: true});
  }
}
