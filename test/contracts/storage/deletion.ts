import test from 'ava';
import type {Storage} from '../../../api/storage/storage.ts';
import {aWorkspace, finalizer, withMetadata, withPorts, withSpec} from './samples.ts';

export function deletionContract(name: string, open: () => Promise<Storage>): void {
  test(`${name}: delete removes at once what no finalizer holds, and answers it as it was last`, async t => {
    await using storage = await open();
    const created = await storage.create('Workspace', aWorkspace('a'));
    const removed = await storage.delete('Workspace', 'a');
    t.is(removed.metadata.uid, created.metadata.uid);
    t.deepEqual(removed.spec, created.spec);
    await t.throwsAsync(storage.get('Workspace', 'a'), {code: 'NotFound'});
    t.deepEqual((await storage.list('Workspace')).items, []);
  });

  test(`${name}: a finalizer holds the object, with one deletionTimestamp however often deletion is asked for`, async t => {
    await using storage = await open();
    await storage.create('Workspace', aWorkspace('a', {metadata: {finalizers: [finalizer]}}));
    const marked = await storage.delete('Workspace', 'a');
    t.truthy(marked.metadata.deletionTimestamp);
    t.deepEqual(await storage.get('Workspace', 'a'), marked);
    t.deepEqual(await storage.delete('Workspace', 'a'), marked);
    t.deepEqual(await storage.get('Workspace', 'a'), marked);
  });

  test(`${name}: the object goes with the update that empties finalizers`, async t => {
    await using storage = await open();
    await storage.create(
      'Workspace',
      aWorkspace('a', {metadata: {finalizers: [finalizer, 'example.com/b']}}),
    );
    const marked = await storage.delete('Workspace', 'a');
    const held = await storage.update('Workspace', withMetadata(marked, {finalizers: ['example.com/b']}));
    t.deepEqual(await storage.get('Workspace', 'a'), held);
    await storage.update('Workspace', withMetadata(held, {finalizers: []}));
    await t.throwsAsync(storage.get('Workspace', 'a'), {code: 'NotFound'});
  });

  test(`${name}: finalizers can be added before deletion was asked for, and not after`, async t => {
    await using storage = await open();
    const created = await storage.create('Workspace', aWorkspace('a'));
    await storage.update('Workspace', withMetadata(created, {finalizers: [finalizer]}));
    const marked = await storage.delete('Workspace', 'a');
    await t.throwsAsync(
      storage.update('Workspace', withMetadata(marked, {finalizers: [finalizer, 'example.com/late']})),
      {code: 'Invalid', message: /example\.com\/late/},
    );
    t.deepEqual(await storage.get('Workspace', 'a'), marked);
  });

  test(`${name}: an object that is being deleted can still be changed, and its status told`, async t => {
    await using storage = await open();
    await storage.create('Workspace', aWorkspace('a', {metadata: {finalizers: [finalizer]}}));
    const marked = await storage.delete('Workspace', 'a');
    const annotated = await storage.update(
      'Workspace',
      withMetadata(marked, {annotations: {'nexus.dev/force-delete': 'true'}}),
    );
    t.is(annotated.metadata.deletionTimestamp, marked.metadata.deletionTimestamp);
    const told = await storage.updateStatus('Workspace', {...annotated, status: {phase: 'Deleting'}});
    t.is(told.status?.phase, 'Deleting');
  });

  test(`${name}: preconditions of a delete that do not hold are a Conflict, and nothing is deleted`, async t => {
    await using storage = await open();
    const stale = await storage.create('Workspace', aWorkspace('a'));
    const fresh = await storage.update('Workspace', withSpec(stale, {running: false}));
    await t.throwsAsync(
      storage.delete('Workspace', 'a', {preconditions: {resourceVersion: stale.metadata.resourceVersion}}),
      {code: 'Conflict'},
    );
    t.deepEqual(await storage.get('Workspace', 'a'), fresh);
    const {uid, resourceVersion} = fresh.metadata;
    await storage.delete('Workspace', 'a', {preconditions: {uid, resourceVersion}});
    await t.throwsAsync(storage.get('Workspace', 'a'), {code: 'NotFound'});
  });

  test(`${name}: a node port is held by one workspace, and the later write is a Conflict that names the holder`, async t => {
    await using storage = await open();
    const a = await storage.create('Workspace', aWorkspace('a'));
    const b = await storage.create('Workspace', aWorkspace('b'));
    await storage.updateStatus('Workspace', withPorts(a, 'n', [2222, 23_000]));
    await t.throwsAsync(storage.updateStatus('Workspace', withPorts(b, 'n', [2223, 23_000])), {
      code: 'Conflict',
      message: /23000.*\ba\b/,
    });
    t.deepEqual(await storage.get('Workspace', 'b'), b);
    await t.notThrowsAsync(storage.updateStatus('Workspace', withPorts(b, 'n', [2223, 23_001])));
  });

  test(`${name}: the same port of another node is another port`, async t => {
    await using storage = await open();
    const a = await storage.create('Workspace', aWorkspace('a'));
    const b = await storage.create('Workspace', aWorkspace('b'));
    await storage.updateStatus('Workspace', withPorts(a, 'n', [2222]));
    await t.notThrowsAsync(storage.updateStatus('Workspace', withPorts(b, 'm', [2222])));
  });

  test(`${name}: a port is free once its workspace gave it up, moved away or is gone`, async t => {
    await using storage = await open();
    const a = await storage.create('Workspace', aWorkspace('a'));
    const b = await storage.create('Workspace', aWorkspace('b'));
    const c = await storage.create('Workspace', aWorkspace('c'));
    const held = await storage.updateStatus('Workspace', withPorts(a, 'n', [2222]));
    const moved = await storage.updateStatus('Workspace', withPorts(held, 'n', [2300]));
    const taken = await storage.updateStatus('Workspace', withPorts(b, 'n', [2222]));
    await storage.updateStatus('Workspace', withPorts(moved, 'm', [2300]));
    await storage.updateStatus('Workspace', withPorts(taken, 'n', [2222, 2300]));
    await storage.delete('Workspace', 'b');
    await t.notThrowsAsync(storage.updateStatus('Workspace', withPorts(c, 'n', [2222, 2300])));
  });

  test(`${name}: a workspace that is created with a status holds its ports, and only if they are free`, async t => {
    await using storage = await open();
    const status = {node: 'n', ports: [{name: 'ssh', nodePort: 2222, targetPort: 22}]};
    await storage.create('Workspace', aWorkspace('a', {status}));
    await t.throwsAsync(storage.create('Workspace', aWorkspace('b', {status})), {code: 'Conflict'});
    await t.throwsAsync(storage.get('Workspace', 'b'), {code: 'NotFound'});
  });

  test(`${name}: a workspace that is being deleted holds its ports until it is gone`, async t => {
    await using storage = await open();
    const a = await storage.create('Workspace', aWorkspace('a', {metadata: {finalizers: [finalizer]}}));
    const b = await storage.create('Workspace', aWorkspace('b'));
    await storage.updateStatus('Workspace', withPorts(a, 'n', [2222]));
    const marked = await storage.delete('Workspace', 'a');
    await t.throwsAsync(storage.updateStatus('Workspace', withPorts(b, 'n', [2222])), {code: 'Conflict'});
    await storage.update('Workspace', withMetadata(marked, {finalizers: []}));
    await t.notThrowsAsync(storage.updateStatus('Workspace', withPorts(b, 'n', [2222])));
  });

  test(`${name}: a failed change of ports leaves those that were held`, async t => {
    await using storage = await open();
    const a = await storage.create('Workspace', aWorkspace('a'));
    const b = await storage.create('Workspace', aWorkspace('b'));
    const c = await storage.create('Workspace', aWorkspace('c'));
    await storage.updateStatus('Workspace', withPorts(a, 'n', [2222]));
    const held = await storage.updateStatus('Workspace', withPorts(b, 'n', [2223]));
    await t.throwsAsync(storage.updateStatus('Workspace', withPorts(held, 'n', [2224, 2222])), {
      code: 'Conflict',
    });
    await t.throwsAsync(storage.updateStatus('Workspace', withPorts(c, 'n', [2223])), {code: 'Conflict'});
    await t.notThrowsAsync(storage.updateStatus('Workspace', withPorts(c, 'n', [2224])));
  });
}
