import type {Duplex} from 'node:stream';
import {PassThrough, Writable} from 'node:stream';
import {setTimeout as sleep} from 'node:timers/promises';
import {z} from 'zod';
import type {Account} from '../account.ts';
import type {ExecOptions, ExecProcess} from '../driver.ts';
import {DriverError, isDriverError} from '../driver.ts';
import {commandIn, environmentOf} from '../exec-in-account.ts';
import type {Client} from './client.ts';
import {demultiplex} from './demultiplex.ts';

export type ExecTarget = {
  readonly client: Client;
  readonly container: string;
  readonly account: Account;
};

const created = z.object({Id: z.string()});
const inspected = z.object({Running: z.boolean(), ExitCode: z.number().nullable(), Pid: z.number()});

/** Milliseconds between looks at a command whose streams are at their end, and whose exit Docker has not written down yet. */
const pollInterval = 10;

/** Once the signal is aborted the process is killed and all streams are destroyed. */
export async function startExec(target: ExecTarget, options: ExecOptions): Promise<ExecProcess> {
  const {client, container} = target;
  const {signal, tty} = options;
  const {Id: id} = await client.ask('POST', `/containers/${container}/exec`, created, {
    body: execRequest(target.account, options),
    signal,
  });
  const connection = await client.hijack(
    `/exec/${id}/start`,
    {Detach: false, Tty: tty !== undefined},
    signal,
  );
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const stdin = inputOf(connection);
  const resize = async (columns: number, rows: number) => {
    await client
      .call('POST', `/exec/${id}/resize`, {query: {w: String(columns), h: String(rows)}})
      .catch(() => {});
  };
  if (tty !== undefined) await resize(tty.columns, tty.rows);

  const inspect = async () => await client.ask('GET', `/exec/${id}/json`, inspected);
  const kill: ExecProcess['kill'] = name => void signalProcess(inspect, name);
  const abort = () => {
    kill('SIGKILL');
    for (const stream of [stdin, stdout, stderr]) stream.destroy();
  };
  if (signal?.aborted) abort();
  signal?.addEventListener('abort', abort, {once: true});

  const finish = async (): Promise<number> => {
    if (tty === undefined) {
      await demultiplex(connection, {stdout, stderr});
    } else {
      stderr.end();
      await demultiplex(connection, {stdout});
    }
    return await exitCodeOf(inspect, options.command);
  };
  const exitCode = finish().finally(() => {
    signal?.removeEventListener('abort', abort);
    connection.destroy();
    stdin.destroy();
  });
  // Whoever wants it has its own branch; nobody's business otherwise.
  exitCode.catch(() => {});

  return {stdin, stdout, stderr, exitCode, kill, resize: (columns, rows) => void resize(columns, rows)};
}

/** Docker writes of a command or folder that is not there into the command's output: a shell says so as any would. */
function execRequest(account: Account, options: ExecOptions) {
  const {command, directory, tty} = options;
  return {
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
    Tty: tty !== undefined,
    User: account.name,
    WorkingDir: '/',
    Cmd: commandIn(directory ?? account.home, command),
    Env: Object.entries(environmentOf(account, options)).map(([name, value]) => `${name}=${value}`),
  };
}

/** What is written goes to the process; its end closes the process's input, and nothing else. */
function inputOf(connection: Duplex): Writable {
  return new Writable({
    write(chunk, _encoding, done) {
      if (connection.writable) connection.write(chunk, () => done());
      else done();
    },
    final(done) {
      connection.end();
      done();
    },
  });
}

/** Docker can't: the process is one of this machine. Before it is there it has no number yet. */
async function signalProcess(
  inspect: () => Promise<z.infer<typeof inspected>>,
  name: Parameters<ExecProcess['kill']>[0],
): Promise<void> {
  for (let count = 0; count < 200; count++) {
    const found = await inspect().catch(() => undefined);
    if (found === undefined || (!found.Running && found.ExitCode !== null)) return;
    if (found.Running && found.Pid > 0) {
      try {
        process.kill(found.Pid, name);
      } catch {
        // It has ended meanwhile.
      }
      return;
    }
    await sleep(pollInterval);
  }
}

async function exitCodeOf(
  inspect: () => Promise<z.infer<typeof inspected>>,
  [command = '']: readonly string[],
): Promise<number> {
  for (;;) {
    try {
      const {Running, ExitCode} = await inspect();
      if (!Running && ExitCode !== null) return ExitCode;
    } catch (error) {
      if (!isDriverError(error, 'NotFound')) throw error;
      throw new DriverError('Internal', `the exit code of ${command} was lost with its container`, {
        cause: error,
      });
    }
    await sleep(pollInterval);
  }
}
