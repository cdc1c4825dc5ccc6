import {readFile} from 'node:fs/promises';
import path from 'node:path';
import {apiVersion} from '../../api/v1alpha1/metadata.ts';
import type {BackendByHand} from '../e2e/backend-by-hand.ts';
import {createBackendByHand} from '../e2e/backend-by-hand.ts';
import type {Installation} from '../e2e/installation.ts';
import {createInstallation} from '../e2e/installation.ts';
import type {Lab} from './lab.ts';
import {createLab} from './lab.ts';
import type {LabNode} from './lab-node.ts';

export type LabInstallation = AsyncDisposable & {
  readonly nexus: Installation;
  readonly lab: Lab;
  /** What is on the container daemon of a node, by name. */
  backendOf(node: string): BackendByHand;
};

export type LabInstallationOptions = {
  readonly nodes: number;
  readonly backend?: 'incus' | 'lxd' | 'docker';
  /** Of `nexus/base`. */
  readonly tarball: string;
};

const checkout = path.resolve(import.meta.dirname, '../..');
const image = '/mnt/base.tar.zst';
const command = ['/opt/nexus/hack/nexus', 'agent'];

/**
 * A server on this machine, whose own node has no backend, and other machines that are its nodes by ssh, under their names in the lab, all Ready. They run
 * the agent from this checkout.
 */
export async function createLabInstallation({
  nodes,
  backend = 'incus',
  tarball,
}: LabInstallationOptions): Promise<LabInstallation> {
  await using stack = new AsyncDisposableStack();
  const lab = stack.use(
    await createLab({nodes, backend, mounts: {'/opt/nexus': checkout, [image]: tarball}}),
  );
  const nexus = stack.use(await createInstallation({}));
  const key = await readFile(path.join(nexus.home, 'keys/id_ed25519.pub'), 'utf8');
  const installation = (await readFile(path.join(nexus.home, 'installation'), 'utf8')).trim();
  await Promise.all(lab.nodes.map(node => setUp(node, {nexus, key, installation})));

  const running = stack.move();
  return {
    nexus,
    lab,
    backendOf: name => createBackendByHand(lab.node(name).backendSocket ?? '', installation),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

type SetUpOptions = {readonly nexus: Installation; readonly key: string; readonly installation: string};

async function setUp(node: LabNode, {nexus, key, installation}: SetUpOptions): Promise<void> {
  const {name, address, port, user, hostKey} = node;
  await node.authorize(key);
  await node.must([...command, 'setup', '--image', image, '--installation', installation]);
  await nexus.client().apply(
    'Node',
    {
      apiVersion,
      kind: 'Node',
      metadata: {name},
      spec: {address, port, user, hostKey, agentCommand: [...command, '--stdio']},
    },
    {name},
  );
  await nexus.must('wait', `node/${name}`, '--for=condition=Ready', '--timeout', '60s');
}
