import {once} from 'node:events';
import {mkdtemp, rm} from 'node:fs/promises';
import type {Socket} from 'node:net';
import {createServer} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import type {ExecutionContext} from 'ava';
import test from 'ava';
import {DriverError} from '../../../agent/driver.ts';
import type {Qmp} from '../../../agent/qemu/qmp.ts';
import {connectQmp} from '../../../agent/qemu/qmp.ts';
import {systemClock} from '../../../api/effects/clock.ts';
import type {ManualClock} from '../../fakes/manual-clock.ts';
import {createManualClock} from '../../fakes/manual-clock.ts';

type Request = {readonly execute: string; readonly id: number; readonly arguments?: unknown};

/** The other side, as QEMU has it: greets, takes capabilities, and answers what `answer` says. */
async function serve(
  t: ExecutionContext,
  answer: (request: Request, socket: Socket) => void,
): Promise<string> {
  // Longer than what the system takes for the path of a socket.
  const folder = await mkdtemp(join(tmpdir(), `qmp-${'long-'.repeat(25)}`));
  const server = createServer(socket => {
    socket.on('error', () => {});
    socket.write('{"QMP": {"version": {}, "capabilities": []}}\r\n');
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      for (const line of chunk.split('\n').filter(Boolean)) {
        const request = JSON.parse(line) as Request;
        if (request.execute === 'qmp_capabilities') socket.write(`{"return": {}, "id": ${request.id}}\r\n`);
        else answer(request, socket);
      }
    });
  });
  const before = process.cwd();
  process.chdir(folder);
  server.listen('qmp.sock');
  process.chdir(before);
  await once(server, 'listening');
  t.teardown(async () => {
    server.close();
    await rm(folder, {recursive: true});
  });
  return folder;
}

async function connect(t: ExecutionContext, folder: string, clock = systemClock): Promise<Qmp> {
  const qmp = await connectQmp({folder, socket: 'qmp.sock', clock});
  t.teardown(async () => await qmp[Symbol.asyncDispose]());
  return qmp;
}

test.serial('commands get their own answers, in whatever order these come', async t => {
  const waiting: Request[] = [];
  const folder = await serve(t, (request, socket) => {
    waiting.push(request);
    if (waiting.length === 2) {
      for (const {id, execute} of waiting.reverse())
        socket.write(`{"return": "${execute}", "id": ${id}}\r\n`);
    }
  });
  const qmp = await connect(t, folder);
  t.deepEqual(await Promise.all([qmp.execute('first'), qmp.execute('second')]), ['first', 'second']);
});

test.serial('what QEMU refuses is told in its own words', async t => {
  const folder = await serve(t, ({id}, socket) =>
    socket.write(`{"error": {"class": "GenericError", "desc": "no such device"}, "id": ${id}}\r\n`),
  );
  const qmp = await connect(t, folder);
  const error = await t.throwsAsync(qmp.execute('x'), {instanceOf: DriverError, message: /no such device/});
  t.is(error?.code, 'CommandFailed');
});

test.serial('events reach whoever listens, and no longer', async t => {
  const folder = await serve(t, ({id}, socket) =>
    socket.write(`{"event": "STOP", "timestamp": {}}\r\nnot json\r\n{"return": {}, "id": ${id}}\r\n`),
  );
  const qmp = await connect(t, folder);
  const heard: string[] = [];
  const listening = qmp.onEvent(name => heard.push(name));
  await qmp.execute('stop');
  listening[Symbol.dispose]();
  await qmp.execute('stop');
  t.deepEqual(heard, ['STOP']);
});

test.serial('the end of QEMU ends every command that waits, and the next', async t => {
  const folder = await serve(t, (_request, socket) => socket.destroy());
  const qmp = await connect(t, folder);
  const waiting = await t.throwsAsync(qmp.execute('x'), {instanceOf: DriverError});
  await qmp.closed;
  const next = await t.throwsAsync(qmp.execute('x'), {instanceOf: DriverError});
  t.deepEqual([waiting?.code, next?.code], ['BackendUnavailable', 'BackendUnavailable']);
});

test.serial('an answer that does not come is not waited for without end', async t => {
  const clock: ManualClock = createManualClock();
  const asked = Promise.withResolvers<void>();
  const folder = await serve(t, () => asked.resolve());
  const qmp = await connect(t, folder, clock);
  const call = qmp.execute('query-status');
  const failed = t.throwsAsync(call, {instanceOf: DriverError, message: /query-status/});
  await asked.promise;
  await clock.advance(10_000);
  t.is((await failed)?.code, 'TimedOut');
});

test.serial('where nobody listens the backend is unavailable', async t => {
  const error = await t.throwsAsync(connectQmp({folder: tmpdir(), socket: 'none.sock', clock: systemClock}), {
    instanceOf: DriverError,
  });
  t.is(error?.code, 'BackendUnavailable');
});
