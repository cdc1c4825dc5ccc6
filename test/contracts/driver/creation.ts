import {canonicalName} from '../../../agent/instance-name.ts';
import {RefusedError} from '../../../agent/probe.ts';
import {connectTcp} from '../../../agent/system/tcp-connect.ts';
import {exampleHostKey} from './example.ts';
import type {DriverSuite} from './suite.ts';

/** What a creation makes, and that it can be repeated at any moment. */
export function creationContract({
  it,
  needs,
  run,
  request,
  instance,
  stateOf,
  fails,
  box,
}: DriverSuite): void {
  it('tells which backend it is and that it is ready', async (t, {driver}) => {
    const {ready, backend, version} = await driver.probe();
    t.true(ready);
    t.not(backend, '');
    t.not(version, '');
  });

  it('preparing again changes nothing', async (t, {driver}) => {
    await driver.prepare();
    t.is(await stateOf(box()), 'Running');
  });

  it('has a capacity of which some is allocatable', async (t, {driver}) => {
    const {capacity, allocatable} = await driver.capacity();
    for (const key of ['cpus', 'memory', 'disk'] as const) {
      t.true(allocatable[key] > 0 && allocatable[key] <= capacity[key], key);
    }
  });

  needs('Inside', 'Network')('instances answer their node, but not each other', async (t, {driver}) => {
    const [{uid}, {address = '', uid: other}] = await Promise.all([
      instance(t, {started: true}),
      instance(t, {started: true}),
    ]);
    // Nothing listens on this port: who can be reached refuses.
    const signal = AbortSignal.timeout(10_000);
    await t.throwsAsync(connectTcp(address, 9, {signal}), {instanceOf: RefusedError});
    const knock = (host: string) =>
      run(['timeout', '2', 'bash', '-c', `exec 3<>/dev/tcp/${host}/9`], {uid}).then(({stderr}) => stderr);
    t.regex(await knock('127.0.0.1'), /Connection refused/);
    t.notRegex(await knock(address), /Connection refused/);
    t.is((await driver.observeOne(other))?.state, 'Running');
  });

  it('creates a stopped instance with all that was asked for', async (t, {driver}) => {
    const created = await instance(t);
    t.like(created, {
      name: canonicalName(created.uid),
      state: 'Stopped',
      specHash: 'hash-1',
      hostKey: exampleHostKey.publicKey.split(' ').slice(0, 2).join(' '),
      limits: {cpus: 1, memory: 2 ** 28, disk: 2 ** 30},
      needsProvisioning: false,
      hasRun: false,
      retired: undefined,
      startedAt: undefined,
    });
    t.regex(created.address ?? '', /^\d+\.\d+\.\d+\.\d+$/);
    t.deepEqual(await driver.observeOne(created.uid), created);
    t.deepEqual(
      (await driver.observe()).filter(({uid}) => uid === created.uid),
      [created],
    );
  });

  it('creating what exists answers it as it is', async (t, {driver}) => {
    const created = await instance(t, {started: true});
    const again = await driver.create(request({uid: created.uid, specHash: 'hash-2'}));
    t.is(again.specHash, 'hash-1');
    t.is(again.state, 'Running');
    t.is(again.address, created.address);
  });

  it('several creations of one instance at once make one', async (t, {driver}) => {
    const options = request();
    t.teardown(async () => await driver.delete(options.spec.uid));
    const made = await Promise.all([1, 2, 3].map(async () => await driver.create(options)));
    t.is(new Set(made.map(({address}) => address)).size, 1);
  });

  it('instances created at once have different addresses', async (t, {driver}) => {
    const requests = [request(), request(), request()];
    t.teardown(async () => {
      await Promise.all(requests.map(async ({spec}) => await driver.delete(spec.uid)));
    });
    const made = await Promise.all(requests.map(async each => await driver.create(each)));
    t.is(new Set(made.map(({address}) => address)).size, 3);
  });

  it('a creation that was given up is completed by the next', async (t, {driver}) => {
    const options = request();
    t.teardown(async () => await driver.delete(options.spec.uid));
    const given = new AbortController();
    const call = driver.create(options, given.signal);
    given.abort(new Error('enough'));
    await fails(t, 'TimedOut', call);
    t.is((await driver.create(options)).state, 'Stopped');
  });

  it('an image that nobody has is ImageNotFound, and leaves nothing', async (t, {driver}) => {
    const options = request({image: 'nobody/has-this'});
    await fails(t, 'ImageNotFound', driver.create(options));
    t.is(await driver.observeOne(options.spec.uid), undefined);
  });
}
