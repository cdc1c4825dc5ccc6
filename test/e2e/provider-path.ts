import assert from 'node:assert/strict';
import type {ExecutionContext} from 'ava';
import test from 'ava';
import type {Provider} from '../../api/v1alpha1/workspace.ts';
import {eventually} from './eventually.ts';
import type {Installation} from './installation.ts';
import {portsOf} from './ports-of.ts';
import {declare, nodePortOf, untilGone, untilReady} from './workspaces.ts';

/** What somebody does with the backend's own tools behind Nexus's back. */
export type ProviderHand = {
  stop(name: string): Promise<void>;
  /** Missing where nothing can be frozen. */
  readonly freeze?: (name: string) => Promise<void>;
  /** Running or not, with all that is in it. */
  remove(name: string): Promise<void>;
  /** Names of everything that the backend holds for this installation's workspaces. */
  left(): Promise<readonly string[]>;
};

export type ProviderPathOptions = {
  readonly provider: Provider;
  open(): Promise<{readonly nexus: Installation; readonly hand: ProviderHand}>;
  /** Milliseconds that a workspace gets to become ready. */
  readonly patience?: number;
  /** Of a workspace whose processor is emulated: fields of its spec, and of each health check. */
  readonly slow?: {readonly spec: object; readonly healthCheck: object};
};

/** The first answers only after a while, and the second gives up at once where nobody does: its first start is its last only in the right order. */
const declaredServices = [
  {
    name: 'store',
    command: 'sleep 1; exec socat TCP-LISTEN:5432,fork,reuseaddr EXEC:cat',
    port: 5432,
    healthCheck: {tcp: 5432, interval: '500ms'},
  },
  {
    name: 'api',
    command:
      'exec 3<>/dev/tcp/127.0.0.1/5432 || exit 9; echo "the store answers"; exec socat TCP-LISTEN:4000,fork,reuseaddr EXEC:cat',
    port: 4000,
    dependsOn: ['store'],
    healthCheck: {tcp: 4000, interval: '500ms'},
  },
] as const;

const name = 'path';

/** What every provider must be able to do for a user: from the declaration to nothing left. Each test goes on from the one before. */
export function providerPath(
  title: string,
  {provider, open, patience = 120_000, slow}: ProviderPathOptions,
): void {
  const services = declaredServices.map(service => ({
    ...service,
    healthCheck: {...service.healthCheck, ...slow?.healthCheck},
  }));
  let nexus: Installation;
  let hand: ProviderHand;
  let instance = '';

  test.before(async () => {
    ({nexus, hand} = await open());
  });
  test.after.always(async () => {
    await nexus?.[Symbol.asyncDispose]();
  });

  const it = (what: string, body: (t: ExecutionContext) => Promise<void>) => {
    test.serial(`${title}: ${what}`, body);
  };
  const ssh = async (...command: readonly string[]) => await nexus.cli('ssh', name, '--', ...command);
  const ready = async () => await untilReady(nexus, name, patience);
  /** Until the event shows that it was seen, and then until it is mended. */
  const mended = async (reason: string) => {
    await eventually(
      async () => {
        const events = await nexus.client().workspaces.events(name);
        assert.ok(
          events.some(({spec}) => spec.reason === reason),
          `no event ${reason}`,
        );
      },
      {timeout: patience},
    );
    return await ready();
  };

  it('a workspace that is applied becomes ready, its services one after the other', async t => {
    await declare(nexus.client(), name, {
      owner: 'admin',
      provider,
      resources: {cpus: 1, memory: '512MiB', disk: '2GiB'},
      services,
      ...slow?.spec,
    });
    const workspace = await ready();
    instance = `nexus-${workspace.metadata.uid}`;
    t.deepEqual(
      workspace.status?.services?.map(service => [service.name, service.health, service.restarts]),
      [
        ['store', 'Healthy', 0],
        ['api', 'Healthy', 0],
      ],
    );
    t.deepEqual(await hand.left(), [instance]);
  });

  it('its owner logs in by ssh, and is root with sudo', async t => {
    t.is((await ssh('hostname')).stdout, `${name}\n`);
    t.is((await ssh('sudo', 'id', '-un')).stdout, 'root\n');
  });

  it('the log of a service is what it wrote', async t => {
    t.is(await nexus.must('logs', `${name}/api`), 'the store answers\n');
  });

  it('one that is stopped by hand runs again, with what is in it', async t => {
    await ssh('echo kept > ~/keep.txt && sudo touch /etc/kept');
    await hand.stop(instance);
    await mended('InstanceStoppedUnexpectedly');
    t.is((await ssh('cat ~/keep.txt && ls /etc/kept')).stdout, 'kept\n/etc/kept\n');
  });

  it('one that is frozen by hand is thawed', async t => {
    if (hand.freeze === undefined) {
      t.pass(`${provider} freezes nothing`);
      return;
    }

    await hand.freeze(instance);
    await mended('InstanceFrozen');
    t.is((await ssh('cat ~/keep.txt')).stdout, 'kept\n');
  });

  it('one that is removed by hand is made again', async t => {
    await hand.remove(instance);
    const workspace = await eventually(
      async () => {
        const found = await ready();
        assert.equal((await ssh('cat', 'keep.txt')).code, 1, 'it is the old one');
        return found;
      },
      {timeout: patience},
    );
    t.deepEqual(await hand.left(), [instance]);
    t.deepEqual(
      workspace.status?.services?.map(({health}) => health),
      ['Healthy', 'Healthy'],
    );
  });

  it('once it is deleted nothing of it is left', async t => {
    const port = nodePortOf(await nexus.client().get('Workspace', name), 'ssh');
    const agent = await nexus.agentPid();
    t.true((await portsOf(agent)).includes(port));
    await nexus.must('delete', `workspace/${name}`);
    await untilGone(nexus, name);
    t.deepEqual(await hand.left(), []);
    t.false((await portsOf(agent)).includes(port), 'its port is free again');
    await declare(nexus.client(), 'next', {owner: 'admin', provider, image: 'nobody/has-this'});
    await eventually(async () => {
      const next = nodePortOf(await nexus.client().get('Workspace', 'next'), 'ssh');
      const {status} = await nexus.client().get('Node', 'local');
      // The first free one: a lower one where another program of this machine has let go of it meanwhile, a higher one only where one has taken this.
      assert.ok(next <= port || status?.portsInUse?.includes(port), 'its port is given out again');
    });
  });
}
