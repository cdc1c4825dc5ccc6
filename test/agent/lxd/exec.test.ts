import {text} from 'node:stream/consumers';
import test from 'ava';
import {createLxdDriver} from '../../../agent/lxd/driver.ts';
import {identity, marks} from '../../../agent/lxd/instance-config.ts';
import {silentLogger} from '../../../api/effects/logger.ts';
import {systemRandom} from '../../../api/effects/random.ts';
import {createManualClock} from '../../fakes/manual-clock.ts';
import {openStubBackend, refusal, sync} from './stub-backend.ts';

const uid = '11111111-1111-4111-8111-111111111111';

const running = {
  name: `nexus-${uid}`,
  project: 'nexus-abcdef',
  status_code: 103,
  last_used_at: '2026-11-20T10:00:00Z',
  config: {[identity]: uid, [marks.uid]: uid, [marks.installation]: 'abcdef'},
  devices: {},
};

/** A command whose operation is over at once, with `result`; what its streams carry is the test's. */
async function startCommand(result: {readonly status_code: number; readonly err: string}) {
  await using stack = new AsyncDisposableStack();
  const backend = stack.use(
    await openStubBackend(({what}) => {
      if (what === `GET /1.0/instances/nexus-${uid}`) return sync(running);
      if (what.endsWith('/exec'))
        return sync({id: 'op', metadata: {fds: {control: 'c', 0: 'i', 1: 'o', 2: 'e'}}});
      return what === 'GET /1.0/operations/op/wait'
        ? sync({
            id: 'op',
            class: 'websocket',
            description: 'Executing command',
            metadata: {return: 0},
            ...result,
          })
        : refusal(404, 'not found');
    }),
  );
  const driver = stack.use(
    createLxdDriver({
      socket: backend.socket,
      installation: 'abcdef',
      clock: createManualClock(),
      random: systemRandom,
      log: silentLogger,
    }),
  );
  const command = await driver.exec(uid, {command: ['cat', 'file'], user: 'dev'});
  const opened = stack.move();
  return {command, backend, [Symbol.asyncDispose]: () => opened.disposeAsync()};
}

const succeeded = {status_code: 200, err: ''};

test('output that is cut off is no end of it, though the command ended well', async t => {
  await using started = await startCommand(succeeded);
  const {command, backend} = started;
  const reading = text(command.stdout);
  for (const websocket of backend.websockets) websocket.terminate();
  await t.throwsAsync(reading, {name: 'DriverError', code: 'BackendUnavailable', message: /cut off/});
  await t.throwsAsync(command.exitCode, {name: 'DriverError', code: 'BackendUnavailable'});
});

test('output that was told to be whole is, however the streams are closed then', async t => {
  await using started = await startCommand(succeeded);
  const {command, backend} = started;
  const reading = Promise.all([text(command.stdout), text(command.stderr)]);
  for (const websocket of backend.websockets) {
    websocket.send(Buffer.from('said'), {binary: true});
    websocket.send('', {binary: false}, () => websocket.terminate());
  }
  t.deepEqual(await reading, ['said', 'said']);
  t.is(await command.exitCode, 0);
});

test('streams closed in an orderly way are whole', async t => {
  await using started = await startCommand(succeeded);
  const {command, backend} = started;
  const reading = Promise.all([text(command.stdout), text(command.stderr)]);
  for (const websocket of backend.websockets) {
    websocket.send(Buffer.from('said'), {binary: true});
    websocket.close(1000);
  }
  t.deepEqual(await reading, ['said', 'said']);
  t.is(await command.exitCode, 0);
});

test('a command that could not be started has nothing to lose', async t => {
  await using started = await startCommand({status_code: 400, err: 'Command not found'});
  const {command, backend} = started;
  const reading = text(command.stdout);
  for (const websocket of backend.websockets) websocket.terminate();
  t.is(await reading, '');
  t.is(await command.exitCode, 127);
});

test('whoever reads nothing waits for no stream', async t => {
  await using started = await startCommand(succeeded);
  t.is(await started.command.exitCode, 0);
});
