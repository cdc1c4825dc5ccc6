import test from 'ava';
import fc from 'fast-check';
import {isLater} from '../../../api/storage/resource-version.ts';
import type {Stored} from '../../../api/v1alpha1/kinds.ts';
import {createCache} from '../../../controller/informer/cache.ts';

function user(name: string, version: number, role: 'user' | 'admin' = 'user'): Stored<'User'> {
  return {
    apiVersion: 'nexus.dev/v1alpha1',
    kind: 'User',
    metadata: {
      name,
      uid: `uid-${name}`,
      resourceVersion: String(version),
      generation: 1,
      creationTimestamp: '2026-11-20T10:00:00.000Z',
    },
    spec: {role, sshKeys: []},
  };
}

const byRole = {role: ({spec}: Stored<'User'>) => [spec.role]};
const names = (objects: readonly Stored<'User'>[]) => objects.map(({metadata}) => metadata.name).sort();

test('versions are ordered as numbers of any length', t => {
  t.true(isLater('10', '9'));
  t.false(isLater('9', '10'));
  t.false(isLater('10', '10'));
  t.true(isLater('90071992547409930000', '90071992547409929999'));
});

test('an object is found by its name and by each index, as it is now', t => {
  const cache = createCache<'User', 'role'>(byRole);
  cache.upsert(user('anna', 1));
  cache.upsert(user('ben', 2, 'admin'));
  t.deepEqual(names(cache.byIndex('role', 'user')), ['anna']);
  cache.upsert(user('anna', 3, 'admin'));
  t.deepEqual(names(cache.byIndex('role', 'user')), []);
  t.deepEqual(names(cache.byIndex('role', 'admin')), ['anna', 'ben']);
  cache.remove(user('ben', 4, 'admin'));
  t.deepEqual(names(cache.byIndex('role', 'admin')), ['anna']);
  t.is(cache.get('ben'), undefined);
});

test('the kind of change is told, with what was there before', t => {
  const cache = createCache<'User', 'role'>(byRole);
  t.is(cache.upsert(user('anna', 1))?.type, 'ADDED');
  const change = cache.upsert(user('anna', 2));
  t.is(change?.type === 'MODIFIED' ? change.previous.metadata.resourceVersion : undefined, '1');
  t.is(cache.remove(user('anna', 3))?.type, 'DELETED');
  t.is(cache.remove(user('anna', 3)), undefined);
});

test('what is older than the cache changes nothing', t => {
  const cache = createCache<'User', 'role'>(byRole);
  cache.upsert(user('anna', 5, 'admin'));
  t.is(cache.upsert(user('anna', 4)), undefined);
  t.is(cache.upsert(user('anna', 5)), undefined);
  t.is(cache.remove(user('anna', 3)), undefined);
  t.is(cache.get('anna')?.spec.role, 'admin');
});

test('what was removed is not brought back by what is older, but by what is later', t => {
  const cache = createCache<'User', 'role'>(byRole);
  cache.upsert(user('anna', 1));
  cache.remove(user('anna', 5));
  t.is(cache.upsert(user('anna', 4)), undefined);
  t.deepEqual(cache.replace([user('anna', 3)], '4'), []);
  t.is(cache.upsert(user('anna', 6))?.type, 'ADDED');
});

test('a list removes what it lacks, and leaves what is later than it', t => {
  const cache = createCache<'User', 'role'>(byRole);
  cache.upsert(user('anna', 1));
  cache.upsert(user('ben', 2));
  cache.upsert(user('cleo', 9));
  const changes = cache.replace([user('ben', 2), user('dora', 4)], '5');
  t.deepEqual(
    changes.map(({type, object}) => [type, object.metadata.name]),
    [
      ['ADDED', 'dora'],
      ['DELETED', 'anna'],
    ],
  );
  t.deepEqual(names(cache.list()), ['ben', 'cleo', 'dora']);
});

test('however changes are repeated and reordered, the cache ends as the latest of each name and its index agrees', t => {
  const step = fc.record({
    name: fc.constantFrom('anna', 'ben'),
    role: fc.constantFrom('user' as const, 'admin' as const),
    removes: fc.boolean(),
  });
  fc.assert(
    fc.property(
      fc.array(step, {minLength: 1, maxLength: 12}),
      fc.array(fc.nat(), {maxLength: 30}),
      (steps, order) => {
        const events = steps.map((each, index) => ({...each, version: index + 1}));
        const cache = createCache<'User', 'role'>(byRole);
        const shuffled = order.map(at => events[at % events.length]).filter(event => event !== undefined);
        // In any order and number, and then each once more as it happened.
        for (const {name, role, removes, version} of [...shuffled, ...events]) {
          if (removes) {
            cache.remove(user(name, version, role));
          } else {
            cache.upsert(user(name, version, role));
          }
        }
        for (const name of ['anna', 'ben']) {
          const last = events.findLast(event => event.name === name);
          const expected = last === undefined || last.removes ? undefined : last.version;
          const found = cache.get(name);
          t.is(found?.metadata.resourceVersion, expected === undefined ? undefined : String(expected));
          for (const role of ['user', 'admin'] as const) {
            t.is(names(cache.byIndex('role', role)).includes(name), found?.spec.role === role);
          }
        }
      },
    ),
  );
});
