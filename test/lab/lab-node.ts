import path from 'node:path';
import type {Output} from '../e2e/program.ts';
import {runProgram} from '../e2e/program.ts';

export type LabNode = {
  readonly name: string;
  /** Of its own, as is every port of it. */
  readonly address: string;
  /** Where its sshd listens. */
  readonly port: number;
  readonly user: string;
  /** As a Node's spec has it: `ssh-ed25519 AAAA…`. */
  readonly hostKey: string;
  /** Of its container daemon, by a path of this machine. */
  readonly backendSocket: string | undefined;
  /** What is in its /root, /home and /var, by a path of this machine: `file('/var/log/sshd.log')`. */
  file(path: string): string;
  /** On the node, as root, with nothing of the test's environment. Rejects only when it can't be started, as when the node is off. */
  run(command: readonly string[], options?: {readonly stdin?: string | Buffer}): Promise<Output>;
  /** As {@link run}; throws unless it ends with 0; answers with its standard output. */
  must(command: readonly string[], options?: {readonly stdin?: string | Buffer}): Promise<string>;
  /** Lets a public key log in as the login user. */
  authorize(publicKey: string): Promise<void>;
  /** Takes the cable out at the other end: nobody is told, packets just vanish, both ways. */
  cutOff(): Promise<void>;
  reconnect(): Promise<void>;
  /** Milliseconds and kilobits a second, each way, of all that goes to and from it; what is not given is as fast as ever. */
  slow(limits: {readonly delay?: number; readonly rate?: number}): Promise<void>;
  /** A power cut: every process of it, containers' included, is gone at once. What is on its disk stays. */
  kill(): Promise<void>;
  /** After {@link kill}: as a machine boots, with another boot id. Resolves once sshd and container daemon answer. */
  boot(): Promise<void>;
};

export type LabNodeOptions = {
  /** As hack/lab prints it. */
  readonly line: string;
  readonly folder: string;
  readonly script: (args: readonly string[]) => Promise<string>;
  readonly backend: 'incus' | 'lxd' | 'docker' | 'none';
};

/** Adds standard input to authorized_keys of the user $1. */
const authorizeScript = `set -eu
home=$(getent passwd "$1" | cut -d : -f 6)
install -d -m 0700 -o "$1" -g "$1" "$home/.ssh"
cat >>"$home/.ssh/authorized_keys"
chown "$1:$1" "$home/.ssh/authorized_keys"
chmod 0600 "$home/.ssh/authorized_keys"`;

export function createLabNode({line, folder, script, backend}: LabNodeOptions): LabNode {
  const [name = '', address = '', port = '', user = '', ...hostKey] = line.split(' ');
  const tell = async (verb: string, ...more: readonly string[]) =>
    void (await script([verb, folder, name, ...more]));
  const file = (file: string) => path.join(folder, name, file);
  const run: LabNode['run'] = async (command, {stdin} = {}) =>
    await runProgram(path.resolve(import.meta.dirname, '../../hack/lab'), ['run', folder, name, ...command], {
      cwd: '/',
      env: {PATH: process.env.PATH},
      ...(stdin === undefined ? {} : {stdin}),
    });
  const must: LabNode['must'] = async (command, options) => {
    const {code, stdout, stderr} = await run(command, options);
    if (code !== 0) {
      throw new Error(`${command.join(' ')} on node ${name} ended with ${code}\n${stdout}${stderr}`);
    }

    return stdout;
  };

  return {
    name,
    address,
    port: Number(port),
    user,
    hostKey: hostKey.join(' '),
    backendSocket: backend === 'none' ? undefined : file(`/var/lib/${backend}/unix.socket`),
    file,
    run,
    must,
    async authorize(publicKey) {
      await must(['sh', '-c', authorizeScript, 'sh', user], {stdin: `${publicKey.trim()}\n`});
    },
    cutOff: async () => await tell('cut'),
    reconnect: async () => await tell('join'),
    async slow({delay = 0, rate = 0}) {
      await tell('slow', '--delay', String(delay), '--rate', String(rate));
    },
    kill: async () => await tell('kill'),
    boot: async () => await tell('boot'),
  };
}
