import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {existsSync} from 'node:fs';
import {connect} from 'node:net';
import {PassThrough} from 'node:stream';
import {text} from 'node:stream/consumers';
import test from 'ava';
import type {ClientChannel} from 'ssh2';
import ssh2 from 'ssh2';
import {AgentError} from '../../../api/agent/v1alpha1/agent-error.ts';
import {eventually} from '../../e2e/eventually.ts';
import {sshServerProgram, startSshServer} from '../../fakes/ssh-server.ts';
import type {GatewayBench} from './gateway-bench.ts';
import {createGatewayBench, streamOver, streamTo, uidOf} from './gateway-bench.ts';

const withSshServer = existsSync(sshServerProgram) ? test : test.skip;

/** Says what it is asked, so that a session stays open for as long as its client wants. */
const echo = async () => streamOver(new PassThrough());

const unreachable = async () => {
  throw new AgentError('Disconnected', 'node box is not connected: it is off\u001B[2J');
};

async function metric({registry}: GatewayBench, name: string, labels: object = {}): Promise<number> {
  const {values = []} = (await registry.getSingleMetric(name)?.get()) ?? {};
  const wanted = JSON.stringify(labels);
  return values.find(value => JSON.stringify(value.labels) === wanted)?.value ?? 0;
}

/** `ssh -W` that stays: what it writes comes back. */
function openSession(args: readonly string[]) {
  const child = spawn('ssh', args, {stdio: ['pipe', 'pipe', 'pipe'], env: {PATH: process.env.PATH}});
  const ended = once(child, 'close');
  return {
    child,
    async says(line: string) {
      child.stdin.write(`${line}\n`);
      let said = '';
      for await (const chunk of child.stdout.iterator({destroyOnReturn: false})) {
        said += chunk;
        if (said.includes(line)) {
          return;
        }
      }

      throw new Error(`it ended: ${await text(child.stderr)}`);
    },
    /** Resolves to the exit code. */
    ended: async () => (await ended)[0] as number | null,
    [Symbol.dispose]: () => void child.kill('SIGKILL'),
  };
}

withSshServer(
  'ssh -J leads to the sshd of a workspace, whose own host key is checked (needs sshd)',
  async t => {
    await using sshd = await startSshServer();
    await using bench = await createGatewayBench(streamTo(sshd.port));
    const ada = await bench.key('ada');
    bench.setUser('ada', [ada]);
    bench.setWorkspace('shop');
    const into = (hostKey: string) => [
      'ssh',
      '-F',
      '/dev/null',
      '-i',
      sshd.identityFile,
      '-o',
      'BatchMode=yes',
      '-o',
      `KnownHostsCommand=/bin/echo shop ${hostKey}`,
      '-o',
      'UserKnownHostsFile=/dev/null',
      '-o',
      'HostKeyAlgorithms=ssh-ed25519',
      '-o',
      'StrictHostKeyChecking=yes',
      '-o',
      `ProxyCommand=ssh ${bench.options(ada).join(' ')} -W %h:%p nexus@127.0.0.1`,
      `${sshd.user}@shop`,
      'echo arrived; exit 7',
    ];
    const run = async (hostKey: string) => {
      const [program = '', ...args] = into(hostKey);
      const child = spawn(program, args, {stdio: ['ignore', 'pipe', 'pipe']});
      const [stdout, stderr, [code]] = await Promise.all([
        text(child.stdout),
        text(child.stderr),
        once(child, 'close'),
      ]);
      return {stdout, stderr, code};
    };

    const arrived = await run(sshd.hostKey);
    t.is(arrived.stdout, 'arrived\n', arrived.stderr);
    t.is(arrived.code, 7);
    t.deepEqual(
      bench.audited.map(({workspace, user, from}) => [workspace.metadata.name, user, from]),
      [['shop', 'ada', '127.0.0.1']],
    );
    const refused = await run(sshd.otherKey);
    t.is(refused.code, 255);
    t.regex(refused.stderr, /verification failed/);
    t.is(await metric(bench, 'nexus_gateway_sessions_total'), 2);
  },
);

for (const type of ['ed25519', 'rsa', 'ecdsa'] as const) {
  test(`a key of type ${type} logs in, by the name nexus only`, async t => {
    await using bench = await createGatewayBench(echo);
    const key = await bench.key('ada', type);
    bench.setUser('ada', [key]);
    bench.setWorkspace('shop');
    const {code, stderr} = await bench.ssh(key, ['-W', 'shop:22', 'nexus@127.0.0.1']);
    t.is(code, 0, stderr);
    for (const name of ['root', 'dev', 'ada', 'NEXUS']) {
      const other = await bench.ssh(key, ['-W', 'shop:22', `${name}@127.0.0.1`]);
      t.is(other.code, 255);
      t.regex(other.stderr, /Permission denied \(publickey\)/);
    }
  });
}

test('nobody gets in with a key that is not registered, or without one', async t => {
  await using bench = await createGatewayBench(echo);
  const [ada, eve] = [await bench.key('ada'), await bench.key('eve')];
  bench.setUser('ada', [ada]);
  bench.setWorkspace('shop');
  const strange = await bench.ssh(eve, ['-W', 'shop:22', 'nexus@127.0.0.1']);
  t.is(strange.code, 255);
  t.regex(strange.stderr, /Permission denied \(publickey\)/);
  const password = ['-o', 'PubkeyAuthentication=no', '-o', 'PreferredAuthentications=password'];
  t.is((await bench.ssh(ada, [...password, '-W', 'shop:22', 'nexus@127.0.0.1'])).code, 255);
  t.is(bench.audited.length, 0);
  t.true((await metric(bench, 'nexus_gateway_refused_total', {reason: 'BadKey'})) > 0);
});

const destinations: readonly (readonly [string, RegExp])[] = [
  ['shop:23', /the gateway leads to port 22 of workspaces only, not to port 23.*nexus port-forward/],
  ['shop:2222', /port 22 of workspaces only/],
  ['127.0.0.1:22', /there is no workspace "127\.0\.0\.1" of yours/],
  ['localhost:22', /there is no workspace "localhost" of yours/],
  ['[::1]:22', /there is no workspace "::1" of yours/],
  ['../shop:22', /there is no workspace/],
  ['none:22', /there is no workspace "none" of yours; nexus get workspaces/],
  ['hers:22', /there is no workspace "hers" of yours; nexus get workspaces/],
  [`${uidOf('hers')}:22`, /there is no workspace/],
  ['off:22', /workspace off is stopped; start it with: nexus workspace start off/],
  ['new:22', /workspace new is on no node yet/],
];

test('only port 22 of workspaces of one own can be asked for; one of somebody else is as if there were none', async t => {
  await using bench = await createGatewayBench(echo);
  const ada = await bench.key('ada');
  bench.setUser('ada', [ada]);
  bench.setWorkspace('shop');
  bench.setWorkspace('hers', {owner: 'bea'});
  bench.setWorkspace('off', {running: false});
  bench.setWorkspace('new', {node: undefined});
  for (const [destination, reason] of destinations) {
    const {code, stderr} = await bench.ssh(ada, ['-W', destination, 'nexus@127.0.0.1']);
    t.is(code, 255, destination);
    t.regex(stderr, reason);
  }

  t.is(bench.audited.length, 0);
  t.is((await bench.ssh(ada, ['-W', 'SHOP:22', 'nexus@127.0.0.1'])).code, 0, 'as ssh lowers host names');
  t.is((await bench.ssh(ada, ['-W', `${uidOf('shop')}:22`, 'nexus@127.0.0.1'])).code, 0);
});

test('an admin gets to all workspaces, as in the API', async t => {
  await using bench = await createGatewayBench(echo);
  const root = await bench.key('root');
  bench.setUser('root', [root], 'admin');
  bench.setWorkspace('hers', {owner: 'bea'});
  t.is((await bench.ssh(root, ['-W', 'hers:22', 'nexus@127.0.0.1'])).code, 0);
  t.is(bench.audited[0]?.user, 'root');
});

const requests: readonly (readonly [string, readonly string[], RegExp])[] = [
  ['a shell', ['-tt', 'nexus@127.0.0.1'], /this is the gateway of Nexus/],
  ['a command', ['nexus@127.0.0.1', 'id'], /this is the gateway of Nexus/],
  ['a subsystem', ['-s', 'nexus@127.0.0.1', 'sftp'], /this is the gateway of Nexus/],
  ['an agent and a display', ['-A', '-X', 'nexus@127.0.0.1'], /this is the gateway of Nexus/],
  [
    'a port of the gateway',
    ['-N', '-o', 'ExitOnForwardFailure=yes', '-R', '0:127.0.0.1:22', 'nexus@127.0.0.1'],
    /remote port forwarding failed/,
  ],
  [
    'a socket of the gateway',
    [
      '-N',
      '-o',
      'ExitOnForwardFailure=yes',
      '-R',
      '/tmp/nexus-gateway-test.sock:127.0.0.1:22',
      'nexus@127.0.0.1',
    ],
    /remote (port|streamlocal) forwarding failed/i,
  ],
  ['a network device', ['-N', '-w', '0:0', '-o', 'ExitOnForwardFailure=yes', 'nexus@127.0.0.1'], /./],
];

for (const [what, args, reason] of requests) {
  test(`the gateway refuses ${what}`, async t => {
    await using bench = await createGatewayBench(echo);
    const ada = await bench.key('ada');
    bench.setUser('ada', [ada]);
    bench.setWorkspace('shop');
    const {code, stdout, stderr} = await bench.ssh(ada, args);
    t.is(code, 255);
    t.is(stdout, '');
    t.regex(stderr, reason);
    t.is(bench.audited.length, 0);
  });
}

test('the gateway refuses unix sockets, of its own and of workspaces', async t => {
  await using bench = await createGatewayBench(echo);
  const ada = await bench.key('ada');
  bench.setUser('ada', [ada]);
  bench.setWorkspace('shop');
  const client = await bench.client(ada);
  for (const socket of ['/run/docker.sock', 'shop:22']) {
    await t.throwsAsync(
      new Promise((resolve, reject) => {
        client.openssh_forwardOutStreamLocal(socket, (error, channel) =>
          error ? reject(error) : resolve(channel),
        );
      }),
      {message: /this is the gateway of Nexus/},
    );
  }
});

test('why a workspace can not be reached is told, without what a terminal would obey', async t => {
  await using bench = await createGatewayBench(unreachable);
  const ada = await bench.key('ada');
  bench.setUser('ada', [ada]);
  bench.setWorkspace('shop');
  const {code, stderr} = await bench.ssh(ada, ['-W', 'shop:22', 'nexus@127.0.0.1']);
  t.is(code, 255);
  t.regex(
    stderr,
    /workspace shop can't be reached: node box is not connected: it is off \[2J; see: nexus describe/,
  );
  t.false(stderr.includes('\u001B'));
});

test('a node that does not answer is given up after a while', async t => {
  const never = (_: unknown, signal: AbortSignal) =>
    new Promise<never>((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason));
    });
  await using bench = await createGatewayBench(never, {open: 50});
  const ada = await bench.key('ada');
  bench.setUser('ada', [ada]);
  bench.setWorkspace('shop');
  const {code, stderr} = await bench.ssh(ada, ['-W', 'shop:22', 'nexus@127.0.0.1']);
  t.is(code, 255);
  t.regex(stderr, /its node did not answer in time/);
});

test('a key that is removed opens nothing more, and what it had opened is cut off', async t => {
  await using bench = await createGatewayBench(echo);
  const [ada, spare] = [await bench.key('ada'), await bench.key('spare')];
  bench.setUser('ada', [ada, spare]);
  bench.setWorkspace('shop');
  using session = openSession([...bench.options(ada), '-W', 'shop:22', 'nexus@127.0.0.1']);
  using other = openSession([...bench.options(spare), '-W', 'shop:22', 'nexus@127.0.0.1']);
  await session.says('hello');
  await other.says('hello');
  bench.setUser('ada', [spare]);
  t.is(await session.ended(), 255);
  await other.says('still there');
  t.is((await bench.ssh(ada, ['-W', 'shop:22', 'nexus@127.0.0.1'])).code, 255);
  bench.removeUser('ada');
  t.is(await other.ended(), 255);
});

test('a session ends with the workspace, and when that is given to somebody else', async t => {
  await using bench = await createGatewayBench(echo);
  const ada = await bench.key('ada');
  bench.setUser('ada', [ada]);
  bench.setWorkspace('shop');
  bench.setWorkspace('blog');
  using shop = openSession([...bench.options(ada), '-W', 'shop:22', 'nexus@127.0.0.1']);
  using blog = openSession([...bench.options(ada), '-W', 'blog:22', 'nexus@127.0.0.1']);
  await shop.says('hello');
  await blog.says('hello');
  bench.setWorkspace('shop', {owner: 'bea'});
  await shop.ended();
  await blog.says('still there');
  bench.removeWorkspace('blog');
  await blog.ended();
  await eventually(async () => {
    if ((await metric(bench, 'nexus_gateway_sessions')) !== 0) {
      throw new Error('sessions are still counted as open');
    }
  });
  t.is(await metric(bench, 'nexus_gateway_sessions_total'), 2);
});

test('who does not log in is cut off', async t => {
  await using bench = await createGatewayBench(echo, {loginGrace: 50});
  const socket = connect({host: '127.0.0.1', port: bench.port});
  t.regex(await text(socket), /^SSH-2\.0-Nexus\r\n/);
  t.is(await metric(bench, 'nexus_gateway_refused_total', {reason: 'TooSlow'}), 1);
});

test('who offers too many keys is cut off, and who fails too often waits', async t => {
  await using bench = await createGatewayBench(echo, {
    authTries: 2,
    failures: {perSecond: 0.001, burst: 3},
  });
  const keys = await Promise.all(['a', 'b', 'c', 'd'].map(name => bench.key(name)));
  const [, , , last] = keys;
  bench.setUser('ada', last === undefined ? [] : [last]);
  bench.setWorkspace('shop');
  const [first, ...others] = keys;
  if (first === undefined || last === undefined) {
    throw new Error('there are four keys');
  }

  const all = others.flatMap(({file}) => ['-i', file]);
  const tooMany = await bench.ssh(first, [...all, '-W', 'shop:22', 'nexus@127.0.0.1']);
  t.is(tooMany.code, 255);
  t.is(await metric(bench, 'nexus_gateway_refused_total', {reason: 'TooManyTries'}), 1);
  t.is((await bench.ssh(last, ['-W', 'shop:22', 'nexus@127.0.0.1'])).code, 0, 'two failures are no crime');
  await bench.ssh(first, [...all, '-W', 'shop:22', 'nexus@127.0.0.1']);
  const banned = await bench.ssh(last, ['-W', 'shop:22', 'nexus@127.0.0.1']);
  t.is(banned.code, 255);
  t.is(await metric(bench, 'nexus_gateway_refused_total', {reason: 'TooManyFailures'}), 1);
});

test('who asks on and on to be let in by other means than a key is cut off', async t => {
  await using bench = await createGatewayBench(echo, {authTries: 3});
  const client = new ssh2.Client();
  t.teardown(() => client.destroy());
  client.on('error', () => undefined);
  const closed = new Promise<void>(resolve => client.once('close', () => resolve()));
  let asked = 0;
  client.connect({
    host: '127.0.0.1',
    port: bench.port,
    username: 'nexus',
    // The key of a gateway that is the test's own, and nothing is trusted to it.
    hostVerifier: () => true,
    authHandler(_left, _partial, next) {
      asked += 1;
      if (asked > 1000) {
        client.end();
      } else {
        next({type: 'password', username: 'nexus', password: `guess ${asked}`});
      }
    },
  });
  await closed;
  t.true(asked < 100, `${asked} were answered`);
  t.is(await metric(bench, 'nexus_gateway_refused_total', {reason: 'TooManyTries'}), 1);
});

test('one user, and one connection, can have only so many sessions, and is told so', async t => {
  await using bench = await createGatewayBench(echo, {perUser: 1, perConnection: 1});
  const ada = await bench.key('ada');
  bench.setUser('ada', [ada]);
  bench.setWorkspace('shop');
  const client = await bench.client(ada);
  const forward = () =>
    new Promise<{end(): void}>((resolve, reject) => {
      client.forwardOut('127.0.0.1', 1, 'shop', 22, (error, channel) =>
        error === undefined ? resolve(channel) : reject(error),
      );
    });
  await forward();
  await t.throwsAsync(forward, {message: /no more than 1 sessions share one connection/});
  const {code, stderr} = await bench.ssh(ada, ['-W', 'shop:22', 'nexus@127.0.0.1']);
  t.is(code, 255);
  t.regex(stderr, /ada has 1 connections to the gateway already/);
});

test('one address can have only so many connections', async t => {
  await using bench = await createGatewayBench(echo, {perAddress: 1});
  const ada = await bench.key('ada');
  bench.setUser('ada', [ada]);
  bench.setWorkspace('shop');
  await bench.client(ada);
  t.is((await bench.ssh(ada, ['-W', 'shop:22', 'nexus@127.0.0.1'])).code, 255);
  t.is(await metric(bench, 'nexus_gateway_refused_total', {reason: 'TooManyConnections'}), 1);
});

test('a connection that nothing happens on is ended', async t => {
  await using bench = await createGatewayBench(echo, {idle: 100});
  const ada = await bench.key('ada');
  bench.setUser('ada', [ada]);
  const {code} = await bench.ssh(ada, ['-N', 'nexus@127.0.0.1']);
  t.is(code, 255);
});

test('a client that sends more than it was granted is cut off, and one that waits is not', async t => {
  const sinks: PassThrough[] = [];
  await using bench = await createGatewayBench(async () => {
    // Nobody reads what comes.
    const sink = new PassThrough();
    sinks.push(sink);
    return {...streamOver(sink), output: new PassThrough()};
  });
  const ada = await bench.key('ada');
  bench.setUser('ada', [ada]);
  bench.setWorkspace('shop');
  const client = await bench.client(ada);
  const closed = new Promise<void>(resolve => client.once('close', () => resolve()));
  const open = async () => {
    const channel = await new Promise<ClientChannel>((resolve, reject) => {
      client.forwardOut('127.0.0.1', 1, 'shop', 22, (error, opened) =>
        error === undefined ? resolve(opened) : reject(error),
      );
    });
    channel.on('error', () => undefined);
    return channel;
  };
  const honest = await open();
  const written = new Promise(resolve => honest.write(Buffer.alloc(16 * 1_048_576), resolve));
  const isHeldBack = eventually(() => held(sinks)).then(() => 'held back');
  t.is(await Promise.race([written, isHeldBack]), 'held back');

  const hostile = await open();
  if ('outgoing' in hostile && isWindow(hostile.outgoing)) {
    hostile.outgoing.window = Number.MAX_SAFE_INTEGER;
  }

  // Of a size that passes the end of the window instead of meeting it, where ssh2 would let all that follows fall.
  for (let sent = 0; sent < 16 * 1_048_576; sent += 30_000) {
    hostile.write(Buffer.alloc(30_000));
  }

  await closed;
  t.is(await metric(bench, 'nexus_gateway_refused_total', {reason: 'Flood'}), 1);
});

function held([sink]: readonly PassThrough[]): void {
  if (sink === undefined || sink.readableLength + sink.writableLength === 0) {
    throw new Error('nothing has come yet');
  }
}

function isWindow(outgoing: unknown): outgoing is {window: number} {
  return typeof outgoing === 'object' && outgoing !== null && 'window' in outgoing;
}
