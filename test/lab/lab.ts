import {randomBytes} from 'node:crypto';
import path from 'node:path';
import {runProgram} from '../e2e/program.ts';
import type {LabNode} from './lab-node.ts';
import {createLabNode} from './lab-node.ts';

export const hackLab: string = path.resolve(import.meta.dirname, '../../hack/lab');

export type LabOptions = {
  /** How many; 1 by default. They are called a, b, c and so on. */
  readonly nodes?: number;
  /** The container daemon that each of them has; Incus by default, which takes half a second. */
  readonly backend?: 'incus' | 'lxd' | 'docker' | 'none';
  /** The login user: root by default. Any other is made, is no administrator, and may use the container daemon. */
  readonly user?: string;
  /** Of the login user; without one only keys are let in. */
  readonly password?: string;
  /** Files and folders of this machine, by the path where the nodes have them too, read-only. */
  readonly mounts?: Readonly<Record<string, string>>;
};

/**
 * Real machines for a test, made of this one's kernel and `/usr`: see docs/testing.md. Needs root. Disposing of it removes every trace; so
 * does the next lab, or run of hack/test, when this process was killed.
 */
export type Lab = AsyncDisposable & {
  readonly nodes: readonly LabNode[];
  /** By name: a, b, c… */
  node(name: string): LabNode;
  /** Of this machine, as the nodes see it. */
  readonly gateway: string;
};

export async function createLab(options: LabOptions = {}): Promise<Lab> {
  const {nodes: count = 1, backend = 'incus', user = 'root', password, mounts = {}} = options;
  const run = process.env.NEXUS_TEST_RUN;
  const name = randomBytes(3).toString('hex');
  // Whoever removes what is left of a run looks for these names.
  const folder = run === undefined ? `/var/tmp/nexus-lab.${name}` : path.join(run, `lab.${name}`);
  const script = async (args: readonly string[]) => {
    const {code, stdout, stderr} = await runProgram(hackLab, args, {
      cwd: '/',
      env: {...process.env, ...(password === undefined ? {} : {NEXUS_LAB_PASSWORD: password})},
    });
    if (code !== 0) {
      throw new Error(`hack/lab ${args.join(' ')} ended with ${code}\n${stderr}`);
    }

    return stdout;
  };
  const remove = async () => void (await script(['down', folder]));
  const mounted = Object.entries(mounts).flatMap(([target, source]) => ['--mount', `${source}:${target}`]);
  try {
    const made = await script([
      ...['up', folder, '--nodes', String(count), '--backend', backend, '--user', user],
      ...mounted,
    ]);
    const nodes = made
      .trim()
      .split('\n')
      .map(line => createLabNode({line, folder, script, backend}));
    return {
      nodes,
      node(wanted) {
        const found = nodes.find(each => each.name === wanted);
        if (found === undefined) {
          throw new Error(`this lab has no node ${wanted}`);
        }

        return found;
      },
      gateway: (nodes[0]?.address ?? '').replace(/\d+$/, '1'),
      [Symbol.asyncDispose]: remove,
    };
  } catch (error) {
    await remove();
    throw error;
  }
}
