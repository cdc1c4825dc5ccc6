import {systemClock} from '../../api/effects/clock.ts';
import {systemRandom} from '../../api/effects/random.ts';
import {createTokens} from '../../api/server/tokens.ts';
import type {Storage} from '../../api/storage/storage.ts';
import {apiVersion} from '../../api/v1alpha1/metadata.ts';
import {node} from '../../api/v1alpha1/node.ts';
import {user} from '../../api/v1alpha1/user.ts';
import type {Workspace} from '../../api/v1alpha1/workspace.ts';
import {instanceFinalizer, workspace} from '../../api/v1alpha1/workspace.ts';
import {publicKey} from '../../test/controller/workspace/fixtures.ts';

/** The pool of a node has 78 ports for ssh. */
const workspacesOfNode = 75;
const workspacesOfUser = 20;

/** One user's, to ask the API with. */
export type Account = {readonly user: string; readonly token: string; readonly workspaces: readonly string[]};

/** Fills an empty store with workspaces that nobody has looked at yet, and with nodes and users enough for them. */
export async function fillStore(storage: Storage, count: number): Promise<readonly Account[]> {
  for (let index = 0; index < count / workspacesOfNode; index += 1) {
    await storage.create(
      'Node',
      node.parse({apiVersion, kind: 'Node', metadata: {name: `node-${index}`}, spec: {local: true}}),
    );
  }

  const tokens = createTokens({storage, clock: systemClock, random: systemRandom});
  const accounts: Account[] = [];
  for (let first = 0; first < count; first += workspacesOfUser) {
    const name = `user-${accounts.length}`;
    const sshKeys = [{publicKey, fingerprint: `SHA256:${'x'.repeat(43)}`}];
    await storage.create('User', user.parse({apiVersion, kind: 'User', metadata: {name}, spec: {sshKeys}}));
    const workspaces = Array.from(
      {length: Math.min(workspacesOfUser, count - first)},
      (_, index) => `workspace-${first + index}`,
    );
    for (const workspaceName of workspaces) {
      await storage.create('Workspace', typicalWorkspace(workspaceName, name));
    }

    const {token} = await tokens.create({user: name, description: 'benchmark'});
    accounts.push({user: name, token, workspaces});
  }

  return accounts;
}

/** Two services, one after the other. */
function typicalWorkspace(name: string, owner: string) {
  return workspace.parse({
    apiVersion,
    kind: 'Workspace',
    metadata: {name, finalizers: [instanceFinalizer]},
    spec: {
      owner,
      env: {STAGE: 'development'},
      setup: ['npm ci'],
      services: [
        {name: 'api', command: 'npm run server', port: 4000, healthCheck: {http: '/healthz'}},
        {
          name: 'web',
          command: 'npm run dev',
          port: 3000,
          dependsOn: ['api'],
          env: {API: 'http://localhost:4000'},
        },
      ],
    },
  });
}

/** Resolves once `holds`, which is asked every `interval` milliseconds; rejects after twenty minutes. */
export async function settled(holds: () => boolean | Promise<boolean>, interval = 50): Promise<void> {
  const until = systemClock.now() + 1_200_000;
  while (!(await holds())) {
    if (systemClock.now() > until) {
      throw new Error('it has not settled within twenty minutes');
    }

    await systemClock.sleep(interval);
  }
}

export function isReady({status}: Workspace): boolean {
  return (
    status?.conditions?.some(condition => condition.type === 'Ready' && condition.status === 'True') ?? false
  );
}

export async function countReady(storage: Storage): Promise<number> {
  return (await storage.list('Workspace')).items.filter(isReady).length;
}
