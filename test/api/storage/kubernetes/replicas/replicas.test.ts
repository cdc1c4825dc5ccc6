import assert from 'node:assert/strict';
import {text} from 'node:stream/consumers';
import test from 'ava';
import {request} from 'undici';
import {systemClock} from '../../../../../api/effects/clock.ts';
import {systemRandom} from '../../../../../api/effects/random.ts';
import type {SetupEvent} from '../../../../../api/node-setup/messages.ts';
import type {KubernetesStorage} from '../../../../../api/storage/kubernetes/kubernetes-storage.ts';
import {openKubernetesStorage} from '../../../../../api/storage/kubernetes/kubernetes-storage.ts';
import {findCondition} from '../../../../../api/v1alpha1/condition.ts';
import {apiVersion} from '../../../../../api/v1alpha1/metadata.ts';
import {node} from '../../../../../api/v1alpha1/node.ts';
import {sshFingerprint} from '../../../../../api/v1alpha1/ssh-fingerprint.ts';
import {eventually} from '../../../../e2e/eventually.ts';
import {declare} from '../../../../e2e/workspaces.ts';
import type {Cluster} from '../cluster.ts';
import {findCluster, needsCluster} from '../cluster.ts';
import type {Gate, GatedAgent} from './gated-agent.ts';
import {startGatedAgent} from './gated-agent.ts';
import type {Replica, ReplicaSet} from './replica-set.ts';
import {createReplicaSet} from './replica-set.ts';

const cluster = await findCluster();
if (cluster === undefined) {
  needsCluster('replicas');
} else {
  register(cluster);
}

/** Seconds of the lease: short, and long enough for a busy machine to renew it. */
const seconds = 5;

const spec = {owner: 'admin', provider: 'lxc', resources: {cpus: 1, memory: '512MiB', disk: '2GiB'}};

/** Three servers on one store, and one node; each test goes on from where the last has ended. */
function register({kubeconfig, kubectl, ...own}: Cluster): void {
  const namespace = `nexus-test-replicas-${process.pid}`;
  let set: ReplicaSet;
  let storage: KubernetesStorage;
  let agent: GatedAgent;

  test.before(async () => {
    await kubectl(['create', 'namespace', namespace]).catch(() => undefined);
    storage = await openKubernetesStorage({
      kubeconfig,
      namespace,
      clock: systemClock,
      random: systemRandom,
    });
    set = await createReplicaSet({kubeconfig, namespace, size: 3, seconds});
    const publicKey =
      'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBqU06/sI/0IGPb4PJBKX8hJ7IRo0VWb1KrNIJt6+oln ada@box';
    await storage.create('User', {
      apiVersion,
      kind: 'User',
      metadata: {name: 'admin'},
      spec: {role: 'admin', sshKeys: [{publicKey, fingerprint: sshFingerprint(publicKey) ?? ''}]},
    });
    agent = await startGatedAgent(set.folder, set.installation);
    await storage.create(
      'Node',
      node.parse({
        apiVersion,
        kind: 'Node',
        metadata: {name: 'box'},
        spec: {local: true, agentCommand: agent.command},
      }),
    );
    await Promise.all(set.replicas.map(replica => replica.start()));
  });
  test.after.always(async () => {
    await set?.[Symbol.asyncDispose]();
    await agent?.[Symbol.asyncDispose]();
    await storage?.[Symbol.asyncDispose]();
    await kubectl(['delete', 'namespace', namespace, '--wait=false']).catch(() => undefined);
    await own[Symbol.asyncDispose]();
  });

  const untilRunning = (names: readonly string[]) =>
    eventually(async () => {
      const {items} = await storage.list('Workspace');
      for (const name of names) {
        const {metadata, status} = items.find(item => item.metadata.name === name) ?? {};
        assert.equal(status?.phase, 'Running', `${name}: ${JSON.stringify(status?.conditions)}`);
        assert.equal(agent.creations.get(metadata?.uid ?? ''), 1, `${name} was made once`);
      }
    });
  const others = (one: Replica) => set.replicas.filter(replica => replica !== one);
  const anotherThan = (one: Replica) =>
    eventually(async () => {
      const leader = await set.leader();
      assert.notEqual(leader.name, one.name);
      return leader;
    });
  /** Whoever leads by then. */
  const untilServes = (replica: Replica) =>
    eventually(async () => {
      assert.equal((await replica.client.health()).status, 'ok');
      const leads = await Promise.all(set.replicas.map(({client}) => leaderMetric(client.url)));
      assert.deepEqual(leads.toSorted(), [0, 0, 1]);
    });
  const untilDeposed = (replica: Replica) =>
    eventually(async () =>
      assert.ok(/does not lead any more/.test(await replica.log()), `${replica.name} goes on to lead`),
    );

  test.serial('of three servers one leads, and all of them serve all there is', async t => {
    const leader = await set.leader();
    for (const replica of set.replicas) {
      await declare(replica.client, `by-${replica.name}`, spec);
    }

    await untilRunning(set.replicas.map(({name}) => `by-${name}`));
    for (const {client, name} of set.replicas) {
      const stream = await client.workspaces.exec(`by-${leader.name}`, {command: ['echo', 'hello', name]});
      stream.input.end();
      t.is(await text(stream.output), `hello ${name}\n`);
      t.like(await stream.finished, {exitCode: 0});
      await eventually(async () => assert.ok(await isWell(client.nodes.test('box')), name));
      t.is(await ready(client.url), 200);
    }

    for (const replica of set.replicas) {
      await untilServes(replica);
    }
  });

  test.serial(
    'when the leader is killed, another leads, and what was asked of the others is done',
    async t => {
      const leader = await set.leader();
      await leader.kill();
      const killed = performance.now();
      const [witness] = others(leader);
      assert.ok(witness);
      await declare(witness.client, 'after-a-kill', spec);
      await untilRunning(['after-a-kill']);
      t.log(
        `acted on ${Math.round(performance.now() - killed)} ms after the kill, with a lease of ${seconds} s`,
      );
      t.not((await anotherThan(leader)).name, leader.name);
      await leader.start();
      await untilServes(leader);
    },
  );

  /** Declares a workspace and holds up the request to create it, on its way from the leader to the agent. */
  const holdCreation = async (name: string) => {
    const held = agent.gates.filter(gate => gate.asked().includes('"controller"'));
    for (const gate of held) {
      gate.hold();
    }

    await declare((await set.leader()).client, name, spec);
    const {uid} = (await storage.get('Workspace', name)).metadata;
    const asksForIt = (gate: Gate) =>
      gate.asked().includes('"instance/create"') && gate.asked().includes(uid);
    const gate = await eventually(() => {
      const found = held.find(asksForIt);
      assert.ok(found !== undefined || agent.creations.has(uid), 'nobody has asked for it yet');
      return found;
    });
    const releaseAll = () => {
      for (const each of held) {
        each.release();
      }
    };
    return {uid, gate, releaseAll};
  };

  test.serial(
    'what a leader had sent when it froze is refused, once another leads, and it follows when it goes on',
    async t => {
      let name = 'frozen';
      let held = await holdCreation(name);
      while (held.gate === undefined) {
        // The machine was so busy that another came to lead meanwhile, over a connection that is not held up.
        held.releaseAll();
        name += '-again';
        held = await holdCreation(name);
      }

      const {uid, gate, releaseAll} = held;
      const leader = await set.leader();
      leader.freeze();
      try {
        await untilRunning([name]);
        const before = gate.answered().length;
        releaseAll();
        await eventually(() => assert.match(gate.answered().slice(before), /Fenced/));
        t.is(agent.creations.get(uid), 1);
      } finally {
        leader.thaw();
      }

      await untilDeposed(leader);
      await untilServes(leader);
      t.is(agent.creations.get(uid), 1);
      await declare(leader.client, 'after-a-thaw', spec);
      await untilRunning(['after-a-thaw']);
    },
  );

  test.serial(
    'a leader that is cut off from the API server is followed by another, and follows when it is back',
    async t => {
      const leader = await set.leader();
      leader.proxy.freeze();
      try {
        const next = await anotherThan(leader);
        t.not(next.name, leader.name);
        await declare(next.client, 'after-a-cut', spec);
        await untilRunning(['after-a-cut']);
      } finally {
        leader.proxy.thaw();
        leader.proxy.cut();
      }

      await untilDeposed(leader);
      await untilServes(leader);
    },
  );

  test.serial(
    'who claims the uid of another workspace by hand gets nothing of it, and can be deleted',
    async t => {
      const {metadata} = await storage.get('Workspace', 'by-replica-0');
      const annotations = {'nexus.dev/identity': `forged/${metadata.uid}`};
      const manifest = {apiVersion, kind: 'Workspace', metadata: {name: 'forged', annotations}, spec};
      await kubectl(['-n', namespace, 'apply', '-f', '-'], JSON.stringify(manifest));
      const forged = await eventually(async () => {
        const workspace = await storage.get('Workspace', 'forged');
        assert.equal(workspace.status?.phase, 'Error');
        return workspace;
      });
      t.regex(findCondition(forged.status?.conditions, 'Ready')?.message ?? '', /which by-replica-0 has/);
      t.is(forged.status?.node, undefined);
      await kubectl(['-n', namespace, 'delete', 'workspace', 'forged', '--timeout=60s']);
      await untilRunning(['by-replica-0']);
      t.is(
        [...agent.driver.backend.instances.values()].find(({uid}) => uid === metadata.uid)?.state,
        'Running',
      );
    },
  );

  test.serial('a rolling restart of all during twenty creations loses and doubles nothing', async t => {
    const names = Array.from({length: 20}, (_, index) => `roll-${index}`);
    let declared = 0;
    const declaring = (async () => {
      for (const name of names) {
        // Whichever answers, as behind a Service of Kubernetes.
        await eventually(async () => {
          const any = set.replicas[Math.floor(systemRandom.fraction() * set.replicas.length)];
          assert.ok(any);
          await declare(any.client, name, spec);
        });
        declared += 1;
      }
    })();
    for (const [index, replica] of set.replicas.entries()) {
      await eventually(() => assert.ok(declared >= index * 6));
      t.is(await replica.stop(), 0);
      await replica.start();
      await eventually(async () => assert.equal(await ready(replica.client.url), 200));
    }

    await declaring;
    await untilRunning(names);
    const {items} = await storage.list('Workspace');
    const uids = items.map(({metadata}) => metadata.uid);
    t.deepEqual(
      [...agent.driver.backend.instances.values()].map(({uid}) => uid).toSorted(),
      uids.toSorted(),
      'each has its instance, and there is no other',
    );
    t.deepEqual(
      [...agent.creations.values()],
      uids.map(() => 1),
      'and each was made once',
    );
    const ports = items.flatMap(({status}) => status?.ports?.map(({nodePort}) => nodePort) ?? []);
    t.is(new Set(ports).size, ports.length);
  });
}

async function isWell(events: AsyncIterable<SetupEvent>): Promise<boolean> {
  let well = false;
  for await (const event of events) {
    well ||= event.type === 'finished' && event.step === 'Agent' && event.outcome === 'ok';
  }

  return well;
}

async function ready(url: string): Promise<number> {
  const {statusCode, body} = await request(`${url}/readyz`);
  await body.dump();
  return statusCode;
}

async function leaderMetric(url: string): Promise<number> {
  const {body} = await request(`${url}/metrics`);
  return Number(/^nexus_leader (\d)$/m.exec(await body.text())?.[1]);
}
