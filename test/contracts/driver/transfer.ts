import {Readable} from 'node:stream';
import {buffer} from 'node:stream/consumers';
import type {ExecutionContext} from 'ava';
import type {Driver, Transfer} from '../../../agent/driver.ts';
import type {DriverSuite} from './suite.ts';

const signal = new AbortController().signal;
const dev = {mode: 0o640, uid: 1000, gid: 1000};
/** Calls of the kernel, for which the image has no program. */
const [setxattr, getxattr] = process.arch === 'arm64' ? [5, 8] : [188, 191];
const bytes = (text: string) => new TextEncoder().encode(text);

const movable = (t: ExecutionContext, {transfer}: Driver): Transfer | undefined => {
  if (transfer === undefined) t.pass('instances of this driver do not move');
  return transfer;
};

const stop = async (driver: Driver, uid: string) => await driver.stop(uid, {force: true, timeout: 1000});

/** An instance that was started, here; and where it is to go. Both are cleaned up. */
const setUpWith =
  ({request}: DriverSuite) =>
  async (t: ExecutionContext, driver: Driver, elsewhere: (() => Promise<Driver>) | undefined) => {
    if (elsewhere === undefined)
      throw new Error('the fixture of a driver that moves instances needs elsewhere');
    const there = await elsewhere();
    const options = request();
    const {uid} = options.spec;
    t.teardown(async () => {
      await driver.delete(uid);
      await there.delete(uid);
    });
    await driver.create(options);
    await driver.start(uid);
    return {uid, there};
  };

/** What has come to another backend is what left this one. */
export function arrivalContract(suite: DriverSuite): void {
  const {it, itReally, has} = suite;
  const setUp = setUpWith(suite);

  it('an instance is exported and imported with all that makes it what it is', async (t, {
    driver,
    elsewhere,
  }) => {
    const transfer = movable(t, driver);
    if (transfer === undefined) return;
    const {uid, there} = await setUp(t, driver, elsewhere);
    // Where nobody reads the disk of what is stopped, the next test looks at files, once it runs.
    const isRead = has('OfflineFiles');
    if (isRead) await driver.writeFile(uid, '/home/dev/work', bytes('unsaved'), dev);
    await stop(driver, uid);
    const before = await driver.observeOne(uid);
    t.is(there.transfer?.format, transfer.format);

    const {attributes, content, size} = await transfer.export(uid, signal);
    const archive = await buffer(content);
    t.is(size ?? archive.length, archive.length);
    t.deepEqual(await driver.observeOne(uid), before, 'what was exported is as it was');

    const mark = 'transfer-1 2026-11-20T10:00:00.000Z';
    const made = await there.transfer?.import(
      {uid, mark, attributes, content: Readable.from([archive])},
      signal,
    );
    t.like(made, {
      uid,
      name: before?.name,
      state: 'Stopped',
      specHash: before?.specHash,
      hostKey: before?.hostKey,
      hasRun: true,
      needsProvisioning: before?.needsProvisioning,
      incoming: {mark, complete: true},
    });
    t.deepEqual(made?.limits, before?.limits);
    if (isRead) {
      t.is(new TextDecoder().decode(await there.readFile(uid, '/home/dev/work')), 'unsaved');
    }

    await there.transfer?.accept(uid);
    await there.transfer?.accept(uid);
    const accepted = await there.observeOne(uid);
    t.is(accepted?.incoming, undefined);
    t.true(accepted?.hasRun, 'it may hold work, although it has never run here');
    await there.start(uid);
    t.is((await there.observeOne(uid))?.state, 'Running');
    await driver.delete(uid);
    t.is((await there.observeOne(uid))?.state, 'Running');
  });

  itReally(
    'files arrive with owner, mode, links, holes and extended attributes',
    async (t, {driver, elsewhere}) => {
      const transfer = movable(t, driver);
      if (transfer === undefined) return;
      const {uid, there} = await setUp(t, driver, elsewhere);
      const shell = async (on: Driver, script: string) => {
        const process = await on.exec(uid, {
          command: ['/bin/sh', '-c', script],
          user: 'root',
          directory: '/home/dev',
        });
        process.stdin.end();
        const [output] = await Promise.all([
          buffer(process.stdout),
          buffer(process.stderr),
          process.exitCode,
        ]);
        return output.toString();
      };
      await shell(
        driver,
        `head -c 3000000 /dev/urandom >'a file'; ln 'a file' hard; ln -s 'a file' link; ln -s /nowhere dangling
       mkdir -p deep/er; chmod 2750 deep; chown dev:dev 'a file' deep; chmod 4711 hard; chown 12345:54321 deep/er
       mkfifo pipe; truncate -s 50M sparse; touch -d 2001-02-03T04:05:06Z old
       cp /bin/true capable; setcap cap_net_raw+ep capable 2>/dev/null || true
       perl -e '($file, $name, $note) = @ARGV; syscall(${setxattr}, $file, $name, $note, 4, 0)' 'a file' user.note kept; sync`,
      );
      const list = `find . -printf '%P %y %m %U %G %n %l %s\n' | sort; find . -type f -exec sha256sum {} + | sort
      stat -c '%n %Y' old; getcap capable 2>/dev/null || true
      perl -e '($file, $name, $note) = @ARGV; syscall(${getxattr}, $file, $name, $note, 4); print $note' 'a file' user.note lost`;
      const before = await shell(driver, list);
      t.regex(before, /deep\/er d 755 12345 54321/);
      t.regex(before, /kept$/);
      await stop(driver, uid);
      const {attributes, content} = await transfer.export(uid, signal);
      await there.transfer?.import({uid, mark: 'm', attributes, content}, signal);
      await there.transfer?.accept(uid);
      await there.start(uid);
      t.is(await shell(there, list), before);
    },
  );
}

/** How instances leave one backend and come to another. */
export function transferContract(suite: DriverSuite): void {
  const {it, fails, request} = suite;
  const setUp = setUpWith(suite);
  arrivalContract(suite);

  it('one that runs is not exported', async (t, {driver, elsewhere}) => {
    const transfer = movable(t, driver);
    if (transfer === undefined) return;
    const {uid} = await setUp(t, driver, elsewhere);
    await fails(t, 'NotPermittedNow', transfer.export(uid, signal));
  });

  it('an export that is given up can be made again', async (t, {driver, elsewhere}) => {
    const transfer = movable(t, driver);
    if (transfer === undefined) return;
    const {uid} = await setUp(t, driver, elsewhere);
    await stop(driver, uid);
    const {content} = await transfer.export(uid, signal);
    content.destroy();
    await new Promise(resolve => content.once('close', resolve));
    // Whatever was made for it is taken away behind its back, which may stand in the way for a moment.
    for (;;) {
      try {
        const again = await transfer.export(uid, signal);
        t.true((await buffer(again.content)).length > 0);
        return;
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'NotPermittedNow')) throw error;
        await new Promise(resolve => setImmediate(resolve));
      }
    }
  });

  it('an import that is interrupted leaves nothing, and can be made again', async (t, {
    driver,
    elsewhere,
  }) => {
    const transfer = movable(t, driver);
    if (transfer === undefined) return;
    const {uid, there} = await setUp(t, driver, elsewhere);
    await stop(driver, uid);
    const {attributes, content} = await transfer.export(uid, signal);
    const archive = await buffer(content);
    const broken = Readable.from(
      (async function* () {
        yield archive.subarray(0, archive.length - 10);
        throw new Error('the wire was cut');
      })(),
    );
    await t.throwsAsync(
      async () => await there.transfer?.import({uid, mark: 'a', attributes, content: broken}, signal),
      {
        name: 'DriverError',
      },
    );
    t.is(await there.observeOne(uid), undefined);

    const wanted = {cpus: 2, memory: 2 ** 29, disk: 2 ** 31};
    for (const [mark, limits] of [
      ['b', undefined],
      ['c', wanted],
    ] as const) {
      const made = await there.transfer?.import(
        {uid, mark, attributes, content: Readable.from([archive]), ...(limits && {limits})},
        signal,
      );
      t.deepEqual(made?.incoming, {mark, complete: true}, 'a copy takes the place of an earlier one');
      t.deepEqual(made?.limits, limits ?? request().spec.limits, 'limits are those that it is to have here');
    }
    await there.transfer?.accept(uid);
    await fails(
      t,
      'NotPermittedNow',
      there.transfer?.import({uid, mark: 'd', attributes, content: Readable.from([archive])}, signal) ??
        Promise.resolve(),
    );
    t.is((await there.observeOne(uid))?.incoming, undefined, 'what is no copy stays');
  });
}
