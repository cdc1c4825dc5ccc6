import {createConnection} from 'node:net';
import {PassThrough} from 'node:stream';
import {text} from 'node:stream/consumers';
import test from 'ava';
import {AgentError} from '../../api/agent/v1alpha1/agent-error.ts';
import type {AgentStream} from '../../api/agent/v1alpha1/agent-stream.ts';
import type {LiveInstances} from '../../api/server/live-instances.ts';
import {noLiveInstances, startServer, workspaceNamed} from '../api/server/test-server.ts';
import {createBench} from './run-cli.ts';

/** What an agent would serve, made of pipes. */
function streamOf(
  make: (stream: {input: PassThrough; output: PassThrough; errorOutput: PassThrough}) => Promise<number>,
): AgentStream {
  const [input, output, errorOutput] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const finished = make({input, output, errorOutput}).then(exitCode => {
    output.end();
    errorOutput.end();
    return {exitCode};
  });
  return {input, output, errorOutput, finished, resize() {}, abort() {}};
}

const live: LiveInstances = {
  ...noLiveInstances,
  exec: async (_workspace, {command, user}) =>
    streamOf(async ({input, output, errorOutput}) => {
      output.write(`${user} runs ${command.join(' ')}: ${await text(input)}`);
      errorOutput.write('so so');
      return 7;
    }),
  logs: async (_workspace, source, {tail}) =>
    streamOf(async ({output}) => {
      const name = source.type === 'setup' ? 'setup' : source.name;
      output.write(Array.from({length: tail ?? 3}, (_, index) => `${name} ${index}\n`).join(''));
      return 0;
    }),
  tunnel: async (_workspace, port) =>
    streamOf(async ({input, output}) => {
      output.write(`${port}: ${await text(input)}`);
      return 0;
    }),
};

test('exec gives input, output, error output and the exit code through', async t => {
  await using server = await startServer({live});
  await using bench = await createBench(server);
  const workspace = await server.client.create('Workspace', workspaceNamed('a'));
  await server.client.updateStatus('Workspace', {...workspace, status: {phase: 'Running', node: 'local'}});
  t.deepEqual(await bench.nexus(['exec', '-i', 'a', '--', 'cat', '-n'], {stdin: 'hello'}), {
    code: 7,
    stdout: 'dev runs cat -n: hello',
    stderr: 'so so',
  });
  t.like(await bench.nexus(['workspace', 'exec', 'a', '-u', 'root', '--', 'id']), {
    code: 7,
    stdout: 'root runs id: ',
  });
});

test('exec without a command, with a strange user or with a terminal that is none is a usage error', async t => {
  await using server = await startServer({live});
  await using bench = await createBench(server);
  for (const argv of [
    ['exec', 'a'],
    ['exec', 'a', '-u', 'eve', '--', 'id'],
    ['exec', '-it', 'a', '--', 'bash'],
  ]) {
    t.is((await bench.nexus(argv)).code, 2, argv.join(' '));
  }
});

test('logs are of one service, of all with their names, or of setup', async t => {
  await using server = await startServer({live});
  await using bench = await createBench(server);
  const services = [
    {name: 'api', command: 'x'},
    {name: 'store', command: 'y'},
  ];
  const workspace = await server.client.create('Workspace', workspaceNamed('a', {services, setup: ['z']}));
  await server.client.updateStatus('Workspace', {...workspace, status: {phase: 'Running', node: 'local'}});
  t.is((await bench.nexus(['logs', 'a', 'api', '--tail', '2'])).stdout, 'api 0\napi 1\n');
  t.is((await bench.nexus(['logs', 'ws/a/store', '--tail', '1'])).stdout, 'store 0\n');
  t.is((await bench.nexus(['logs', 'a', '--setup', '--tail', '1'])).stdout, 'setup 0\n');
  const {stdout} = await bench.nexus(['logs', 'a', '--tail', '1']);
  t.deepEqual(stdout.trim().split('\n').sort(), ['api    api 0', 'store  store 0']);
  const unknown = await bench.nexus(['logs', 'a', 'nothing']);
  t.is(unknown.code, 5);
  t.regex(unknown.stderr, /there are: api, store\nhint: .*nexus logs a api, nexus logs a store\n$/);
  t.regex((await bench.nexus(['logs', 'a', 'stroe'])).stderr, /hint: Look at it: nexus logs a store\n$/);
  t.regex((await bench.nexus(['logs', 'b', 'api'])).stderr, /"b".*\nhint: `nexus get workspaces`/s);
  t.is((await bench.nexus(['logs', 'a', '--tail', 'all'])).code, 2);
});

test('logs of setup commands that there are none of are not empty without a word', async t => {
  await using server = await startServer({live});
  await using bench = await createBench(server);
  await server.client.create('Workspace', workspaceNamed('a'));
  t.deepEqual(await bench.nexus(['logs', 'a', '--setup']), {
    code: 0,
    stdout: '',
    stderr: 'Workspace a has no setup commands.\n',
  });
});

test('a workspace that does not run is named, with the command that starts it', async t => {
  const refuse = async () => {
    throw new AgentError('NotPermittedNow', 'workspace a is Stopped, not Running');
  };
  await using server = await startServer({live: {...live, exec: refuse, logs: refuse}});
  await using bench = await createBench(server);
  const services = [{name: 'api', command: 'x'}];
  const workspace = await server.client.create('Workspace', workspaceNamed('a', {services, running: false}));
  const ssh = {host: '127.0.0.1', port: 9, username: 'dev', hostKey: 'ssh-ed25519 AAAA'};
  await server.client.updateStatus('Workspace', {
    ...workspace,
    status: {phase: 'Stopped', node: 'local', ssh},
  });
  for (const argv of [
    ['exec', 'a', '--', 'id'],
    ['logs', 'a', 'api'],
    ['logs', 'a'],
    ['ssh', 'a'],
  ]) {
    t.deepEqual(
      await bench.nexus(argv),
      {
        code: 8,
        stdout: '',
        stderr: 'error: workspace a is Stopped, not Running\nhint: Start it: nexus workspace start a\n',
      },
      argv.join(' '),
    );
  }

  await server.client.patch('Workspace', 'a', {patch: {spec: {running: true}}});
  t.regex(
    (await bench.nexus(['exec', 'a', '--', 'id'])).stderr,
    /hint: Wait for it: nexus wait workspace\/a/,
  );
});

test('port-forward carries connections, with half-closed ones, until interrupted', async t => {
  await using server = await startServer({live});
  await using bench = await createBench(server);
  const workspace = await server.client.create('Workspace', workspaceNamed('a'));
  await server.client.updateStatus('Workspace', {...workspace, status: {phase: 'Running', node: 'local'}});
  const interruption = new AbortController();
  const {promise: port, resolve} = Promise.withResolvers<number>();
  const forwarding = bench.nexus(['port-forward', 'a', ':3000'], {
    signal: interruption.signal,
    onOutput: shown => resolve(Number(/127\.0\.0\.1:(\d+) -> a:3000/.exec(shown)?.[1])),
  });
  const socket = createConnection({port: await port, host: '127.0.0.1', allowHalfOpen: true});
  socket.end('hello');
  t.is(await text(socket), '3000: hello');
  interruption.abort();
  t.is((await forwarding).code, 130);
});

test('port-forward refuses what is no pair of ports, and says that a port is taken', async t => {
  await using server = await startServer({live});
  await using bench = await createBench(server);
  await server.client.create('Workspace', workspaceNamed('a'));
  t.is((await bench.nexus(['port-forward', 'a', '80:90:100'])).code, 2);
  t.is((await bench.nexus(['port-forward', 'a', '3000:0'])).code, 2);
  const {code, stderr} = await bench.nexus(['port-forward', 'a', `${new URL(server.url).port}:3000`]);
  t.is(code, 1);
  t.regex(stderr, /can't be used here/);
});

test('ssh --stdio carries a connection to the sshd of a workspace', async t => {
  await using server = await startServer({live});
  await using bench = await createBench(server);
  const workspace = await server.client.create('Workspace', workspaceNamed('a'));
  await server.client.updateStatus('Workspace', {...workspace, status: {phase: 'Running', node: 'local'}});
  t.like(await bench.nexus(['ssh', '--stdio', 'a'], {stdin: 'SSH-2.0-x'}), {
    code: 0,
    stdout: '22: SSH-2.0-x',
  });
});
