import {readFile} from 'node:fs/promises';
import process from 'node:process';
import {Readable, Writable} from 'node:stream';
import {text} from 'node:stream/consumers';
import {pipeline} from 'node:stream/promises';
import {fileURLToPath} from 'node:url';
import type {TestFn} from 'ava';
import anyTest from 'ava';
import {receiveWindow} from '../../../api/agent/v1alpha1/messages.ts';
import {createStreamMultiplexer} from '../../../api/agent/v1alpha1/stream-multiplexer.ts';
import {systemClock} from '../../../api/effects/clock.ts';
import {silentLogger} from '../../../api/effects/logger.ts';
import {createConnectToNode} from '../../../controller/agent-client/connect-to-node.ts';
import type {SshConnectionOptions} from '../../../controller/agent-client/ssh-connection.ts';
import {createSshConnection} from '../../../controller/agent-client/ssh-connection.ts';
import {createSshPool} from '../../../controller/agent-client/ssh-pool.ts';
import {localNode} from '../../fakes/nodes.ts';
import type {SshServer} from '../../fakes/ssh-server.ts';
import {hasSshServer, startSshServer} from '../../fakes/ssh-server.ts';

const suite = anyTest as TestFn<{server: SshServer}>;
const present = await hasSshServer();
// Where sshd is not installed this suite is skipped, and says so; in CI it must be there.
const test = present || process.env.CI !== undefined ? suite : suite.skip;

const agent = fileURLToPath(new URL('../../fakes/echo-agent.ts', import.meta.url));
const never = new AbortController().signal;
const hello = {protocolVersion: 1, role: 'controller', epoch: 1, installation: 'abc123', node: 'n1'} as const;

if (present || process.env.CI !== undefined) {
  suite.before(async t => {
    t.context.server = await startSshServer();
  });
  suite.after.always(async t => {
    await t.context.server?.[Symbol.asyncDispose]();
  });
}

async function connect(
  {server}: {server: SshServer},
  changes: Partial<SshConnectionOptions> = {},
  signal = never,
) {
  await using stack = new AsyncDisposableStack();
  const connection = stack.use(
    await createSshConnection(
      {
        pool: stack.use(createSshPool({clock: systemClock})),
        node: 'n1',
        host: '127.0.0.1',
        port: server.port,
        user: server.user,
        hostKey: server.hostKey,
        privateKey: await readFile(server.identityFile),
        command: [process.execPath, agent],
        log: silentLogger,
        ...changes,
      },
      signal,
    ),
  );
  const running = stack.move();
  return {...connection, [Symbol.asyncDispose]: () => running.disposeAsync()};
}

const openTunnel = (connection: Awaited<ReturnType<typeof connect>>) =>
  createStreamMultiplexer(connection).open(stream =>
    connection.request('tunnel/open', {uid: 'u', stream, port: 1}),
  );

test('the agent is started by ssh with exactly its arguments, and answers', async t => {
  const words = ['two words', '$HOME `id` $(id)', "it's", 'a\nb', '*', '', 'ünï'];
  await using connection = await connect(t.context, {command: [process.execPath, agent, ...words]});
  const {node} = await connection.request('initialize', hello);
  t.deepEqual(JSON.parse(node.bootId), words);
  await t.throwsAsync(connection.request('instance/start', {uid: 'u'}), {code: 'NotFound'});
});

test('a node is reached by what is declared of it', async t => {
  const {server} = t.context;
  await using ssh = createSshPool({clock: systemClock});
  const toNode = createConnectToNode({
    ssh,
    localCommand: [process.execPath, agent, 'local'],
    identityFile: server.identityFile,
    clock: systemClock,
    log: silentLogger,
  });
  const remote = localNode('n1', {
    local: false,
    user: server.user,
    port: server.port,
    hostKey: server.hostKey,
    agentCommand: [process.execPath, agent, 'remote'],
  });
  await using byShell = await toNode(remote, never);
  t.is((await byShell.request('initialize', hello)).node.bootId, '["remote"]');
  await using local = await toNode(localNode('n2'), never);
  t.is((await local.request('initialize', hello)).node.bootId, '["local"]');
  await t.throwsAsync(toNode(localNode('n3', {local: false, identityFile: '/nonexistent/key'}), never), {
    code: 'Disconnected',
    message: /can not be read: ENOENT/,
  });
});

test('another host key than the pinned one is refused, and both are named', async t => {
  await t.throwsAsync(connect(t.context, {hostKey: t.context.server.otherKey}), {
    code: 'Disconnected',
    message: /the host key of 127\.0\.0\.1 is SHA256:\S+, pinned is SHA256:\S+: somebody may be in between/,
  });
});

for (const config of [
  'KexAlgorithms diffie-hellman-group14-sha1',
  'Ciphers aes256-cbc,3des-cbc',
  'MACs hmac-sha1,hmac-md5',
]) {
  test(`an sshd that has only outdated algorithms is refused: ${config}`, async t => {
    // A cipher that checks by itself would need no MAC.
    const ciphers = config.startsWith('MACs') ? ['Ciphers aes256-ctr'] : [];
    await using server = await startSshServer({config: [config, ...ciphers]});
    await t.throwsAsync(connect({server}), {
      code: 'Disconnected',
      message: /speaks only algorithms that are no longer safe \(.*no matching .*\): bring it up to date/,
    });
  });
}

test('a pinned key of a type that the host does not have is refused', async t => {
  const hostKey =
    'ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBEmKSENjQEezOmxkZMy7opKgwFB9nkt5YRrYMjNuG5N87uRgg6CLrbo5wAdT/y6v0mKV0U2w0WZ2YB/++Tpockg=';
  await t.throwsAsync(connect(t.context, {hostKey}), {code: 'Disconnected', message: /can not reach/});
});

test('without a pinned key, or with one that is none, no connection is made at all', async t => {
  for (const hostKey of [undefined, '', 'ssh-dss AAAA', 'ssh-ed25519']) {
    await t.throwsAsync(connect(t.context, {hostKey, port: 1}), {message: /no usable host key is pinned/});
  }
});

test('a key that the node does not know is refused with what to do', async t => {
  const privateKey = await readFile(t.context.server.strangerFile);
  await t.throwsAsync(connect(t.context, {privateKey}), {
    code: 'Disconnected',
    message: /does not accept the server's key: add its public key/,
  });
});

test('a private key that can not be read as one is Disconnected, not a crash', async t => {
  await t.throwsAsync(connect(t.context, {privateKey: 'no key'}), {code: 'Disconnected'});
});

test('a node on which nothing listens is Disconnected', async t => {
  await t.throwsAsync(connect(t.context, {port: 1}), {code: 'Disconnected', message: /ECONNREFUSED/});
});

test('a command that is not there says so in the reason', async t => {
  await using connection = await connect(t.context, {command: ['nexus-is-not-here', 'agent']});
  await t.throwsAsync(connection.request('initialize', hello), {
    code: 'Disconnected',
    message: /nexus-is-not-here/,
  });
});

test('a login that greets with something else is refused', async t => {
  await using connection = await connect(t.context, {command: ['echo', 'Welcome!\n\n\n']});
  await t.throwsAsync(connection.request('initialize', hello), {code: 'Disconnected'});
});

test('an agent that is killed fails the requests and streams that wait', async t => {
  await using connection = await connect(t.context);
  const {node} = await connection.request('initialize', hello);
  const stream = await openTunnel(connection);
  process.kill(Number(node.agentVersion), 'SIGKILL');
  await t.throwsAsync(stream.finished, {code: 'Disconnected'});
  await t.throwsAsync(connection.request('instance/list', {}), {code: 'Disconnected'});
});

test('disposing of it ends the agent', async t => {
  const connection = await connect(t.context);
  const {node} = await connection.request('initialize', hello);
  const stream = await openTunnel(connection);
  await connection[Symbol.asyncDispose]();
  await t.throwsAsync(stream.finished, {code: 'Disconnected'});
  const deadline = Date.now() + 10_000;
  while (alive(Number(node.agentVersion)) && Date.now() < deadline) {
    await new Promise(resolve => setImmediate(resolve));
  }
  t.false(alive(Number(node.agentVersion)));
});

test('aborting an attempt ends it', async t => {
  const controller = new AbortController();
  const attempt = connect(t.context, {}, controller.signal);
  controller.abort(new Error('stopped'));
  await t.throwsAsync(attempt, {message: 'stopped'});
});

test('a reader that stops holds back the agent, and requests go on meanwhile', async t => {
  await using connection = await connect(t.context);
  const stream = await openTunnel(connection);
  let sent = 0;
  const pump = pipeline(
    Readable.from(
      (function* () {
        while (sent < 4 * 1024 * 1024) {
          sent += 65_536;
          yield Buffer.alloc(65_536, 1);
        }
      })(),
    ),
    stream.input,
  );
  // Until nothing moves any more: several answers in a row that find the same count.
  for (let still = 0, last = -1; still < 20; still = sent === last ? still + 1 : 0) {
    last = sent;
    await connection.request('bundle/has', {digest: '0'});
  }
  // What both directions' credit and the streams' own buffers hold.
  t.true(sent <= 2 * receiveWindow + 800_000, `${sent} bytes were taken in`);
  t.true(sent < 4 * 1024 * 1024);
  stream.output.resume();
  await pump;
  t.deepEqual(await stream.finished, {exitCode: 0});
});

test('50 MB go through a tunnel both ways in bounded memory', async t => {
  await using connection = await connect(t.context);
  const stream = await openTunnel(connection);
  const size = 50 * 1024 * 1024;
  const chunk = Buffer.alloc(65_536, 7);
  let received = 0;
  let peak = 0;
  const before = process.memoryUsage().rss;
  const sink = new Writable({
    write(data: Buffer, _encoding, callback) {
      received += data.length;
      peak = Math.max(peak, process.memoryUsage().rss - before);
      callback();
    },
  });
  const source = Readable.from(
    (function* () {
      for (let sent = 0; sent < size; sent += chunk.length) {
        yield chunk;
      }
    })(),
  );
  await Promise.all([pipeline(source, stream.input), pipeline(stream.output, sink)]);
  t.is(received, size);
  t.log(`peak of resident memory: ${(peak / 2 ** 20).toFixed()} MiB more`);
  t.true(peak < 200 * 2 ** 20);
  t.is(await text(stream.errorOutput), '');
});

function alive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
