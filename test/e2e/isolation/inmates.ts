import assert from 'node:assert/strict';
import {generateHostKey} from '../../../agent/instances/host-key.ts';
import {sshFingerprint} from '../../../api/v1alpha1/ssh-fingerprint.ts';
import type {LabInstallation} from '../../lab/lab-installation.ts';
import type {LabNode} from '../../lab/lab-node.ts';
import type {Output} from '../program.ts';
import {declare, untilReady} from '../workspaces.ts';

/** A workspace, from inside. */
export type Inmate = {
  readonly name: string;
  readonly uid: string;
  /** On its node's bridge. */
  readonly address: string;
  /** A script for bash, as root inside: whoever has a workspace is root in it. Its arguments are $1, $2… */
  sh(script: string, ...args: readonly string[]): Promise<Output>;
  /** As `sh`; throws unless it ends with 0; answers with what it printed, trimmed. */
  must(script: string, ...args: readonly string[]): Promise<string>;
};

/** Two workspaces of different users on one node. */
export type Inmates = {
  readonly mallory: Inmate;
  readonly victim: Inmate;
  readonly node: LabNode;
  readonly installation: LabInstallation;
};

export type Target = readonly [address: string, port: number];

/** Says who it is, to whoever asks on port 8080, over TCP. */
const web = `exec node -e 'require("http").createServer((_, r) => r.end(require("os").hostname())).listen(8080)'`;

export async function createInmates(
  installation: LabInstallation,
  provider: 'lxc' | 'docker' | 'qemu',
): Promise<Inmates> {
  const {nexus, lab} = installation;
  const make = async (name: string): Promise<Inmate> => {
    const {publicKey} = generateHostKey();
    await nexus.client().create('User', {
      apiVersion: 'nexus.dev/v1alpha1',
      kind: 'User',
      metadata: {name: `owner-of-${name}`},
      spec: {sshKeys: [{publicKey, fingerprint: sshFingerprint(publicKey) ?? ''}], role: 'user'},
    });
    await declare(nexus.client(), name, {
      owner: `owner-of-${name}`,
      provider,
      node: 'a',
      resources: {cpus: 1, memory: '512MiB', disk: '2GiB'},
      services: [{name: 'web', command: web, port: 8080, healthCheck: {http: '/', interval: '500ms'}}],
    });
    const {metadata, status} = await untilReady(nexus, name, 300_000);
    const uid = metadata.uid ?? '';
    const sh: Inmate['sh'] = async (script, ...args) =>
      await nexus.cli('exec', '--user', 'root', name, '--', 'bash', '-c', script, 'bash', ...args);
    return {
      name,
      uid,
      address: status?.instance?.address ?? '',
      sh,
      async must(script, ...args) {
        const {code, stdout, stderr} = await sh(script, ...args);
        assert.equal(code, 0, `in ${name}: ${script}\n${stdout}${stderr}`);
        return stdout.trim();
      },
    };
  };
  const [mallory, victim] = await Promise.all([make('mallory'), make('victim')]);
  return {mallory, victim, node: lab.node('a'), installation};
}

/** Prints `open` or `closed` for each pair of arguments, in their order. */
const reachScript = `
i=0
while [ $# -gt 0 ]; do
  (timeout 3 bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$1" "$2" 2>/dev/null && echo "$i open" || echo "$i closed") &
  i=$((i + 1))
  shift 2
done
wait`;

/** Which of these accept a connection from inside. */
export async function reachable(from: Inmate, targets: readonly Target[]): Promise<readonly Target[]> {
  return opened(await from.must(reachScript, ...targets.flat().map(String)), targets);
}

/** Which of these accept a connection from the node itself: what shows that something is there. */
export async function reachableFromNode(
  node: LabNode,
  targets: readonly Target[],
): Promise<readonly Target[]> {
  return opened(await node.must(['bash', '-c', reachScript, 'bash', ...targets.flat().map(String)]), targets);
}

function opened(printed: string, targets: readonly Target[]): readonly Target[] {
  const open = new Set(
    printed.split('\n').flatMap(line => (line.endsWith('open') ? [Number.parseInt(line, 10)] : [])),
  );
  return targets.filter((_, index) => open.has(index));
}
