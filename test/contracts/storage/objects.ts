import test from 'ava';
import type {Storage} from '../../../api/storage/storage.ts';
import {aUser, aWorkspace, finalizer, withMetadata, withPorts, withSpec} from './samples.ts';

const unknownUid = '00000000-0000-4000-8000-000000000000';

export function objectContract(name: string, open: () => Promise<Storage>): void {
  test(`${name}: create sets uid, generation 1, creationTimestamp and a resourceVersion, and stores a given status`, async t => {
    await using storage = await open();
    const created = await storage.create('Workspace', aWorkspace('a', {status: {phase: 'Running'}}));
    t.regex(created.metadata.uid, /^[0-9a-f-]{36}$/);
    t.is(created.metadata.generation, 1);
    t.false(Number.isNaN(Date.parse(created.metadata.creationTimestamp)));
    t.not(created.metadata.resourceVersion, '');
    t.is(created.status?.phase, 'Running');
    t.deepEqual(await storage.get('Workspace', 'a'), created);
  });

  test(`${name}: create keeps a given uid, and ignores the rest of what the store writes`, async t => {
    await using storage = await open();
    const created = await storage.create(
      'Workspace',
      aWorkspace('a', {
        metadata: {
          uid: unknownUid,
          resourceVersion: '77',
          generation: 9,
          creationTimestamp: '2001-01-01T00:00:00.000Z',
          deletionTimestamp: '2001-01-01T00:00:00.000Z',
        },
      }),
    );
    t.is(created.metadata.uid, unknownUid);
    t.is(created.metadata.generation, 1);
    t.not(created.metadata.creationTimestamp, '2001-01-01T00:00:00.000Z');
    t.is(created.metadata.deletionTimestamp, undefined);
  });

  test(`${name}: a second object of the same kind and name is refused; another kind may have the name`, async t => {
    await using storage = await open();
    await storage.create('Workspace', aWorkspace('a'));
    await t.throwsAsync(storage.create('Workspace', aWorkspace('a')), {code: 'AlreadyExists'});
    await t.notThrowsAsync(storage.create('User', aUser('a')));
  });

  test(`${name}: a name is free again once its object is gone, and the new object is another`, async t => {
    await using storage = await open();
    const first = await storage.create('Workspace', aWorkspace('a'));
    await storage.delete('Workspace', 'a');
    const second = await storage.create('Workspace', aWorkspace('a'));
    t.not(second.metadata.uid, first.metadata.uid);
    t.not(second.metadata.resourceVersion, first.metadata.resourceVersion);
    await t.throwsAsync(storage.update('Workspace', withSpec(first, {running: false})), {code: 'Conflict'});
  });

  test(`${name}: get, update, updateStatus and delete of what is not there are NotFound`, async t => {
    await using storage = await open();
    const error = {code: 'NotFound', message: /nobody/};
    await t.throwsAsync(storage.get('Workspace', 'nobody'), error);
    await t.throwsAsync(storage.update('Workspace', aWorkspace('nobody')), error);
    await t.throwsAsync(storage.updateStatus('Workspace', aWorkspace('nobody')), error);
    await t.throwsAsync(storage.delete('Workspace', 'nobody'), error);
  });

  test(`${name}: every write changes the resourceVersion, and a write that changes nothing writes nothing`, async t => {
    await using storage = await open();
    const created = await storage.create('Workspace', aWorkspace('a', {status: {phase: 'Pending'}}));
    t.deepEqual(await storage.update('Workspace', created), created);
    t.deepEqual(await storage.updateStatus('Workspace', created), created);
    const {resourceVersion: _, ...unversioned} = created.metadata;
    t.deepEqual(await storage.update('Workspace', {...created, metadata: unversioned}), created);
    const updated = await storage.update('Workspace', withSpec(created, {running: false}));
    t.not(updated.metadata.resourceVersion, created.metadata.resourceVersion);
    t.is((await storage.history('Workspace', 'a')).length, 2);
  });

  test(`${name}: a stale resourceVersion is a Conflict, and none means whatever is there`, async t => {
    await using storage = await open();
    const stale = await storage.create('Workspace', aWorkspace('a'));
    const fresh = await storage.update('Workspace', withSpec(stale, {running: false}));
    await t.throwsAsync(storage.update('Workspace', withSpec(stale, {image: 'x'})), {code: 'Conflict'});
    await t.throwsAsync(storage.updateStatus('Workspace', {...stale, status: {phase: 'Running'}}), {
      code: 'Conflict',
    });
    t.deepEqual(await storage.get('Workspace', 'a'), fresh);
    const blind = await storage.update('Workspace', aWorkspace('a', {spec: {image: 'x'}}));
    t.is(blind.spec.image, 'x');
    t.is(blind.metadata.uid, stale.metadata.uid);
  });

  test(`${name}: another uid than the object's is a Conflict`, async t => {
    await using storage = await open();
    await storage.create('Workspace', aWorkspace('a'));
    const stranger = aWorkspace('a', {metadata: {uid: unknownUid}, spec: {image: 'x'}});
    await t.throwsAsync(storage.update('Workspace', stranger), {code: 'Conflict'});
    await t.throwsAsync(storage.updateStatus('Workspace', stranger), {code: 'Conflict'});
    await t.throwsAsync(storage.delete('Workspace', 'a', {preconditions: {uid: unknownUid}}), {
      code: 'Conflict',
    });
  });

  test(`${name}: update ignores status, updateStatus changes nothing else`, async t => {
    await using storage = await open();
    const created = await storage.create('Workspace', aWorkspace('a', {status: {phase: 'Pending'}}));
    const updated = await storage.update('Workspace', {
      ...withSpec(created, {running: false}),
      status: {phase: 'Error'},
    });
    t.is(updated.status?.phase, 'Pending');
    const reported = await storage.updateStatus('Workspace', {
      ...withMetadata(withSpec(updated, {image: 'other'}), {labels: {a: 'b'}, finalizers: [finalizer]}),
      status: {phase: 'Running'},
    });
    t.is(reported.status?.phase, 'Running');
    t.deepEqual(reported.spec, updated.spec);
    t.is(reported.metadata.labels, undefined);
    t.is(reported.metadata.finalizers, undefined);
  });

  test(`${name}: update replaces labels, annotations and finalizers as a whole`, async t => {
    await using storage = await open();
    const created = await storage.create(
      'Workspace',
      aWorkspace('a', {metadata: {labels: {a: '1', b: '2'}, annotations: {note: 'x'}}}),
    );
    const {annotations: _, ...metadata} = created.metadata;
    const updated = await storage.update('Workspace', {
      ...created,
      metadata: {...metadata, labels: {a: '1'}},
    });
    t.deepEqual(updated.metadata.labels, {a: '1'});
    t.is(updated.metadata.annotations, undefined);
  });

  test(`${name}: generation grows by one exactly when spec changes`, async t => {
    await using storage = await open();
    const created = await storage.create('Workspace', aWorkspace('a'));
    const labelled = await storage.update('Workspace', withMetadata(created, {labels: {a: 'b'}}));
    t.is(labelled.metadata.generation, 1);
    const reported = await storage.updateStatus('Workspace', {...labelled, status: {phase: 'Running'}});
    t.is(reported.metadata.generation, 1);
    const respecified = await storage.update('Workspace', withSpec(reported, {running: false}));
    t.is(respecified.metadata.generation, 2);
    const forged = await storage.update('Workspace', withMetadata(respecified, {generation: 40}));
    t.is(forged.metadata.generation, 2);
  });

  test(`${name}: what the store writes can't be written by others`, async t => {
    await using storage = await open();
    const created = await storage.create('Workspace', aWorkspace('a'));
    const forged = await storage.update(
      'Workspace',
      withMetadata(created, {
        creationTimestamp: '2001-01-01T00:00:00.000Z',
        deletionTimestamp: '2001-01-01T00:00:00.000Z',
        labels: {changed: 'yes'},
      }),
    );
    t.is(forged.metadata.creationTimestamp, created.metadata.creationTimestamp);
    t.is(forged.metadata.deletionTimestamp, undefined);
  });

  test(`${name}: a dry run does all checks, answers what would be, and changes nothing`, async t => {
    await using storage = await open();
    const dryRun = {dryRun: true};
    t.is((await storage.create('Workspace', aWorkspace('a'), dryRun)).metadata.generation, 1);
    await t.throwsAsync(storage.get('Workspace', 'a'), {code: 'NotFound'});
    const created = await storage.create('Workspace', aWorkspace('a'));
    await t.throwsAsync(storage.create('Workspace', aWorkspace('a'), dryRun), {code: 'AlreadyExists'});
    const would = await storage.update('Workspace', withSpec(created, {running: false}), dryRun);
    t.false(would.spec.running);
    t.is(would.metadata.generation, 2);
    t.is(
      (await storage.updateStatus('Workspace', {...created, status: {phase: 'Error'}}, dryRun)).status?.phase,
      'Error',
    );
    await storage.delete('Workspace', 'a', dryRun);
    t.deepEqual(await storage.get('Workspace', 'a'), created);
    t.is((await storage.history('Workspace', 'a')).length, 1);
    const rival = await storage.create('Workspace', aWorkspace('b'));
    await storage.updateStatus('Workspace', withPorts(rival, 'n', [2222]));
    await t.throwsAsync(storage.updateStatus('Workspace', withPorts(created, 'n', [2222]), dryRun), {
      code: 'Conflict',
    });
  });

  test(`${name}: history tells the past, oldest first, also of an object that is gone`, async t => {
    await using storage = await open();
    const created = await storage.create('Workspace', aWorkspace('a'));
    const updated = await storage.update('Workspace', withSpec(created, {running: false}));
    await storage.delete('Workspace', 'a');
    const history = await storage.history('Workspace', 'a');
    t.deepEqual(
      history.map(({type}) => type),
      ['ADDED', 'MODIFIED', 'DELETED'],
    );
    t.deepEqual(history[0]?.object, created);
    t.deepEqual(history[1]?.object, updated);
    t.deepEqual(history[2]?.object.spec, updated.spec);
    t.deepEqual(await storage.history('Workspace', 'nobody'), []);
  });

  test(`${name}: epochs only grow`, async t => {
    await using storage = await open();
    const epochs = [await storage.beginEpoch(), await storage.beginEpoch(), await storage.beginEpoch()];
    t.deepEqual(
      epochs,
      epochs.toSorted((a, b) => a - b),
    );
    t.is(new Set(epochs).size, 3);
    t.true(epochs.every(Number.isSafeInteger));
  });

  test(`${name}: ping resolves while the store answers`, async t => {
    await using storage = await open();
    await t.notThrowsAsync(storage.ping());
  });
}
