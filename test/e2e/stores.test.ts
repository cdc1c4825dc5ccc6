import test from 'ava';
import {backends, onBackend} from '../agent/lxd/backends.ts';
import type {Cluster} from '../api/storage/kubernetes/cluster.ts';
import {findCluster, needsCluster} from '../api/storage/kubernetes/cluster.ts';
import {eventually} from './eventually.ts';
import type {Installation} from './installation.ts';
import {createInstallation} from './installation.ts';
import {declare, fetchText, untilReady} from './workspaces.ts';

const cluster = await findCluster();
if (cluster === undefined) {
  needsCluster('moving between stores');
} else {
  test.after.always(() => cluster[Symbol.asyncDispose]());
  onBackend(backends[0], backend => thereAndBack(cluster, backend));
}

function thereAndBack({kubeconfig, kubectl}: Cluster, backend: {socket: string; tarball: string}): void {
  test('a store moves to a cluster and back while its workspace runs on, under the same name, with the same ports', async t => {
    const namespace = `nexus-test-stores-${process.pid}`;
    await kubectl(['create', 'namespace', namespace]).catch(() => undefined);
    const place = ['--kubeconfig', kubeconfig, '--namespace', namespace];
    await using nexus = await createInstallation(backend);
    await declare(nexus.client(), 'hello');
    await untilReady(nexus, 'hello');
    const before = await observe(nexus);

    const used = await nexus.cli('store', 'migrate', '--to', 'kubernetes', ...place);
    t.is(used.code, 8);
    t.regex(used.stderr, /is in use by the nexus server with process id/);

    t.is(await nexus.server().stop(), 0);
    const there = await nexus.must('store', 'migrate', '--to', 'kubernetes', ...place);
    t.regex(
      there,
      /^moved 1 Workspace, 1 Node, 1 User, .*\nnext: nexus server --store kubernetes --kubeconfig /,
    );
    const left = await nexus.cli('server', '--port', '0');
    t.is(left.code, 8);
    t.regex(left.stderr, /was moved to Kubernetes, namespace/);
    await nexus.startServer(['--store', 'kubernetes', ...place]);
    t.deepEqual(await observe(nexus), before);
    t.regex(await kubectl(['-n', namespace, 'get', 'ws', 'hello']), /hello +Running +True/);

    t.is(await nexus.server().stop(), 0);
    const back = await nexus.must('store', 'migrate', '--to', 'sqlite', ...place);
    t.regex(back, /^moved 1 Workspace, .*\nnext: nexus server\n$/);
    await nexus.startServer([]);
    t.deepEqual(await observe(nexus), before);
  });
}

/** All of a workspace that must not change, seen through the server and from outside. */
async function observe(nexus: Installation) {
  const workspace = await untilReady(nexus, 'hello');
  const {uid, generation, creationTimestamp} = workspace.metadata;
  // A server that has just begun says what its store says, before its agent is there.
  const boot = await eventually(() =>
    nexus.must('exec', 'hello', '--', 'sh', '-c', 'cat /proc/sys/kernel/random/boot_id; stat -c %Y /proc/1'),
  );
  const {items} = await nexus.client().list('Event');
  const [instance] = await nexus.backend.find(uid);
  return {
    metadata: {uid, generation, creationTimestamp},
    node: workspace.status?.node,
    ports: workspace.status?.ports,
    boot,
    /** Of the service's own process. */
    service: await fetchText(workspace, 'web'),
    instance: instance?.name,
    created: items
      .filter(({spec}) => spec.regarding.uid === uid && spec.reason === 'InstanceCreated')
      .map(({metadata}) => metadata.uid),
  };
}
