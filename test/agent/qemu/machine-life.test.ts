import {randomUUID} from 'node:crypto';
import {once} from 'node:events';
import {mkdir, readdir, stat, writeFile} from 'node:fs/promises';
import type {AddressInfo} from 'node:net';
import {createServer} from 'node:net';
import {networkInterfaces} from 'node:os';
import {join} from 'node:path';
import type {Duplex} from 'node:stream';
import {text} from 'node:stream/consumers';
import type {ExecutionContext} from 'ava';
import test from 'ava';
import type {CreateOptions, Driver, DriverInstance} from '../../../agent/driver.ts';
import {RefusedError} from '../../../agent/probe.ts';
import {findProcess} from '../../../agent/qemu/machine-process.ts';
import {pathsOf} from '../../../agent/qemu/paths.ts';
import {exampleHostKey, exampleKey} from '../../contracts/driver/example.ts';
import type {QemuFixture} from './fixture.ts';
import {onQemu, openQemu} from './fixture.ts';
import {openWorld} from './world.ts';

/** Milliseconds until an emulated machine has booted, on a node that has a lot else to do. */
const patience = 600_000;

onQemu(qemu => {
  let fixture: QemuFixture;
  /** One that has booted, and that tests may leave in any state. */
  const box = randomUUID();

  test.before('opens', async t => {
    t.timeout(patience);
    fixture = await openQemu(qemu);
    await fixture.driver.create(request(box));
    await fixture.driver.start(box);
    await run(['true']);
  });

  test.after.always('closes, and nothing is left', async t => {
    const {folder} = fixture;
    await fixture[Symbol.asyncDispose]();
    t.is(await stat(folder).catch(() => undefined), undefined);
  });

  function request(uid: string): CreateOptions {
    return {
      hostKey: exampleHostKey,
      spec: {
        uid,
        name: 'demo',
        provider: 'qemu',
        image: fixture.image,
        limits: {cpus: 1, memory: 2 ** 28, disk: 2 ** 30},
        env: {},
        authorizedKeys: [exampleKey],
        specHash: 'hash-1',
      },
    };
  }

  async function run(command: readonly string[], options: {user?: string; driver?: Driver} = {}) {
    const {user = 'root', driver = fixture.driver} = options;
    const inside = await driver.exec(box, {command, user});
    inside.stdin.end();
    const [stdout, stderr, exitCode] = await Promise.all([
      text(inside.stdout),
      text(inside.stderr),
      inside.exitCode,
    ]);
    return {stdout, stderr, exitCode};
  }

  const machine = (uid: string) => join(pathsOf(fixture.folder).machines, `nexus-${uid}`);

  /** Resolves once the driver, told of a change, sees the box so. */
  async function becomes(t: ExecutionContext, state: DriverInstance['state'], action: () => Promise<void>) {
    const stopping = new AbortController();
    const done = (async () => {
      for await (const {uid} of fixture.driver.events(stopping.signal)) {
        if (uid !== box) continue;
        if ((await fixture.driver.observeOne(box))?.state === state) return;
      }
    })();
    t.teardown(() => stopping.abort());
    await action();
    await done;
    stopping.abort();
  }

  async function processOfBox() {
    const found = await findProcess(machine(box));
    if (found === undefined) throw new Error('the machine does not run');
    return found;
  }

  test.serial('a machine outlives the driver that began it, and the next one finds it as it was', async t => {
    t.timeout(patience);
    const uid = randomUUID();
    t.teardown(async () => await fixture.driver.delete(uid));
    const first = fixture.again();
    await first.create(request(uid));
    await first.start(uid);
    const before = await first.observeOne(uid);
    await first[Symbol.asyncDispose]();

    t.deepEqual(await fixture.driver.observeOne(uid), before);
    t.is(before?.state, 'Running');
  });

  test.serial('QEMU runs as nobody, with nothing of the agent in its environment', async t => {
    const {id} = await processOfBox();
    const {uid} = await stat(`/proc/${id}`);
    t.is(uid >= 0x7000_0000, process.geteuid?.() === 0);
  });

  test.serial('the disk grows as it runs, and its file system with it', async t => {
    t.timeout(patience);
    const blocks = async () => Number((await run(['stat', '-f', '-c', '%b', '/'])).stdout);
    const before = await blocks();
    await fixture.driver.setLimits(box, {cpus: 1, memory: 2 ** 28, disk: 3 * 2 ** 29});
    t.true((await blocks()) > before * 1.3);
  });

  test.serial(
    'ports inside are reached through the connection, and a port that nobody has is refused',
    async t => {
      t.timeout(patience);
      const {driver} = fixture;
      const {address = ''} = (await driver.observeOne(box)) ?? {};
      const options = ['TCP-LISTEN:4000,bind=127.0.0.1,reuseaddr', 'EXEC:cat'];
      const echo = await driver.exec(box, {command: ['socat', ...options], user: 'dev'});
      const signal = AbortSignal.timeout(patience);
      let connection: Duplex | undefined;
      while (connection === undefined) {
        connection = await driver.reach?.(address, 4000, signal)?.catch(error => {
          if (error instanceof RefusedError) return undefined;
          throw error;
        });
      }
      connection.end('through\n');
      t.is(await text(connection), 'through\n');
      t.is(await echo.exitCode, 0);
      await t.throwsAsync(async () => void (await driver.reach?.(address, 4000, signal)), {
        instanceOf: RefusedError,
      });
      t.is(driver.reach?.('127.0.0.1', 4000, signal), undefined);
    },
  );

  test.serial('a driver that was begun just now makes the way into a machine itself', async t => {
    t.timeout(patience);
    await using later = fixture.again();
    const {address = ''} = (await later.observeOne(box)) ?? {};
    const signal = AbortSignal.timeout(patience);
    await t.throwsAsync(async () => void (await later.reach?.(address, 4000, signal)), {
      instanceOf: RefusedError,
    });
  });

  test.serial('a disk can not shrink, and keeps its size', async t => {
    const limits = {cpus: 1, memory: 2 ** 28, disk: 2 ** 30};
    await t.throwsAsync(fixture.driver.setLimits(box, limits), {message: /can't shrink/});
    t.is((await fixture.driver.observeOne(box))?.limits.disk, 3 * 2 ** 29);
  });

  test.serial('processors and memory change at the next start, and until then it says so', async t => {
    const uid = randomUUID();
    t.teardown(async () => await fixture.driver.delete(uid));
    const {driver} = fixture;
    await driver.create(request(uid));
    await driver.start(uid);
    t.is((await driver.observeOne(uid))?.limitsPending, undefined);
    const limits = {cpus: 2, memory: 3 * 2 ** 27, disk: 2 ** 30};
    await driver.setLimits(uid, limits);
    t.like(await driver.observeOne(uid), {limits, limitsPending: true});
    await driver.stop(uid, {force: true, timeout: 0});
    await driver.start(uid);
    t.like(await driver.observeOne(uid), {limits, limitsPending: undefined});
  });

  test.serial('from inside neither the node is reached nor another machine, by whatever address', async t => {
    t.timeout(patience);
    const other = randomUUID();
    t.teardown(async () => await fixture.driver.delete(other));
    const {address: neighbour} = await fixture.driver.create(request(other));
    await fixture.driver.start(other);

    await using listening = createServer(socket => socket.end('reached\n')).listen(0, '0.0.0.0');
    await once(listening, 'listening');
    const {port} = listening.address() as AddressInfo;
    const own = Object.values(networkInterfaces())
      .flat()
      .flatMap(each => (each?.family === 'IPv4' && !each.internal ? each.address : []));
    // As root inside may do: the loopback's addresses are sent to the gateway as well.
    const setup = await run([
      'sh',
      '-c',
      'ip route del local 127.0.0.0/8 dev lo table local; ip route add 127.0.0.0/8 via 10.0.2.2 dev eth0; ip addr add 127.0.0.1/32 dev lo',
    ]);
    t.is(setup.exitCode, 0, setup.stderr);
    const knock = async (target: string) =>
      await run(['timeout', '5', 'bash', '-c', `exec 3<>/dev/tcp/${target} && head -n 1 <&3`]);
    // Behind the node, as the rest of the world is: or else nothing would show that it is the node alone that can't be reached.
    await using world = await openWorld();
    t.is((await knock(`${world.address}/${world.port}`)).stdout, 'world\n');

    const targets = [
      ...['10.0.2.2', ...own, world.gateway, '127.0.0.2'].map(address => `${address}/${port}`),
      `${neighbour}/2022`,
      `${neighbour}/2023`,
      '169.254.169.254/80',
    ];
    for (const target of targets) {
      const {stdout, exitCode} = await knock(target);
      t.is(stdout, '', target);
      t.not(exitCode, 0, target);
    }
  });

  test.serial('a process that was stopped by a signal is seen, told, and goes on', async t => {
    t.timeout(patience);
    const {id} = await processOfBox();
    await becomes(t, 'Frozen', async () => void process.kill(id, 'SIGSTOP'));
    await becomes(t, 'Running', async () => await fixture.driver.unfreeze(box));
    t.is((await run(['echo', 'back'])).stdout, 'back\n');
  });

  test.serial('what is killed by hand is told at once', async t => {
    const {id} = await processOfBox();
    await becomes(t, 'Stopped', async () => void process.kill(id, 'SIGKILL'));
    t.like(await fixture.driver.observeOne(box), {hasRun: true, startedAt: undefined});
  });

  test.serial('what shuts itself down is told', async t => {
    t.timeout(patience);
    await fixture.driver.start(box);
    await becomes(t, 'Stopped', async () => void (await run(['systemctl', 'poweroff']).catch(() => {})));
    t.is(await findProcess(machine(box)), undefined);
  });

  test.serial(
    'what a creation that was cut off has left is no machine, and is gone with the next',
    async t => {
      const uid = randomUUID();
      t.teardown(async () => await fixture.driver.delete(uid));
      const {machines} = pathsOf(fixture.folder);
      const half = join(machines, `.half-nexus-${uid}`);
      await mkdir(half);
      await writeFile(join(half, 'disk.qcow2'), '');
      t.is(await fixture.driver.observeOne(uid), undefined);

      t.is((await fixture.driver.create(request(uid))).state, 'Stopped');
      t.false((await readdir(machines)).some(name => name.startsWith('.')));
    },
  );

  test.serial('an image that is too large for the disk is refused, and leaves nothing', async t => {
    const options = request(randomUUID());
    const {uid} = options.spec;
    const small = {...options, spec: {...options.spec, limits: {...options.spec.limits, disk: 2 ** 28}}};
    await t.throwsAsync(fixture.driver.create(small), {message: /can't hold the image/});
    t.is(await fixture.driver.observeOne(uid), undefined);
  });
});
