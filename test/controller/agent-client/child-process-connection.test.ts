import {once} from 'node:events';
import process from 'node:process';
import {text} from 'node:stream/consumers';
import {fileURLToPath} from 'node:url';
import test from 'ava';
import {createStreamMultiplexer} from '../../../api/agent/v1alpha1/stream-multiplexer.ts';
import {systemClock} from '../../../api/effects/clock.ts';
import {silentLogger} from '../../../api/effects/logger.ts';
import {createChildProcessConnection} from '../../../controller/agent-client/child-process-connection.ts';

const agent = fileURLToPath(new URL('../../fakes/echo-agent.ts', import.meta.url));
const never = new AbortController().signal;
const hello = {protocolVersion: 1, role: 'controller', epoch: 1, installation: 'abc123', node: 'n1'} as const;

const start = (command: readonly [string, ...string[]], signal = never) =>
  createChildProcessConnection({command, clock: systemClock, log: silentLogger}, signal);

test('a program is started with exactly its arguments, answers, and has ended once disposed of', async t => {
  const connection = await start([process.execPath, agent, 'two words', '$HOME', "it's"]);
  const {node} = await connection.request('initialize', hello);
  t.deepEqual(JSON.parse(node.bootId), ['two words', '$HOME', "it's"]);
  const pid = Number(node.agentVersion);
  t.true(process.kill(pid, 0));
  await connection[Symbol.asyncDispose]();
  t.throws(() => process.kill(pid, 0), {code: 'ESRCH'});
  t.true(connection.closed.aborted);
});

test('streams go through it', async t => {
  await using connection = await start([process.execPath, agent]);
  const stream = await createStreamMultiplexer(connection).open(id =>
    connection.request('tunnel/open', {uid: 'u', stream: id, port: 1}),
  );
  stream.input.end('hello');
  t.is(await text(stream.output), 'hello');
  t.deepEqual(await stream.finished, {exitCode: 0});
});

test('a program that is not there is Disconnected and says so', async t => {
  await t.throwsAsync(start(['/nonexistent/nexus']), {
    code: 'Disconnected',
    message: /could not be started: spawn \/nonexistent\/nexus ENOENT/,
  });
});

test('a program that gives up tells why in the reason', async t => {
  await using connection = await start([process.execPath, agent, '--fail']);
  await t.throwsAsync(connection.request('initialize', hello), {
    code: 'Disconnected',
    message: /no daemon: socket missing/,
  });
});

test('a program that is killed fails the requests that wait', async t => {
  await using connection = await start([process.execPath, agent]);
  const {node} = await connection.request('initialize', hello);
  process.kill(Number(node.agentVersion), 'SIGKILL');
  if (!connection.closed.aborted) {
    await once(connection.closed, 'abort');
  }
  await t.throwsAsync(connection.request('instance/list', {}), {code: 'Disconnected'});
});

test('a program that does not end with its input is killed', async t => {
  const connection = await start([process.execPath, '-e', 'setInterval(() => {}, 1000)']);
  await t.notThrowsAsync(connection[Symbol.asyncDispose]());
});

test('nothing is started once the signal is aborted', async t => {
  await t.throwsAsync(start([process.execPath, agent], AbortSignal.abort(new Error('stopped'))), {
    message: 'stopped',
  });
});
