import type {ExecutionContext} from 'ava';
import test from 'ava';
import {DriverError} from '../../../agent/driver.ts';
import {createLxdDriver} from '../../../agent/lxd/driver.ts';
import {identity, marks} from '../../../agent/lxd/instance-config.ts';
import type {NodeDriver} from '../../../agent/node-driver.ts';
import {silentLogger} from '../../../api/effects/logger.ts';
import {systemRandom} from '../../../api/effects/random.ts';
import {createManualClock} from '../../fakes/manual-clock.ts';
import type {StubAnswer} from './stub-backend.ts';
import {async, openStubBackend, refusal, sync} from './stub-backend.ts';

const uid = '11111111-1111-4111-8111-111111111111';
const path = `/1.0/instances/nexus-${uid}`;

const stopped = {
  name: `nexus-${uid}`,
  project: 'nexus-abcdef',
  status_code: 102,
  last_used_at: '2026-11-20T10:00:00Z',
  config: {[identity]: uid, [marks.uid]: uid, [marks.installation]: 'abcdef'},
  devices: {},
};

function driverOn(socket: string, clock = createManualClock()): NodeDriver {
  return createLxdDriver({socket, installation: 'abcdef', clock, random: systemRandom, log: silentLogger});
}

async function fails(
  t: ExecutionContext,
  code: DriverError['code'],
  call: Promise<unknown>,
): Promise<DriverError> {
  const error = await t.throwsAsync(call, {instanceOf: DriverError});
  t.is(error?.code, code, error?.message);
  return error ?? t.fail('it did not throw');
}

test('without a backend every call says so, and the probe does not throw', async t => {
  await using driver = driverOn('/nonexistent/unix.socket');
  t.like(await driver.probe(), {ready: false});
  t.regex((await driver.probe()).message ?? '', /\/nonexistent\/unix\.socket/);
  await fails(t, 'BackendUnavailable', driver.observe());
  await fails(t, 'BackendUnavailable', driver.prepare());
  await fails(t, 'BackendUnavailable', driver.start(uid));
  await fails(t, 'BackendUnavailable', driver.exec(uid, {command: ['true'], user: 'dev'}));
});

test('a socket without rights is not ready, and says why', async t => {
  await using backend = await openStubBackend(() =>
    sync({auth: 'untrusted', environment: {server: 'incus', server_version: '6.0.4'}}),
  );
  await using driver = driverOn(backend.socket);
  const probe = await driver.probe();
  t.like(probe, {backend: 'incus', version: '6.0.4', ready: false});
  t.regex(probe.message ?? '', /no right/);
});

const environment = {
  server: 'incus',
  server_version: '6.0.4',
  storage_supported_drivers: [{Name: 'dir'}, {Name: 'btrfs'}],
};

/** What a node that was set up answers a probe with. */
const prepared: Readonly<Record<string, StubAnswer>> = {
  'GET /1.0': sync({auth: 'trusted', environment, api_extensions: ['network_bridge_acl']}),
  'GET /1.0/projects/nexus-abcdef': sync({}),
  'GET /1.0/storage-pools/nexus-abcdef': sync({status: 'Created'}),
  'GET /1.0/networks/nxabcdef': sync({status: 'Created', config: {'ipv4.address': '10.70.0.1/24'}}),
  'GET /1.0/network-acls/nxabcdef': sync({egress: [], ingress: []}),
  'PUT /1.0/network-acls/nxabcdef': sync({}),
  'PATCH /1.0/networks/nxabcdef': sync({}),
  'GET /1.0/images/aliases/nexus%2Fbase': sync({target: 'f'}),
};

const lacking: readonly (readonly [name: string, path: string, answer: StubAnswer, message: RegExp])[] = [
  [
    'project',
    '/1.0/projects/nexus-abcdef',
    refusal(404, 'Project not found'),
    /project nexus-abcdef missing/,
  ],
  ['pool', '/1.0/storage-pools/nexus-abcdef', refusal(404, 'Not found'), /storage pool nexus-abcdef missing/],
  ['bridge', '/1.0/networks/nxabcdef', refusal(404, 'Network not found'), /bridge nxabcdef missing/],
  [
    'usable pool',
    '/1.0/storage-pools/nexus-abcdef',
    sync({status: 'Errored'}),
    /storage pool nexus-abcdef missing/,
  ],
  ['managed bridge', '/1.0/networks/nxabcdef', sync({status: '', config: {}}), /bridge nxabcdef missing/],
];

for (const [name, path, answer, message] of lacking) {
  test(`a node without ${name} is not ready, and says how it is set up`, async t => {
    await using backend = await openStubBackend(({what}) =>
      what === `GET ${path}` ? answer : (prepared[what] ?? 'cut'),
    );
    await using driver = driverOn(backend.socket);
    const probe = await driver.probe();
    t.like(probe, {backend: 'incus', version: '6.0.4', ready: false});
    t.regex(probe.message ?? '', message);
    t.regex(probe.message ?? '', /nexus agent setup --image FILE/);
    t.true((await driver.probeBackend()).ready, 'the backend itself can be set up');
  });
}

test('a node that was set up is ready, and is not asked again with every probe', async t => {
  const clock = createManualClock();
  let bridge = prepared['GET /1.0/networks/nxabcdef'] ?? 'cut';
  await using backend = await openStubBackend(({what}) =>
    what === 'GET /1.0/networks/nxabcdef' ? bridge : (prepared[what] ?? 'cut'),
  );
  await using driver = driverOn(backend.socket, clock);
  const asked = () => backend.requests.filter(what => what.includes('/storage-pools/')).length;
  t.deepEqual(await driver.probe(), {backend: 'incus', version: '6.0.4', ready: true});
  t.true((await driver.probe()).ready);
  t.is(asked(), 1);
  bridge = refusal(404, 'Network not found');
  await clock.advance(30_000);
  t.false((await driver.probe()).ready);
  bridge = prepared['GET /1.0/networks/nxabcdef'] ?? 'cut';
  t.true((await driver.probe()).ready, 'a no is not remembered');
});

test('a backend without rules for bridges is ready, and says what it lacks', async t => {
  await using backend = await openStubBackend(({what}) =>
    what === 'GET /1.0' ? sync({auth: 'trusted', environment}) : (prepared[what] ?? 'cut'),
  );
  await using driver = driverOn(backend.socket);
  const probe = await driver.probe();
  t.true(probe.ready);
  t.regex(probe.message ?? '', /cannot keep workspaces from services of the machine/);
});

test('a node without the base image is ready, since other images may be there, and says so', async t => {
  await using backend = await openStubBackend(({what}) =>
    what.includes('/images/') ? refusal(404, 'Image alias not found') : (prepared[what] ?? 'cut'),
  );
  await using driver = driverOn(backend.socket);
  const probe = await driver.probe();
  t.true(probe.ready);
  t.regex(probe.message ?? '', /image nexus\/base is missing.*nexus agent setup/);
});

test('nothing is made on a bridge that merely has the name', async t => {
  await using backend = await openStubBackend(({what}) =>
    what === 'GET /1.0/networks/nxabcdef' ? sync({config: {}}) : (prepared[what] ?? 'cut'),
  );
  await using driver = driverOn(backend.socket);
  const limits = {cpus: 1, memory: 2 ** 30, disk: 2 ** 30};
  const spec = {uid, name: 'a', provider: 'lxc' as const, image: 'nexus/base', limits, env: {}};
  const hostKey = {privateKey: 'private', publicKey: 'public'};
  const creation = driver.create({spec: {...spec, authorizedKeys: [], specHash: 'h'}, hostKey});
  const error = await fails(t, 'BackendUnavailable', creation);
  t.regex(error.message, /bridge nxabcdef has no address.*nexus agent setup/);
});

test('what made a bridge fail is told, and what came of it after that', async t => {
  let posts = 0;
  await using backend = await openStubBackend(({what}) => {
    if (what === 'GET /1.0/networks/nxabcdef')
      return posts === 0 ? refusal(404, 'Network not found') : sync({status: 'Errored'});
    if (what === 'POST /1.0/networks') {
      posts += 1;
      return posts === 1 ? refusal(400, 'dnsmasq is not installed') : refusal(500, 'Device is there');
    }
    return what.startsWith('DELETE') ? refusal(404, 'Network not found') : (prepared[what] ?? sync({}));
  });
  await using driver = driverOn(backend.socket);
  const error = await fails(t, 'Internal', driver.prepare());
  t.regex(
    error.message,
    /^POST \/1\.0\/networks: dnsmasq is not installed \(tried again: .*Device is there\)$/,
  );
});

test('a machine without copy-on-write is ready, and says what it lacks', async t => {
  const slow = {...environment, storage_supported_drivers: [{Name: 'dir'}]};
  await using backend = await openStubBackend(({what}) =>
    what === 'GET /1.0' ? sync({auth: 'trusted', environment: slow}) : (prepared[what] ?? 'cut'),
  );
  await using driver = driverOn(backend.socket);
  const probe = await driver.probe();
  t.true(probe.ready);
  t.regex(probe.message ?? '', /btrfs/);
});

const waits: Readonly<Record<string, StubAnswer>> = {
  'cut off': 'cut',
  'forgotten by a daemon that was started anew': refusal(404, 'Operation not found'),
  'refused by a daemon that is shutting down': refusal(503, 'LXD daemon is shutting down'),
};

for (const [how, answer] of Object.entries(waits)) {
  test(`an operation that is ${how} leaves the call BackendUnavailable`, async t => {
    await using backend = await openStubBackend(({what}) => {
      if (what === `GET ${path}`) return sync(stopped);
      if (what === `PUT ${path}/state`) return async('op');
      return what === 'GET /1.0/operations/op/wait' ? answer : refusal(404, 'not found');
    });
    await using driver = driverOn(backend.socket);
    await fails(t, 'BackendUnavailable', driver.start(uid));
  });
}

test('an operation that failed since something was not found is not taken for a lost one', async t => {
  const operation = {
    id: 'op',
    class: 'task',
    description: 'Starting instance',
    status_code: 400,
    err: 'Storage volume not found',
  };
  await using backend = await openStubBackend(({what}) => {
    if (what === `GET ${path}`) return sync(stopped);
    if (what === `PUT ${path}/state`) return async('op');
    if (what === 'GET /1.0/operations') return sync({});
    if (what === 'GET /1.0/operations/op') return sync(operation);
    return refusal(404, 'Storage volume not found');
  });
  await using driver = driverOn(backend.socket);
  const error = await fails(t, 'NotFound', driver.start(uid));
  t.regex(error.message, /Storage volume/);
});

test('giving up a call on a backend that hangs ends it at once, with the reason', async t => {
  await using backend = await openStubBackend(() => 'hang');
  await using driver = driverOn(backend.socket);
  const giving = new AbortController();
  const call = driver.start(uid, giving.signal);
  giving.abort(new Error('the deadline passed'));
  const error = await fails(t, 'TimedOut', call);
  t.like(error.cause, {message: 'the deadline passed'});
});

test('an answer that is no JSON, or not of the form that is known, is Internal', async t => {
  await using backend = await openStubBackend(({what}) =>
    what.endsWith('instances') ? sync([{name: 1}]) : 'cut',
  );
  await using driver = driverOn(backend.socket);
  await fails(t, 'Internal', driver.observe());
});

test('a busy instance is waited for, and what its operation did is not done again', async t => {
  let state = 102;
  await using backend = await openStubBackend(({what}) => {
    const operation = {id: 'other', class: 'task', description: 'Starting', status_code: 103, err: ''};
    if (what === `GET ${path}`) return sync({...stopped, status_code: state});
    if (what === `PUT ${path}/state`) return refusal(500, 'Instance is busy running a "start" operation');
    if (what === 'GET /1.0/operations')
      return sync({running: [{...operation, resources: {instances: [path]}}]});
    if (what !== 'GET /1.0/operations/other/wait') return refusal(404, 'not found');
    state = 103;
    return sync({...operation, status_code: 200});
  });
  await using driver = driverOn(backend.socket);
  await driver.start(uid);
  t.is(backend.requests.filter(what => what.startsWith('PUT')).length, 1);
});

test('a change that came in between is taken into account by trying again', async t => {
  let patches = 0;
  await using backend = await openStubBackend(({what}) => {
    if (what === `GET ${path}`) return sync(stopped);
    if (what === 'GET /1.0/operations') return sync({});
    patches += 1;
    return patches === 1 ? refusal(412, "ETag doesn't match: a vs b") : sync({});
  });
  await using driver = driverOn(backend.socket);
  await driver.retire(uid, {at: '2026-11-20T10:00:00.000Z', until: '2026-11-27T10:00:00.000Z'});
  t.is(patches, 2);
});

test('the event stream is opened again after the backend was away, and tells "anything"', async t => {
  const clock = createManualClock();
  await using backend = await openStubBackend(() => 'hang');
  await using driver = driverOn(backend.socket, clock);
  const stopping = new AbortController();
  const events = driver.events(stopping.signal)[Symbol.asyncIterator]();
  t.deepEqual((await events.next()).value, {uid: undefined});

  const tell = (action: string, name: string) =>
    backend.websockets[0]?.send(
      JSON.stringify({metadata: {action, source: `/1.0/instances/${name}?project=x`}}),
    );
  tell('instance-exec', `nexus-${uid}`);
  tell('instance-stopped', `nexus-${uid}`);
  t.deepEqual((await events.next()).value, {uid});
  tell('instance-created', 'by-hand');
  t.deepEqual((await events.next()).value, {uid: undefined});

  const next = events.next();
  await backend.stop();
  await backend.start();
  let seen: unknown;
  void next.then(({value}) => {
    seen = value;
  });
  while (seen === undefined) await clock.advance(5000);
  t.deepEqual(seen, {uid: undefined});
  stopping.abort();
  t.true((await events.next()).done);
});
