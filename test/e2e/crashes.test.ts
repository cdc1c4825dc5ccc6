import assert from 'node:assert/strict';
import {spawn} from 'node:child_process';
import {createInterface} from 'node:readline';
import {setTimeout as delay} from 'node:timers/promises';
import test from 'ava';
import {backends, onBackend} from '../agent/lxd/backends.ts';
import {createSeededRandom} from '../simulation/seeded-random.ts';
import {eventually} from './eventually.ts';
import type {Installation} from './installation.ts';
import {createInstallation} from './installation.ts';
import {conditionOf, declare, fetchText, smallSpec, untilGone, untilReady} from './workspaces.ts';

/** Change it to see other instants; the one that failed is printed. */
const seed = process.env.NEXUS_TEST_SEED ?? 'power-cut';
const kills = 9;

/** Answers with its process id and the version that its spec declares. */
const specOf = (version: number) => ({
  ...smallSpec,
  services: [
    {
      ...smallSpec.services[0],
      command: `exec node -e 'require("http").createServer((_, r) => r.end(process.pid + " " + process.env.VERSION)).listen(8080)'`,
      env: {VERSION: String(version)},
    },
  ],
});

/** Processes of Nexus that die without a word, at any instant. */
onBackend(backends[0], ({socket, tarball}) => {
  let nexus: Installation;

  test.before(async () => {
    nexus = await createInstallation({socket, tarball});
  });
  test.after.always(async () => {
    await nexus?.[Symbol.asyncDispose]();
  });

  const answer = async (name: string) => await fetchText(await nexus.client().get('Workspace', name), 'web');
  const untilVersion = async (name: string, version: number) => {
    await eventually(async () => assert.equal((await answer(name)).split(' ')[1], String(version)), {
      timeout: 90_000,
    });
    await untilReady(nexus, name);
  };
  /** One instance each, and nothing else that is ours; one name for each port. */
  const ownership = async () => {
    const {items} = await nexus.client().list('Workspace');
    const instances = await nexus.backend.instances();
    return {
      declared: items.map(({metadata}) => `nexus-${metadata.uid}`).sort(),
      present: instances.map(({name}) => name).sort(),
      ports: items.flatMap(({status}) => (status?.ports ?? []).map(({nodePort}) => nodePort)),
    };
  };

  // Fails without the finalizer (instances left), names by uid (two of one), or status in one transaction (a port twice).
  test.serial(
    `a server killed ${kills} times in the middle of creating, updating and deleting converges each time`,
    async t => {
      t.log(`seed: ${seed}`);
      const random = createSeededRandom(seed);
      for (let round = 0; round < kills; round++) {
        const client = nexus.client();
        await Promise.all([
          declare(client, `crash-${round}`, specOf(0)),
          round < 1 ? undefined : declare(client, `crash-${round - 1}`, specOf(round)),
          round < 2 ? undefined : client.workspaces.delete(`crash-${round - 2}`, {force: true}),
        ]);
        // This wait is the test: the first kills hit the requests' first steps, the last ones what follows when all is done.
        const instant = random.between(0, 60 * (round + 1) ** 1.5);
        await delay(instant);
        await nexus.server().kill();
        await nexus.startServer();

        try {
          await untilVersion(`crash-${round}`, 0);
          if (round >= 1) await untilVersion(`crash-${round - 1}`, round);
          if (round >= 2) await untilGone(nexus, `crash-${round - 2}`);
        } catch (error) {
          throw new Error(`killed after ${instant} ms in round ${round} of seed ${seed}`, {cause: error});
        }
        const {declared, present, ports} = await ownership();
        t.deepEqual(present, declared, `round ${round}, killed after ${instant} ms`);
        t.is(new Set(ports).size, ports.length, `round ${round}, killed after ${instant} ms`);
      }

      await Promise.all(
        [kills - 1, kills - 2].map(async round => {
          await nexus.client().workspaces.delete(`crash-${round}`, {force: true});
          await untilGone(nexus, `crash-${round}`);
        }),
      );
      t.deepEqual(await ownership(), {declared: [], present: [], ports: []});
    },
  );

  // Fails when the server itself carries the ports: the agent's daemon does, and outlives it.
  test.serial('an open ssh session survives that the server is killed and started again', async t => {
    await declare(nexus.client(), 'steady', specOf(1));
    await untilVersion('steady', 1);
    const workspace = await nexus.client().get('Workspace', 'steady');
    await using session = openSession(await nexus.sshArguments('steady'));
    t.is(await session.echo('before'), 'before');

    await nexus.server().kill();
    t.is(await session.echo('meanwhile'), 'meanwhile');
    const before = await fetchText(workspace, 'web');
    await nexus.startServer();
    await untilReady(nexus, 'steady');
    t.is(await session.echo('after'), 'after');
    t.is(await answer('steady'), before, 'its service was not restarted');

    t.is(await nexus.server().stop(), 0, 'an orderly end');
    t.is(await session.echo('once more'), 'once more');
    await nexus.startServer();
    await untilReady(nexus, 'steady');
  });

  // Fails without the daemon's records (forwards forgotten) or with services that belong to the daemon (restarted).
  test.serial(
    'an agent that is killed comes back by itself: ssh works, services were not touched',
    async t => {
      const before = await answer('steady');
      const old = await nexus.agentPid();
      await nexus.killAgent();
      await eventually(async () => assert.notEqual(await nexus.agentPid(), old), {timeout: 30_000});
      await eventually(async () => assert.equal(await answer('steady'), before), {timeout: 30_000});
      const ssh = await eventually(
        async () => {
          const done = await nexus.cli('ssh', 'steady', '--', 'hostname');
          assert.equal(done.code, 0, done.stderr);
          return done;
        },
        {timeout: 30_000},
      );
      t.is(ssh.stdout, 'steady\n');
      const workspace = await untilReady(nexus, 'steady');
      t.is(await answer('steady'), before);
      t.is(workspace.status?.services?.[0]?.restarts, 0);
      t.is(workspace.status?.failures ?? 0, 0);
    },
  );

  // Fails without the epoch that is kept: or with health that is only known to the one who looked.
  test.serial('server and agent killed at once: everything is found again', async t => {
    const before = await answer('steady');
    await nexus.server().kill();
    await nexus.killAgent();
    await nexus.startServer();
    await eventually(async () => assert.equal(await answer('steady'), before));
    const workspace = await untilReady(nexus, 'steady');
    t.is(workspace.status?.services?.[0]?.restarts, 0);
    t.is(conditionOf(workspace, 'UpToDate').status, 'True');
  });

  // Fails without the lock on the store: both would act, each on what it believes.
  test.serial('a second server on the same store is refused, and the first is unharmed', async t => {
    const second = await nexus.cli('server', '--port', '0');
    t.is(second.code, 8, second.stderr);
    t.regex(second.stderr, /store .*nexus\.sqlite is in use by the nexus server with process id \d+/);
    t.true(second.stderr.includes(`process id ${nexus.server().pid},`));
    t.regex(second.stderr, /Stop that server first/);

    t.is((await nexus.client().health()).status, 'ok');
    t.is((await nexus.cli('get', 'workspace', 'steady')).code, 0, 'commands still find the first');
    await declare(nexus.client(), 'steady', specOf(2));
    await untilVersion('steady', 2);
  });
});

type Session = AsyncDisposable & {echo(line: string): Promise<string>};

/** A login that stays open, with a program at its other end that repeats each line. */
function openSession(args: readonly string[]): Session {
  const child = spawn('ssh', [...args, 'cat'], {stdio: ['pipe', 'pipe', 'inherit']});
  const lines = createInterface({input: child.stdout})[Symbol.asyncIterator]();
  const ended = new Promise<void>(resolve => child.once('close', () => resolve()));
  return {
    async echo(line) {
      child.stdin.write(`${line}\n`);
      const {value, done} = await lines.next();
      assert.ok(done !== true, 'the session has ended');
      return value;
    },
    async [Symbol.asyncDispose]() {
      child.kill();
      await ended;
    },
  };
}
