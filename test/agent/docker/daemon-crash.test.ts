import {execFile} from 'node:child_process';
import {randomUUID} from 'node:crypto';
import path from 'node:path';
import {Readable} from 'node:stream';
import {buffer, text} from 'node:stream/consumers';
import {promisify} from 'node:util';
import test from 'ava';
import type {CreateOptions} from '../../../agent/driver.ts';
import {DriverError} from '../../../agent/driver.ts';
import {canonicalName} from '../../../agent/instance-name.ts';
import {exampleHostKey, exampleKey} from '../../contracts/driver/example.ts';
import type {DockerFixture} from './fixture.ts';
import {openDocker} from './fixture.ts';

/** The home of a daemon that may be killed: `hack/backend start --own --home DIR --kind docker`. */
const control = process.env.NEXUS_TEST_DOCKER_CONTROL;
const tarball = process.env.NEXUS_TEST_IMAGE;
const run = promisify(execFile);
const {signal} = new AbortController();

function request(): CreateOptions {
  return {
    hostKey: exampleHostKey,
    spec: {
      uid: randomUUID(),
      name: 'demo',
      provider: 'docker',
      image: 'nexus/base',
      limits: {cpus: 1, memory: 2 ** 28, disk: 2 ** 30},
      env: {},
      authorizedKeys: [exampleKey],
      specHash: 'hash-1',
    },
  };
}

if (control && tarball) {
  register(control, tarball);
} else {
  const title =
    'Docker that may be killed: needs NEXUS_TEST_DOCKER_CONTROL (a home of hack/backend) and NEXUS_TEST_IMAGE';
  if (process.env.CI) test(title, t => t.fail('in CI nothing is skipped'));
  else test.skip(title, t => t.fail());
}

function register(home: string, image: string): void {
  let fixture: DockerFixture;
  const restart = async () => {
    await run(path.resolve(import.meta.dirname, '../../../hack/backend'), ['restart', '--home', home]);
  };

  test.before(async () => {
    fixture = await openDocker(path.join(home, 'docker/docker.sock'), image);
  });
  test.after.always(async () => {
    await fixture?.[Symbol.asyncDispose]();
  });

  test.serial('a workspace outlives a daemon that is killed, and is led by the next as before', async t => {
    const {driver} = fixture;
    const options = request();
    const {uid} = options.spec;
    await driver.create(options);
    await driver.start(uid);
    const before = await driver.observeOne(uid);
    await restart();
    t.deepEqual(await driver.observeOne(uid), before);
    const hostname = await driver.exec(uid, {command: ['hostname'], user: 'dev'});
    t.is(await text(hostname.stdout), 'demo\n');
    await driver.stop(uid, {force: false, timeout: 20_000});
    await driver.delete(uid);
    t.is(await driver.observeOne(uid), undefined);
  });

  test.serial(
    'whatever a daemon was doing when it was killed is completed when it is asked for again',
    async t => {
      const {driver, byHand} = fixture;
      const coming = [request(), request()];
      const [starting, leaving] = [request(), request()];
      for (const each of [starting, leaving]) await driver.create(each);
      const cutOff = Promise.allSettled([
        ...coming.map(each => driver.create(each)),
        driver.start(starting.spec.uid),
        driver.delete(leaving.spec.uid),
      ]);
      await restart();
      await cutOff;
      for (const each of coming) {
        t.is((await driver.create(each)).name, canonicalName(each.spec.uid));
        await driver.start(each.spec.uid);
      }
      await driver.start(starting.spec.uid);
      await driver.delete(leaving.spec.uid);
      const uids = [...coming, starting].map(({spec}) => spec.uid);
      t.deepEqual(
        (await driver.observe()).map(({uid, state}) => `${uid} ${state}`).sort(),
        uids.map(uid => `${uid} Running`).sort(),
      );
      t.is(await byHand.stateOf(canonicalName(leaving.spec.uid)), undefined);
      for (const uid of uids) {
        const keys = await driver.readFile(uid, '/etc/nexus/authorized_keys');
        t.is(new TextDecoder().decode(keys), `${exampleKey}\n`);
      }
    },
  );

  test.serial(
    'a copy that a dying daemon has cut off is no instance, and nothing of it is left by the next',
    async t => {
      const {driver, byHand, installation} = fixture;
      const {transfer} = driver;
      if (transfer === undefined) throw new Error('containers do not move on this storage');
      const options = request();
      const {uid} = options.spec;
      await driver.create(options);
      const {attributes, content} = await transfer.export(uid, signal);
      const archive = await buffer(content);
      await driver.delete(uid);

      const limits = {cpus: 1, memory: 2 ** 28, disk: 2 ** 26};
      const large = Readable.from([archive]);
      const error = await t.throwsAsync(
        transfer.import({uid, mark: 'large', attributes, limits, content: large}, signal),
        {instanceOf: DriverError},
      );
      t.is(error?.code, 'NoSpace', 'a copy has no more of the disk than it may');
      t.is(await driver.observeOne(uid), undefined);

      const cut = Promise.withResolvers<void>();
      const begun = Promise.withResolvers<void>();
      const halting = Readable.from(
        (async function* () {
          yield archive.subarray(0, 2 ** 20);
          begun.resolve();
          await cut.promise;
          throw new Error('the wire was cut');
        })(),
      );
      const cutOff = transfer.import({uid, mark: 'first', attributes, content: halting}, signal);
      cutOff.catch(() => {});
      await Promise.race([begun.promise, cutOff]);
      t.deepEqual((await driver.observeOne(uid))?.incoming, {mark: 'first', complete: false});
      await restart();
      cut.resolve();
      await t.throwsAsync(cutOff, {name: 'DriverError'});
      t.not((await driver.observeOne(uid))?.incoming?.complete, true);

      const made = await transfer.import(
        {uid, mark: 'second', attributes, content: Readable.from([archive])},
        signal,
      );
      t.deepEqual(made.incoming, {mark: 'second', complete: true});
      const left = await byHand.all(installation);
      t.deepEqual(
        left.filter(name => !name.startsWith('nexus-') || name.includes(uid)),
        [`${canonicalName(uid)}.arrived`],
        'neither the first copy nor a helper',
      );
      await transfer.accept(uid);
      t.true((await byHand.all(installation)).includes(canonicalName(uid)));
    },
  );

  test.serial('what an agent that was killed has begun is removed once the next one listens', async t => {
    const {driver, byHand, installation, again} = fixture;
    const options = request();
    const {uid} = options.spec;
    await driver.create(options);
    const before = new Set(await byHand.all(installation));
    const helpers = async () => (await byHand.all(installation)).filter(name => !before.has(name));
    const exported = await driver.transfer?.export(uid, signal);
    exported?.content.on('error', () => {});
    t.is((await helpers()).length, 1);

    const stopping = new AbortController();
    t.teardown(() => stopping.abort());
    await using next = again();
    for await (const {uid: changed} of next.events(stopping.signal)) {
      t.is(changed, undefined);
      break;
    }
    t.deepEqual(await helpers(), []);
  });
}
