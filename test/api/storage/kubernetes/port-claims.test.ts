import test from 'ava';
import {systemClock} from '../../../../api/effects/clock.ts';
import {systemRandom} from '../../../../api/effects/random.ts';
import type {KubernetesStorage} from '../../../../api/storage/kubernetes/kubernetes-storage.ts';
import {openKubernetesStorage} from '../../../../api/storage/kubernetes/kubernetes-storage.ts';
import {isStorageError} from '../../../../api/storage/storage-error.ts';
import {aWorkspace, withPorts} from '../../../contracts/storage/samples.ts';
import {findCluster, needsCluster} from './cluster.ts';
import type {FaultyProxy} from './faulty-proxy.ts';
import {startFaultyProxy} from './faulty-proxy.ts';

const cluster = await findCluster();
if (cluster === undefined) {
  needsCluster('port claims');
} else {
  const {kubeconfig, kubectl} = cluster;
  const prefix = `nexus-test-claims-${process.pid}`;
  let proxy: FaultyProxy;
  test.before(async () => {
    proxy = await startFaultyProxy(kubeconfig);
  });
  test.after.always(async () => {
    await proxy?.[Symbol.asyncDispose]();
    await cluster[Symbol.asyncDispose]();
  });

  const namespaceOf = async (name: string) => {
    const namespace = `${prefix}-${name}`;
    await kubectl(['create', 'namespace', namespace]).catch(() => undefined);
    return namespace;
  };
  const open = (namespace: string, options: object = {}) =>
    openKubernetesStorage({kubeconfig, namespace, clock: systemClock, random: systemRandom, ...options});

  /** Ports as statuses have them, and as claims do, each `NAME PORT`. */
  const held = async (storage: KubernetesStorage, namespace: string) => {
    const {items} = await storage.list('Workspace');
    const named = items.flatMap(({metadata, status}) =>
      (status?.ports ?? []).map(({nodePort}) => `${metadata.name} ${nodePort}`),
    );
    const {items: claims} = JSON.parse(await kubectl(['-n', namespace, 'get', 'portclaims', '-o', 'json']));
    const claimed = claims.map(
      ({spec}: {spec: {workspace: string; port: number}}) => `${spec.workspace} ${spec.port}`,
    );
    return {named: named.toSorted(), claimed: claimed.toSorted()};
  };

  const claim = (name: string, spec: object) =>
    JSON.stringify({
      apiVersion: 'nexus.dev/v1alpha1',
      kind: 'PortClaim',
      metadata: {name},
      spec: {attempt: 'x', acquiredAt: new Date().toISOString(), ...spec},
    });

  test('a claim of a server that was killed before it wrote holds, until its workspace changes', async t => {
    const namespace = await namespaceOf('limbo');
    await using storage = await open(namespace);
    const a = await storage.create('Workspace', aWorkspace('a'));
    const b = await storage.create('Workspace', aWorkspace('b'));
    const {uid, resourceVersion: version} = a.metadata;
    const spec = {node: 'n', port: 2222, workspace: 'a', uid, version};
    await kubectl(['-n', namespace, 'create', '-f', '-'], claim('n.2222', spec));

    // The killed one's write could still be on its way: b must not have the port.
    await t.throwsAsync(storage.updateStatus('Workspace', withPorts(b, 'n', [2222])), {code: 'Conflict'});
    await storage.updateStatus('Workspace', {...a, status: {phase: 'Error'}});
    await storage.updateStatus('Workspace', withPorts(b, 'n', [2222]));
    const late = storage.updateStatus('Workspace', withPorts(a, 'n', [2222]));
    await t.throwsAsync(late, {code: 'Conflict'});
    t.deepEqual(await held(storage, namespace), {named: ['b 2222'], claimed: ['b 2222']});
  });

  test('its own workspace takes such a claim up', async t => {
    const namespace = await namespaceOf('own');
    await using storage = await open(namespace);
    const a = await storage.create('Workspace', aWorkspace('a'));
    const {uid, resourceVersion: version} = a.metadata;
    const spec = {node: 'n', port: 2222, workspace: 'a', uid, version};
    await kubectl(['-n', namespace, 'create', '-f', '-'], claim('n.2222', spec));
    await storage.updateStatus('Workspace', withPorts(a, 'n', [2222]));
    t.deepEqual(await held(storage, namespace), {named: ['a 2222'], claimed: ['a 2222']});
  });

  test('a claim whose workspace is gone, or another one by now, is free', async t => {
    const namespace = await namespaceOf('gone');
    await using storage = await open(namespace);
    const a = await storage.create('Workspace', aWorkspace('a'));
    for (const [port, workspace] of [
      [2222, 'nobody'],
      [2223, 'a'],
    ] as const) {
      const spec = {node: 'n', port, workspace, uid: 'of-another', version: '1'};
      await kubectl(['-n', namespace, 'create', '-f', '-'], claim(`n.${port}`, spec));
    }

    await storage.updateStatus('Workspace', withPorts(a, 'n', [2222, 2223]));
    t.deepEqual((await held(storage, namespace)).claimed, ['a 2222', 'a 2223']);
  });

  test('maintenance removes what nobody can rely on, claims what is named, and then has nothing to write', async t => {
    const namespace = await namespaceOf('repair');
    await using storage = await open(namespace);
    const a = await storage.create('Workspace', aWorkspace('a'));
    const stuck = await storage.create('Workspace', aWorkspace('stuck'));
    await storage.updateStatus('Workspace', withPorts(a, 'n', [2222]));
    await kubectl(['-n', namespace, 'delete', 'portclaim', 'n.2222']);
    const old = {acquiredAt: '2001-01-01T00:00:00.000Z'};
    const dead = {node: 'n', port: 2300, workspace: 'nobody', uid: 'x', version: '1', ...old};
    await kubectl(['-n', namespace, 'create', '-f', '-'], claim('n.2300', dead));
    const {uid, resourceVersion: version} = stuck.metadata;
    const limbo = {node: 'n', port: 2301, workspace: 'stuck', uid, version, ...old};
    await kubectl(['-n', namespace, 'create', '-f', '-'], claim('n.2301', limbo));

    await storage.maintain();
    // What was fenced is dead the next time.
    await storage.maintain();
    t.deepEqual(await held(storage, namespace), {named: ['a 2222'], claimed: ['a 2222']});
    await t.throwsAsync(storage.updateStatus('Workspace', withPorts(stuck, 'n', [2301])), {code: 'Conflict'});
    const versions = () =>
      kubectl(['-n', namespace, 'get', 'ws,portclaims', '-o', 'jsonpath={..resourceVersion}']);
    const before = await versions();
    await storage.maintain();
    t.is(await versions(), before);
  });

  test('whoever writes, and however connections break, no two workspaces hold a port', async t => {
    const namespace = await namespaceOf('race');
    await using steady = await open(namespace);
    await using shaky = await open(namespace, {kubeconfig: proxy.kubeconfig});
    const names = ['a', 'b', 'c', 'd'];
    for (const name of names) {
      await steady.create('Workspace', aWorkspace(name));
    }

    const random = (below: number) => Math.floor(systemRandom.fraction() * below);
    const outcomes = {done: 0, refused: 0, broken: 0};
    const work = async (storage: KubernetesStorage) => {
      for (let round = 0; round < 15; round += 1) {
        const name = names[random(names.length)] ?? 'a';
        const ports = [...new Set(Array.from({length: random(3)}, () => 2222 + random(4)))];
        try {
          const current = await storage.get('Workspace', name);
          await storage.updateStatus('Workspace', withPorts(current, 'n', ports));
          outcomes.done += 1;
        } catch (error) {
          outcomes[isStorageError(error, 'Conflict') ? 'refused' : 'broken'] += 1;
        }

        if (storage === shaky && round % 3 === 0) {
          proxy.cut();
        }
      }
    };
    const abort = new AbortController();
    const doubled: string[] = [];
    const watching = (async () => {
      const holders = new Map<string, readonly number[]>();
      for await (const event of steady.watch('Workspace', {signal: abort.signal})) {
        if (event.type !== 'BOOKMARK') {
          const {metadata, status} = event.object;
          holders.set(
            metadata.name,
            (status?.ports ?? []).map(({nodePort}) => nodePort),
          );
          const all = [...holders.values()].flat();
          doubled.push(...all.filter((port, index) => all.indexOf(port) < index).map(String));
        }
      }
    })();
    await Promise.all([work(steady), work(steady), work(shaky), work(shaky)]);
    t.true(outcomes.done > 0 && outcomes.refused > 0, JSON.stringify(outcomes));
    const {named} = await held(steady, namespace);
    const ports = named.map(each => each.split(' ')[1]);
    t.is(new Set(ports).size, ports.length, named.join(', '));
    abort.abort();
    await watching;
    t.deepEqual(doubled, []);
    await steady.maintain();
    const {named: after, claimed} = await held(steady, namespace);
    t.true(after.every(each => claimed.includes(each)));
  });
}
