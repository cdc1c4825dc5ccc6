import {execFile, execFileSync} from 'node:child_process';
import {createHash, randomBytes, randomUUID} from 'node:crypto';
import {once} from 'node:events';
import {mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {connect, createServer} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {promisify} from 'node:util';
import test from 'ava';
import {agentStatus, stopAgent} from '../../agent/main.ts';
import {providerKinds} from '../../agent/provider-kinds.ts';
import {purgeNode, setupNode} from '../../agent/setup-node.ts';
import type {Instance} from '../../api/agent/v1alpha1/instance.ts';
import type {Params} from '../../api/agent/v1alpha1/messages.ts';
import {systemClock} from '../../api/effects/clock.ts';
import {silentLogger} from '../../api/effects/logger.ts';
import {systemRandom} from '../../api/effects/random.ts';
import {createChildProcessConnection} from '../../controller/agent-client/child-process-connection.ts';
import type {AgentClient} from './agent-client.ts';
import {createAgentClient, outputOf} from './agent-client.ts';
import {dockerByHand} from './docker/by-hand.ts';
import type {RealBackend} from './lxd/backends.ts';
import {lxdByHand} from './lxd/by-hand.ts';

type Life = {
  home: string;
  installation: string;
  client: AgentClient;
  stop: AbortController;
};

const run = promisify(execFile);
const uid = randomUUID();
const ports = {ssh: 0, web: 0, local: 0};
/** Everything that shells, systemd and environment files trip over. */
const env = {GREETING: 'it\'s "so" $HOME `id` \\ %n\n\ttwo lines, ü \u{1F600}', EMPTY: ''};

const web = `
const {createServer} = require('node:http');
createServer((request, response) => {
  if (request.url === '/healthz') return response.end('ok');
  if (request.url === '/exit') process.exit(7);
  console.log('GET ' + request.url);
  response.end(JSON.stringify({pid: process.pid, greeting: process.env.GREETING, own: process.env.OWN}));
}).listen(process.env.PORT, '0.0.0.0');
`;
const local = `require('node:net').createServer(socket => socket.pipe(socket)).listen(process.env.PORT, '127.0.0.1');`;

/** A workspace's whole life on a real backend, through the agent's daemon: each test goes on from where the last has ended. */
export function agentLife({provider, socket, tarball}: RealBackend): void {
  const place = (...names: string[]) => join(folder, ...names);
  let folder = '';
  let bundle: Buffer = Buffer.alloc(0);
  let commit = '';

  const open = async (epoch: number, stop: AbortController, installation: string) => {
    const command = [
      process.execPath,
      join(import.meta.dirname, 'agent-program.ts'),
      place('home'),
      '--stdio',
    ] as const;
    const connection = await createChildProcessConnection(
      {command, clock: systemClock, log: silentLogger},
      stop.signal,
    );
    try {
      const role = 'controller';
      await connection.request('initialize', {protocolVersion: 1, role, epoch, installation, node: 'local'});
    } catch (error) {
      await connection[Symbol.asyncDispose]();
      throw error;
    }
    return createAgentClient(connection, uid);
  };

  const curl = async (path: string) =>
    (await run('curl', ['--silent', '--max-time', '5', `http://127.0.0.1:${ports.web}${path}`])).stdout;
  const stateOf = (instance: Instance, name: string) => instance.services.find(each => each.name === name);
  const allHealthy = ({services}: Instance) =>
    services.length > 0 && services.every(({health}) => health === 'Healthy');

  test.before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'nexus-agent-'));
    mkdirSync(place('home/agent'), {recursive: true, mode: 0o700});
    writeFileSync(place('home/agent/config.json'), JSON.stringify({providers: {[provider]: {socket}}}));
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', place('key')]);

    mkdirSync(place('source'));
    const git = (...args: string[]) =>
      execFileSync('git', [
        '-C',
        place('source'),
        '-c',
        'user.name=A',
        '-c',
        'user.email=a@example.com',
        ...args,
      ])
        .toString()
        .trim();
    git('init', '-q', '-b', 'main');
    writeFileSync(place('source/web.js'), web);
    writeFileSync(place('source/local.js'), local);
    git('add', '-A');
    git('commit', '-qm', 'one');
    commit = git('rev-parse', 'HEAD');
    git('bundle', 'create', '-q', place('bundle'), 'main', 'HEAD');
    bundle = readFileSync(place('bundle'));

    for (const name of ['ssh', 'web', 'local'] as const) {
      ports[name] = await freePort();
    }
    const {installation} = await setupNode({home: place('home'), image: tarball});
    const stop = new AbortController();
    lives.push({home: place('home'), installation, stop, client: await open(1, stop, installation)});
  });

  const lives: Life[] = [];
  test.after.always(async () => {
    for (const {client} of lives) {
      await client.connection[Symbol.asyncDispose]();
    }
    if (folder !== '') {
      await purgeNode({home: place('home')});
      rmSync(folder, {recursive: true, force: true});
    }
  });
  const life = () => {
    const [first] = lives;
    if (first === undefined) {
      throw new Error('the agent did not start');
    }
    return first;
  };

  test.serial(
    'a workspace is created, started, and lets its owner in by ssh through the port of the node',
    async t => {
      const {connection, until} = life().client;
      await connection.request('instance/create', {
        uid,
        name: 'life',
        provider,
        image: 'nexus/base',
        limits: {cpus: 2, memory: 512 * 2 ** 20, disk: 4 * 2 ** 30},
        env,
        authorizedKeys: [readFileSync(place('key.pub'), 'utf8').trim()],
        specHash: 'hash',
      });
      const forwards = [
        {name: 'ssh', nodePort: ports.ssh, targetPort: 22},
        {name: 'web', nodePort: ports.web, targetPort: 4000},
        {name: 'local', nodePort: ports.local, targetPort: 5000},
      ];
      t.deepEqual(
        (await connection.request('instance/forwards', {uid, forwards})).forwards.map(({state}) => state),
        ['Listening', 'Listening', 'Listening'],
      );
      await until(({state, operation}) => state === 'Stopped' && operation === undefined);
      t.is((await connection.request('instance/start', {uid})).operation?.kind, 'Start');
      const {hostKey, address} = await until(({sshReady}) => sshReady);
      t.truthy(address);
      writeFileSync(place('known_hosts'), `[127.0.0.1]:${ports.ssh} ${hostKey}\n`);
      t.is((await ssh('id -un')).stdout.trim(), 'dev');
    },
  );

  const ssh = (command: string) =>
    run('ssh', [
      ...['-p', String(ports.ssh), '-i', place('key'), '-o', 'IdentitiesOnly=yes', '-o', 'BatchMode=yes'],
      ...[
        '-o',
        `UserKnownHostsFile=${place('known_hosts')}`,
        '-o',
        'StrictHostKeyChecking=yes',
        '-o',
        'ConnectTimeout=10',
      ],
      'dev@127.0.0.1',
      command,
    ]);

  test.serial('a bundle is uploaded once and cloned', async t => {
    const {connection, streams, until} = life().client;
    const digest = createHash('sha256').update(bundle).digest('hex');
    t.false((await connection.request('bundle/has', {digest})).present);
    const stream = await streams.open(id =>
      connection.request('bundle/put', {stream: id, digest, size: bundle.length}),
    );
    stream.input.end(bundle);
    await stream.finished;
    t.true((await connection.request('bundle/has', {digest})).present);

    await connection.request('repository/clone', {
      uid,
      repository: {directory: 'app', branch: 'main', bundle: {digest, commit}},
    });
    const {repository} = await until(
      instance => instance.operation === undefined && instance.repository !== undefined,
    );
    t.like(repository, {commit, branch: 'main', bundleCommit: commit, unsaved: false});
    t.deepEqual(repository?.configuration?.files, ['.git', 'local.js', 'web.js']);
  });

  test.serial('a bundle that is not what its name says is refused', async t => {
    const {connection, streams} = life().client;
    const digest = randomBytes(32).toString('hex');
    const stream = await streams.open(id => connection.request('bundle/put', {stream: id, digest, size: 3}));
    stream.input.end('abc');
    await t.throwsAsync(stream.finished, {message: /not what its SHA-256 says/});
    t.false((await connection.request('bundle/has', {digest})).present);
  });

  test.serial(
    'setup commands run in order in the repository, and a failing one tells which and why',
    async t => {
      const {connection, streams, until} = life().client;
      const setup = {uid, directory: 'app', env, timeout: 30_000};
      await connection.request('setup/run', {
        ...setup,
        hash: 'bad',
        commands: ['echo "$GREETING" >&2', 'echo no; exit 4', 'touch never'],
      });
      const failed = await until(
        instance => instance.setup?.state === 'Failed' && instance.operation === undefined,
      );
      t.like(failed.setup, {hash: 'bad', step: 1, exitCode: 4});
      t.regex(failed.setup?.message ?? '', /it's "so"[\s\S]*no$/);
      t.is(failed.lastError?.operation, 'Setup');

      await connection.request('setup/run', {
        ...setup,
        hash: 'good',
        commands: ['pwd > ../pwd', 'test ! -e never && test "$(cat ../pwd)" = /home/dev/app && rm ../pwd'],
      });
      const done = await until(
        instance => instance.setup?.hash === 'good' && instance.operation === undefined,
      );
      t.is(done.setup?.state, 'Succeeded');
      t.is(done.lastError, undefined);

      const stream = await streams.open(id =>
        connection.request('logs/start', {uid, stream: id, source: {type: 'setup'}, follow: false}),
      );
      t.regex((await outputOf(stream)).output, /step 2/);
    },
  );

  const services = (changes: {own: string}): Params<'services/apply'> => {
    const common = {dependsOn: [], restart: 'always' as const, env: {}};
    return {
      uid,
      hash: changes.own,
      directory: 'app',
      env,
      services: [
        {
          ...common,
          name: 'web',
          command: 'exec node web.js',
          port: 4000,
          dependsOn: ['local'],
          env: {OWN: changes.own},
          healthCheck: {http: '/healthz', interval: '1s', timeout: '1s', retries: 1, startPeriod: '20s'},
        },
        {...common, name: 'local', command: 'node local.js\n', port: 5000},
        {
          ...common,
          name: 'checked',
          command: 'sleep infinity & wait',
          healthCheck: {
            command: '[ "$GREETING" != "" ] && [ "$(id -un)" = dev ] && test -f web.js',
            interval: '1s',
            timeout: '2s',
            retries: 1,
            startPeriod: '5s',
          },
        },
      ],
    };
  };

  test.serial(
    'services become healthy in order of their dependencies, with their variables exactly as declared',
    async t => {
      const {connection, until} = life().client;
      const order: string[] = [];
      using _ = connection.on('instance/changed', ({services: told}) => {
        for (const {name, health} of told) {
          if (health === 'Healthy' && !order.includes(name)) {
            order.push(name);
          }
        }
      });
      await connection.request('services/apply', services({own: 'one'}));
      const {servicesHash} = await until(allHealthy);
      t.is(servicesHash, 'one');
      t.true(order.indexOf('local') < order.indexOf('web'));
      t.like(JSON.parse(await curl('/')), {greeting: env.GREETING, own: 'one'});
      t.is((await ssh('printf %s "$GREETING"')).stdout, env.GREETING);
    },
  );

  test.serial(
    'a service on the loopback of the workspace is reached by a forward and by a tunnel, half-closed',
    async t => {
      const {connection, streams} = life().client;
      const echoed = await new Promise<string>((resolve, reject) => {
        let text = '';
        const client = connect({port: ports.local, host: '127.0.0.1', allowHalfOpen: true}, () =>
          client.end('through the forward'),
        );
        client.setEncoding('utf8').on('data', chunk => {
          text += chunk;
        });
        client.on('end', () => resolve(text)).on('error', reject);
      });
      t.is(echoed, 'through the forward');

      const stream = await streams.open(id =>
        connection.request('tunnel/open', {uid, stream: id, port: 5000}),
      );
      stream.input.end('through the tunnel');
      t.is((await outputOf(stream)).output, 'through the tunnel');
    },
  );

  test.serial('commands have exit codes, both outputs and input, as user dev or root', async t => {
    const {exec} = life().client;
    t.deepEqual(await exec(['bash', '-c', 'cat; echo no >&2; exit 3'], {input: 'yes'}), {
      exitCode: 3,
      output: 'yes',
      errorOutput: 'no\n',
    });
    t.is((await exec(['id', '-u'], {user: 'root'})).output, '0\n');
    const megabytes = await exec(['bash', '-c', 'head -c 5000000 /dev/zero']);
    t.is(megabytes.output.length, 5_000_000);
  });

  test.serial('a service that dies is restarted, and tells its exit code', async t => {
    const {until} = life().client;
    await curl('/exit').catch(() => {});
    t.like(stateOf(await until(instance => stateOf(instance, 'web')?.state === 'BackOff', 1000), 'web'), {
      exitCode: 7,
      lastError: 'exited with code 7',
    });
    t.is(stateOf(await until(allHealthy), 'web')?.restarts, 1);
  });

  test.serial('the logs of a service are followed', async t => {
    const {connection, streams} = life().client;
    const stream = await streams.open(id =>
      connection.request('logs/start', {
        uid,
        stream: id,
        source: {type: 'service', name: 'web'},
        follow: true,
        tail: 0,
      }),
    );
    stream.finished.catch(() => {});
    const seen = new Promise<void>(resolve => {
      stream.output.on('data', (chunk: Buffer) => chunk.includes('GET /follow-me') && resolve());
    });
    const asking = setInterval(() => void curl('/follow-me').catch(() => {}), 100);
    await seen;
    clearInterval(asking);
    stream.abort();
    await t.throwsAsync(
      streams.open(id =>
        connection.request('logs/start', {
          uid,
          stream: id,
          source: {type: 'service', name: 'nope'},
          follow: false,
        }),
      ),
      {message: /there is no service nope \(there are: local, web, checked\)|there is no service nope/},
    );
  });

  // It has died and was started again by now, of which whoever supervises it may tell as well.
  test.serial('the log of a service is what it has written itself', async t => {
    const {connection, streams} = life().client;
    const stream = await streams.open(id =>
      connection.request('logs/start', {
        uid,
        stream: id,
        source: {type: 'service', name: 'web'},
        follow: false,
      }),
    );
    const {output} = await outputOf(stream);
    t.regex(output, /GET \/follow-me/);
    t.notRegex(output, /workspace-web\.service|Started|Main process exited/);
  });

  test.serial('only a service that changed is restarted', async t => {
    const {connection, until} = life().client;
    const before = await until(allHealthy);
    await connection.request('services/apply', services({own: 'two'}));
    const after = await until(
      instance => allHealthy(instance) && stateOf(instance, 'web')?.pid !== stateOf(before, 'web')?.pid,
    );
    t.is(stateOf(after, 'local')?.pid, stateOf(before, 'local')?.pid);
    t.like(JSON.parse(await curl('/')), {own: 'two'});
  });

  test.serial(
    'an agent that is killed leaves all running, and the next takes over and mends what died in between',
    async t => {
      const current = life();
      const before = await current.client.until(allHealthy);
      const status = await agentStatus(current.home);
      t.true(status.running);
      const {exec} = current.client;
      process.kill(status.running ? (status.pid ?? 0) : 0, 'SIGKILL');
      await t.throwsAsync(exec(['true']), {code: 'Disconnected'});
      await byHand.exec(['kill', '-KILL', String(stateOf(before, 'local')?.pid)]);

      current.client = await open(1, current.stop, current.installation);
      const after = await current.client.until(
        instance => allHealthy(instance) && stateOf(instance, 'local')?.pid !== stateOf(before, 'local')?.pid,
      );
      t.is(stateOf(after, 'web')?.pid, stateOf(before, 'web')?.pid);
      t.is(stateOf(after, 'checked')?.pid, stateOf(before, 'checked')?.pid);
      t.deepEqual(
        after.forwards.map(({state}) => state),
        ['Listening', 'Listening', 'Listening'],
      );
      t.is((await ssh('echo back')).stdout, 'back\n');
    },
  );

  test.serial(
    'a stop by hand is told within a second; after the next start all services run again',
    async t => {
      const {connection, until} = life().client;
      const stopping = byHand.stop();
      await until(({state}) => state === 'Stopped', 5000);
      await stopping;
      await connection.request('instance/start', {uid});
      t.true(allHealthy(await until(instance => instance.sshReady && allHealthy(instance))));
      t.is((await ssh('printf %s "$GREETING"')).stdout, env.GREETING);
    },
  );

  test.serial('limits and keys are changed in place', async t => {
    const {connection, exec} = life().client;
    const limits = {cpus: 1, memory: 256 * 2 ** 20, disk: 4 * 2 ** 30};
    t.deepEqual((await connection.request('instance/limits', {uid, limits})).limits, limits);
    await connection.request('instance/authorizedKeys', {uid, keys: []});
    await t.throwsAsync(ssh('true'), {message: /Permission denied/});
    t.is((await exec(['cat', '/etc/nexus/authorized_keys'])).output, '');
  });

  test.serial('a server of a later epoch takes over: the earlier one may only look', async t => {
    const current = life();
    const earlier = current.client;
    current.client = await open(2, current.stop, current.installation);
    await t.throwsAsync(earlier.connection.request('instance/stop', {uid, force: true, timeout: 1000}), {
      code: 'Fenced',
    });
    t.is((await earlier.connection.request('instance/list', {})).instances.length, 1);
    await earlier.connection[Symbol.asyncDispose]();
    await t.throwsAsync(open(1, current.stop, current.installation), {code: 'Fenced'});
  });

  test.serial('deletion keeps an instance that holds unsaved work, and gives it back', async t => {
    const {connection, until, exec} = life().client;
    await exec(['bash', '-c', 'echo work > app/new']);
    await connection.request('instance/delete', {uid, mode: 'ifSaved', retention: 60_000});
    const kept = await until(({retired, operation}) => retired !== undefined && operation === undefined);
    t.is(kept.state, 'Stopped');
    t.deepEqual(kept.forwards, []);
    await t.throwsAsync(connection.request('instance/start', {uid}), {code: 'NotPermittedNow'});

    t.is((await connection.request('instance/restore', {uid})).retired, undefined);
    await connection.request('instance/start', {uid});
    await until(({sshReady}) => sshReady);
    t.is((await exec(['cat', 'app/new'])).output, 'work\n');
  });

  test.serial('what is written by those who are ended by a stop is seen, and kept from deletion', async t => {
    const {connection, until, exec} = life().client;
    await exec(['rm', 'app/new']);
    // It writes when it is asked to end.
    await exec([
      'bash',
      '-c',
      `setsid bash -c 'trap "sleep 0.3; echo late >app/late; exit" TERM; : >/tmp/begun; while :; do sleep 0.1; done' >/dev/null 2>&1 &
       until [ -e /tmp/begun ]; do sleep 0.05; done`,
    ]);
    await connection.request('instance/stop', {uid, force: false, timeout: 20_000});
    const stopped = await until(({state, operation}) => state === 'Stopped' && operation === undefined);
    t.true(stopped.repository?.unsaved);
    await connection.request('instance/delete', {uid, mode: 'ifSaved', retention: 60_000});
    await until(({retired, operation}) => retired !== undefined && operation === undefined);
    await connection.request('instance/restore', {uid});
    await connection.request('instance/start', {uid});
    await until(({sshReady}) => sshReady);
    t.is((await exec(['cat', 'app/late'])).output, 'late\n');
  });

  test.serial('deletion takes away an instance in which nothing is unsaved', async t => {
    const {connection, until, exec} = life().client;
    await exec(['rm', 'app/late']);
    await connection.request('instance/delete', {uid, mode: 'ifSaved', retention: 60_000});
    t.is((await until(({state, retired}) => state === 'Missing' || retired !== undefined)).state, 'Missing');
    t.deepEqual((await connection.request('instance/list', {})).instances, []);
    t.is((await connection.request('instance/delete', {uid, mode: 'always', retention: 0})).state, 'Missing');
  });

  test.serial('the agent ends when asked to', async t => {
    const {home} = life();
    t.true(await stopAgent(home));
    t.false((await agentStatus(home)).running);
    t.false(await stopAgent(home));
  });

  /** What somebody does to the instance who is not the agent. */
  const byHand = {
    async exec(command: string[]) {
      const kind = providerKinds.find(each => each.provider === provider);
      await using driver = kind?.open({
        place: socket,
        installation: life().installation,
        folder: place('home/agent', provider),
        clock: systemClock,
        random: systemRandom,
        log: silentLogger,
      });
      const running = await driver?.exec(uid, {command, user: 'root'});
      await running?.exitCode;
    },
    async stop() {
      await using client =
        provider === 'docker' ? dockerByHand(socket, '') : lxdByHand(socket, `nexus-${life().installation}`);
      await client.stop(`nexus-${uid}`);
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' ? (address?.port ?? 0) : 0;
}
