import {constants} from 'node:os';
import type {WebSocket} from 'ws';
import {z} from 'zod';
import type {Account} from '../account.ts';
import type {ExecOptions, ExecProcess} from '../driver.ts';
import {DriverError} from '../driver.ts';
import {commandIn, environmentOf} from '../exec-in-account.ts';
import type {Client} from './client.ts';
import type {Operations} from './operation.ts';
import {readableOf, wholeOf, writableOf} from './websocket-stream.ts';

export type ExecTarget = {
  readonly client: Client;
  readonly operations: Operations;
  readonly project: string;
  /** On the backend. */
  readonly instance: string;
  readonly account: Account;
};

const started = z.object({
  id: z.string(),
  metadata: z.object({fds: z.record(z.string(), z.string())}),
});

const exitStatus = z.object({return: z.number()});

/**
 * Runs a command, connected by one websocket a stream and one for control. Once the signal is aborted the process is killed and all streams are
 * destroyed, so that the backend's operation ends whether or not anybody still reads.
 */
export async function startExec(target: ExecTarget, options: ExecOptions): Promise<ExecProcess> {
  const {client, operations, project} = target;
  const {signal} = options;
  const answer = await client.call('POST', `/1.0/instances/${encodeURIComponent(target.instance)}/exec`, {
    query: {project},
    body: execRequest(options, target.account),
    signal,
  });
  const {id, metadata} = started.parse(answer.metadata);

  const sockets = await connect(client, {id, fds: metadata.fds, signal}).catch(async (error: unknown) => {
    await client.call('DELETE', `/1.0/operations/${id}`).catch(() => {});
    throw error;
  });
  const {control, input, output, errorOutput} = sockets;
  const ended = operations.wait(id);
  const finished = ended.then(result => exitCodeOf(result, options.command), exitCodeOfUnstarted);
  const unstarted = ended.then(
    () => false,
    error => exitCodeOfUnstarted(error) > 0,
  );
  unstarted.catch(() => {});
  const stdin = writableOf(input, {endsByMessage: options.tty === undefined});
  const stdout = readableOf(output, unstarted);
  const stderr = readableOf(errorOutput, unstarted);

  control.resume();
  const tell = (message: object) => {
    if (control.readyState === control.OPEN) control.send(JSON.stringify(message));
  };
  const kill: ExecProcess['kill'] = name => tell({command: 'signal', signal: constants.signals[name]});
  const abort = () => {
    kill('SIGKILL');
    for (const stream of [stdin, stdout, stderr]) stream.destroy();
  };
  if (signal?.aborted) abort();
  signal?.addEventListener('abort', abort, {once: true});

  const complete = async () => {
    const code = await finished;
    await Promise.all([stdout, stderr].map(wholeOf));
    return code;
  };
  const exitCode = complete().finally(() => {
    signal?.removeEventListener('abort', abort);
    control.close();
    stdin.destroy();
  });
  // Whoever wants it has its own branch; nobody's business otherwise.
  exitCode.catch(() => {});

  return {
    stdin,
    stdout,
    stderr,
    exitCode,
    kill,
    resize: (columns, rows) =>
      tell({command: 'window-resize', args: {width: String(columns), height: String(rows)}}),
  };
}

function execRequest(options: ExecOptions, account: Account) {
  const {command, directory, tty} = options;
  return {
    command: directory === undefined ? command : commandIn(directory, command),
    user: account.uid,
    group: account.gid,
    cwd: account.home,
    environment: environmentOf(account, options),
    interactive: tty !== undefined,
    'wait-for-websocket': true,
    'record-output': false,
    ...(tty === undefined ? {} : {width: tty.columns, height: tty.rows}),
  };
}

type Connecting = {
  readonly id: string;
  readonly fds: Readonly<Record<string, string>>;
  readonly signal: AbortSignal | undefined;
};

/** With a terminal there is one stream for all: 0. */
async function connect(client: Client, {id, fds, signal}: Connecting) {
  const open = async (name: string): Promise<WebSocket | undefined> => {
    const secret = fds[name];
    return secret === undefined
      ? undefined
      : await client.websocket(
          `/1.0/operations/${id}/websocket?secret=${encodeURIComponent(secret)}`,
          signal,
          // Of a short command the streams are often closed by the time their first ping is read, with all the output still to come.
          {answersPings: name === 'control'},
        );
  };
  const [control, input, output, errorOutput] = await Promise.all(['control', '0', '1', '2'].map(open));
  if (control === undefined || input === undefined) {
    throw new DriverError('Internal', `exec ${id} came without its streams`);
  }

  return {control, input, output: output ?? input, errorOutput};
}

function exitCodeOf(ended: Record<string, unknown>, command: readonly string[]): number {
  const status = exitStatus.safeParse(ended);
  if (!status.success || status.data.return < 0) {
    throw new DriverError('Internal', `the exit code of ${command[0]} was lost`);
  }

  return status.data.return;
}

/** As a shell has it. */
function exitCodeOfUnstarted(error: unknown): number {
  if (error instanceof DriverError && /command not found/i.test(error.message)) return 127;
  if (error instanceof DriverError && /not executable/i.test(error.message)) return 126;
  throw error;
}
