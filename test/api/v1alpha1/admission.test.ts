import test from 'ava';
import type {StorageError} from '../../../api/storage/storage-error.ts';
import type {Caller} from '../../../api/v1alpha1/admission.ts';
import {admitCreate, admitStatusUpdate, admitUpdate, defaultOwner} from '../../../api/v1alpha1/admission.ts';
import type {Stored} from '../../../api/v1alpha1/kinds.ts';
import {sshFingerprint} from '../../../api/v1alpha1/ssh-fingerprint.ts';
import {storeAnnotations} from '../../../api/v1alpha1/store-annotations.ts';
import {parseResourceOf} from '../../../api/v1alpha1/validate.ts';
import {instanceFinalizer} from '../../../api/v1alpha1/workspace.ts';

const admin: Caller = {name: 'admin', role: 'admin'};
const ada: Caller = {name: 'ada', role: 'user'};
const apiVersion = 'nexus.dev/v1alpha1';

const workspace = (spec: object = {}, metadata: object = {}) =>
  parseResourceOf('Workspace', {
    apiVersion,
    kind: 'Workspace',
    metadata: {name: 'web', ...metadata},
    spec: {owner: 'ada', ...spec},
  });

const stored = (spec: object = {}, status: Stored<'Workspace'>['status'] = {}): Stored<'Workspace'> => {
  const written = {
    uid: 'u1',
    resourceVersion: '7',
    generation: 1,
    creationTimestamp: '2026-01-01T00:00:00Z',
    finalizers: [instanceFinalizer, 'example.com/other'],
  };
  const {metadata, ...rest} = workspace(spec);
  return {...rest, status, metadata: {...metadata, ...written}};
};

test('a manifest without an owner gets the caller; any other input is left alone', t => {
  t.deepEqual(defaultOwner({kind: 'Workspace', spec: {image: 'x'}}, ada), {
    kind: 'Workspace',
    spec: {image: 'x', owner: 'ada'},
  });
  t.deepEqual(defaultOwner({kind: 'Workspace'}, ada), {kind: 'Workspace', spec: {owner: 'ada'}});
  for (const input of [
    null,
    'x',
    [],
    {kind: 'Node', spec: {}},
    {kind: 'Workspace', spec: {owner: 'bob'}},
    {kind: 'Workspace', spec: 'x'},
  ]) {
    t.is(defaultOwner(input, ada), input);
  }
});

test('a new workspace is held by its finalizer, and has nothing that only the store writes', t => {
  const given = {
    uid: 'x',
    resourceVersion: '1',
    generation: 4,
    deletionTimestamp: '2026-01-01T00:00:00Z',
    labels: {a: 'b'},
  };
  const admitted = admitCreate({...workspace({}, given), status: {phase: 'Running'}}, ada);
  t.deepEqual(admitted.metadata, {name: 'web', labels: {a: 'b'}, finalizers: [instanceFinalizer]});
  t.false('status' in admitted);
});

test('finalizers that are given are kept, each once', t => {
  const finalizers = ['example.com/a', instanceFinalizer];
  t.deepEqual(admitCreate(workspace({}, {finalizers}), admin).metadata.finalizers, [
    instanceFinalizer,
    'example.com/a',
  ]);
});

test('only an admin holds a new workspace by other finalizers', t => {
  const finalizers = ['example.com/a'];
  t.throws(() => admitCreate(workspace({}, {finalizers}), ada), {
    code: 'Forbidden',
    message: /example\.com\/a/,
  });
  const own = admitCreate(workspace({}, {finalizers: [instanceFinalizer]}), ada);
  t.deepEqual(own.metadata.finalizers, [instanceFinalizer]);
});

test('an update without finalizers keeps them; only an admin takes them away', t => {
  const {finalizers} = stored().metadata;
  t.deepEqual(admitUpdate(workspace(), stored(), admin).metadata.finalizers, finalizers);
  t.deepEqual(admitUpdate(workspace({}, {finalizers: []}), stored(), ada).metadata.finalizers, finalizers);
  t.deepEqual(admitUpdate(workspace({}, {finalizers: []}), stored(), admin).metadata.finalizers, []);
});

test('nobody sets the annotations by which the store on Kubernetes knows what an object was', t => {
  for (const name of storeAnnotations) {
    const forged = workspace({}, {annotations: {[name]: 'web/u2', other: 'x'}});
    for (const caller of [ada, admin]) {
      for (const admit of [() => admitCreate(forged, caller), () => admitUpdate(forged, stored(), caller)]) {
        const error = t.throws(admit, {code: 'Invalid'}) as StorageError;
        t.deepEqual(
          error.issues.map(({path}) => path),
          [`metadata.annotations[${name}]`],
        );
      }
    }

    const before = stored();
    const poisoned = {...before, metadata: {...before.metadata, annotations: {[name]: 'web/u2'}}};
    t.notThrows(() => admitUpdate(workspace({}, {annotations: {[name]: 'web/u2'}}), poisoned, ada));
  }
});

test('only an admin says by ownerReferences when an object goes', t => {
  const ownerReferences = [{apiVersion: 'v1', kind: 'ConfigMap', name: 'x', uid: 'gone'}];
  const given = workspace({}, {ownerReferences});
  t.is(admitCreate(given, ada).metadata.ownerReferences, undefined);
  t.deepEqual(admitCreate(given, admin).metadata.ownerReferences, ownerReferences);
  t.is(admitUpdate(given, stored(), ada).metadata.ownerReferences, undefined);
  t.deepEqual(admitUpdate(given, stored(), admin).metadata.ownerReferences, ownerReferences);
  const before = stored();
  const owned = {...before, metadata: {...before.metadata, ownerReferences}};
  t.deepEqual(admitUpdate(workspace(), owned, ada).metadata.ownerReferences, ownerReferences);
  t.is(admitUpdate(workspace(), owned, admin).metadata.ownerReferences, undefined);
});

const changes: readonly (readonly [title: string, from: object, to: object, status: object, path: string])[] =
  [
    [
      'the address of what was cloned',
      {repo: {name: 'a', url: 'https://x.example/a'}},
      {repo: {name: 'a', url: 'https://y.example/a'}},
      {},
      'spec.repo.url',
    ],
    [
      'the folder of the clone',
      {repo: {name: 'a', url: 'https://x.example/a'}},
      {repo: {name: 'b', url: 'https://x.example/a'}},
      {},
      'spec.repo.name',
    ],
    ['to no repository', {repo: {name: 'a', url: 'https://x.example/a'}}, {}, {}, 'spec.repo.name'],
    ['the node, once placed', {}, {node: 'b'}, {node: 'a'}, 'spec.node'],
  ];

for (const [title, from, to, status, path] of changes) {
  test(`nobody changes ${title}`, t => {
    const error = t.throws(() => admitUpdate(workspace(to), stored(from, status), admin), {code: 'Invalid'});
    t.true('issues' in error && JSON.stringify(error.issues).includes(path));
  });
}

test('what may be added or changed later is', t => {
  const bundle = {digest: 'a'.repeat(64), commit: 'b'.repeat(40)};
  const before = stored({repo: {name: 'a', bundle}});
  t.notThrows(() =>
    admitUpdate(workspace({repo: {name: 'a', bundle, url: 'https://x.example/a'}}), before, ada),
  );
  t.notThrows(() => admitUpdate(workspace({node: 'a'}), stored({}, {node: 'a'}), ada));
  t.notThrows(() => admitUpdate(workspace({node: 'b'}), stored(), ada));
});

test('another object of that name is not updated in its place', t => {
  t.throws(() => admitUpdate(workspace({}, {uid: 'u2'}), stored(), ada), {code: 'Conflict'});
  t.throws(() => admitStatusUpdate(workspace({}, {uid: 'u2'}), stored(), admin), {code: 'Conflict'});
  t.throws(() => admitStatusUpdate(workspace(), stored(), ada), {code: 'Forbidden'});
});

test('a fingerprint is that of ssh-keygen, and of nothing that is damaged', t => {
  const key = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl';
  t.is(sshFingerprint(`${key} github`), 'SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU');
  t.is(sshFingerprint(key.replace('ssh-ed25519', 'ssh-rsa')), undefined);
  t.is(sshFingerprint('ssh-ed25519 AAAA'), undefined);
  t.is(sshFingerprint(''), undefined);
});
