import test from 'ava';
import type {Storage} from '../../../api/storage/storage.ts';
import {StorageError} from '../../../api/storage/storage-error.ts';
import type {Kind, ResourceByKind} from '../../../api/v1alpha1/kinds.ts';
import {aUser, aWorkspace, watchWorkspaces} from './samples.ts';

/** The one place where these tests lie about types, as JSON from a network would. */
function untyped<K extends Kind>(value: unknown): ResourceByKind[K] {
  return value as ResourceByKind[K];
}

const names = [
  '',
  '.',
  '..',
  '../x',
  'a/b',
  'a b',
  'A',
  '-a',
  'a-',
  'a.b',
  '$(reboot)',
  "a'; DROP TABLE resources; --",
  'ä',
  '\u0000',
  'a\n',
  '\uD800',
  'x'.repeat(64),
  'x'.repeat(300),
  '__proto__',
  '%',
];

export function hostileInputContract(name: string, open: () => Promise<Storage>): void {
  test(`${name}: an impossible name can't be created, and reading it finds nothing`, async t => {
    await using storage = await open();
    for (const each of names) {
      const object = {...aWorkspace('a'), metadata: {name: each}};
      await t.throwsAsync(storage.create('Workspace', object), {code: 'Invalid'}, JSON.stringify(each));
      await t.throwsAsync(storage.get('Workspace', each), {instanceOf: StorageError}, JSON.stringify(each));
      await t.throwsAsync(
        storage.delete('Workspace', each),
        {instanceOf: StorageError},
        JSON.stringify(each),
      );
    }

    t.deepEqual((await storage.list('Workspace')).items, []);
  });

  test(`${name}: what is not an object of its kind is Invalid, says where, and changes nothing`, async t => {
    await using storage = await open();
    const good = aWorkspace('a');
    const bad: [unknown, RegExp][] = [
      [undefined, /./],
      [null, /./],
      ['a', /./],
      [[], /./],
      [7, /./],
      [{}, /kind/],
      [{kind: 'Workspace'}, /name/],
      [{...good, metadata: null}, /name/],
      [{...good, metadata: {name: 7}}, /name/],
      [{...good, metadata: {name: 'a', labels: {'not a key': 'x'}}}, /labels/],
      [{...good, metadata: {name: 'a', labels: {a: 7}}}, /labels/],
      [{...good, metadata: {name: 'a', finalizers: 'x'}}, /finalizers/],
      [{...good, metadata: {name: 'a', surprise: true}}, /surprise/],
      [{...good, metadata: {name: 'a', uid: '../../etc'}}, /uid/],
      [{...good, kind: 'User'}, /kind/],
      [{...good, apiVersion: 'v1'}, /apiVersion/],
      [{...good, surprise: true}, /surprise/],
      [{...good, spec: undefined}, /spec/],
      [{...good, spec: {...good.spec, owner: '../x'}}, /spec\.owner/],
      [{...good, spec: {...good.spec, running: 'yes'}}, /spec\.running/],
      [{...good, status: {phase: 'Fine'}}, /status\.phase/],
    ];
    for (const [object, where] of bad) {
      const error = await t.throwsAsync(storage.create('Workspace', untyped<'Workspace'>(object)), {
        code: 'Invalid',
        message: where,
      });
      t.true(error instanceof StorageError);
    }

    t.deepEqual((await storage.list('Workspace')).items, []);
  });

  test(`${name}: an invalid update is refused, and the object stays as it was`, async t => {
    await using storage = await open();
    const created = await storage.create('Workspace', aWorkspace('a'));
    const invalid = {code: 'Invalid'} as const;
    await t.throwsAsync(storage.update('Workspace', untyped<'Workspace'>({...created, spec: {}})), invalid);
    await t.throwsAsync(
      storage.update(
        'Workspace',
        untyped<'Workspace'>({...created, metadata: {...created.metadata, labels: {'!': 'x'}}}),
      ),
      invalid,
    );
    await t.throwsAsync(
      storage.updateStatus('Workspace', untyped<'Workspace'>({...created, status: {phase: 7}})),
      invalid,
    );
    t.deepEqual(await storage.get('Workspace', 'a'), created);
  });

  test(`${name}: an unknown kind is Invalid, whatever is asked of it`, async t => {
    await using storage = await open();
    for (const kind of ['Pod', '', 'constructor', '__proto__'] as unknown as Kind[]) {
      await t.throwsAsync(async () => storage.get(kind, 'a'), {code: 'Invalid'});
      await t.throwsAsync(async () => storage.list(kind), {code: 'Invalid'});
      await t.throwsAsync(async () => storage.create(kind, aUser('a')), {code: 'Invalid'});
      await t.throwsAsync(async () => storage.delete(kind, 'a'), {code: 'Invalid'});
      await t.throwsAsync(async () => storage.history(kind, 'a'), {code: 'Invalid'});
    }
  });

  test(`${name}: what can't be JSON, and what is enormous, is Invalid`, async t => {
    await using storage = await open();
    const cyclic: Record<string, unknown> = {};
    cyclic.self = cyclic;
    await t.throwsAsync(
      storage.create('Workspace', untyped<'Workspace'>({...aWorkspace('a'), spec: cyclic})),
      {code: 'Invalid'},
    );
    await t.throwsAsync(
      storage.create('Workspace', untyped<'Workspace'>({...aWorkspace('a'), spec: {size: 1n}})),
      {code: 'Invalid'},
    );
    const annotations = {big: 'x'.repeat(2_000_000)};
    await t.throwsAsync(storage.create('Workspace', aWorkspace('a', {metadata: {annotations}})), {
      code: 'Invalid',
    });
  });

  test(`${name}: any text comes back as it went in`, async t => {
    await using storage = await open();
    const annotations = {
      quotes: `'"\`\\`,
      sql: "'); DROP TABLE resources; --",
      control: '\u0000\u0001\u001B\u007F',
      unicode: 'äöü 漢字 🎉 \u202E',
      lines: 'a\r\nb\n',
      empty: '',
      long: 'x'.repeat(100_000),
    };
    const created = await storage.create('Workspace', aWorkspace('a', {metadata: {annotations}}));
    t.deepEqual(created.metadata.annotations, annotations);
    t.deepEqual((await storage.get('Workspace', 'a')).metadata.annotations, annotations);
    t.deepEqual((await storage.history('Workspace', 'a'))[0]?.object, created);
  });

  test(`${name}: a hostile selector selects nothing and harms nothing`, async t => {
    await using storage = await open();
    await storage.create('Workspace', aWorkspace('a'));
    for (const path of [
      '__proto__',
      'constructor',
      'metadata.constructor.name',
      "spec.owner') OR 1=1 --",
      '',
      '.',
      'spec..owner',
      '$.spec',
    ]) {
      t.deepEqual((await storage.list('Workspace', {fields: {[path]: 'x'}})).items, [], path);
    }

    t.is((await storage.list('Workspace', {fields: {'spec.owner': "' OR '1'='1"}})).items.length, 0);
    t.is((await storage.list('Workspace')).items.length, 1);
  });

  test(`${name}: an impossible limit, continue token or resourceVersion is refused`, async t => {
    await using storage = await open();
    await storage.create('Workspace', aWorkspace('a'));
    for (const limit of [0, -1, 1.5, Number.NaN]) {
      await t.throwsAsync(storage.list('Workspace', {limit}), {code: 'Invalid'}, String(limit));
    }

    for (const token of ['x', 'e30', '{"revision":-1}', 'AAAA'.repeat(1000)]) {
      await t.throwsAsync(storage.list('Workspace', {continue: token}), {code: 'Invalid'}, token);
    }

    for (const resourceVersion of ['-1', 'x', '1.5', '1e3', '9'.repeat(40)]) {
      using watch = watchWorkspaces(storage, {resourceVersion});
      await t.throwsAsync(watch.events.next(), {instanceOf: StorageError}, resourceVersion);
    }
  });
}
