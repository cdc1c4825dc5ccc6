import {constants} from 'node:os';
import type {Readable} from 'node:stream';
import {PassThrough, Writable} from 'node:stream';
import type {ClientChannel, PseudoTtyOptions} from 'ssh2';
import type {Account} from '../account.ts';
import type {ExecOptions, ExecProcess} from '../driver.ts';
import {DriverError} from '../driver.ts';
import {loginPath} from '../exec-in-account.ts';
import {quote} from '../guest/shell-quote.ts';
import type {Channel} from './channel.ts';
import {withoutFirstLine} from './first-line.ts';
import type {Killer} from './killer.ts';

/** Variables that sshd sets itself, over what it was sent. */
const reserved = ['PATH', 'HOME', 'USER', 'LOGNAME', 'SHELL', 'TZ', 'MAIL', 'SHLVL'];
const alias = 'NEXUS_ENV_';

/**
 * Runs a command over the machine's connection, one ssh session each. Once the signal is aborted the process is killed and all streams are
 * destroyed.
 */
export async function startExec(
  {client, closed}: Channel,
  options: ExecOptions & {readonly account: Account; readonly killer: Killer},
): Promise<ExecProcess> {
  const {signal, tty, command, killer} = options;
  const pty: {pty?: PseudoTtyOptions} =
    tty === undefined ? {} : {pty: {cols: tty.columns, rows: tty.rows, term: tty.term}};
  const channel = await new Promise<ClientChannel>((resolve, reject) => {
    client.exec(commandLine(options), {env: sentEnvironment(options.env), ...pty}, (error, opened) => {
      if (error === undefined) resolve(opened);
      else
        reject(new DriverError('BackendUnavailable', `${command[0]} could not be started`, {cause: error}));
    });
  });

  const finished = exitOf(channel, closed, command);
  const {firstLine, rest} = withoutFirstLine();
  // A terminal echoes what is typed: before the first line of the output it would be taken for that.
  const stdin = inputOf(channel, tty === undefined ? Promise.resolve() : firstLine);
  const stdout: Readable = channel.pipe(rest).pipe(new PassThrough());
  const stderr: Readable = channel.stderr.pipe(new PassThrough());
  channel.on('error', () => {});

  let isOver = false;
  const kill: ExecProcess['kill'] = name => {
    void firstLine.then(line => {
      if (!isOver) killer(Number(line), name);
    });
  };
  const abort = () => {
    kill('SIGKILL');
    // Its end comes behind all that it had still to say.
    rest.unpipe();
    rest.resume();
    channel.stderr.unpipe();
    channel.stderr.resume();
    for (const stream of [stdin, stdout, stderr]) stream.destroy();
  };
  if (signal?.aborted) abort();
  signal?.addEventListener('abort', abort, {once: true});

  const exitCode = finished.finally(() => {
    isOver = true;
    signal?.removeEventListener('abort', abort);
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
    resize: (columns, rows) => void channel.setWindow(rows, columns, 0, 0),
  };
}

/**
 * What root's shell is told, in as few programs as can be, since each takes long where the processor is emulated: to say its process id, which the
 * command then has, to go to the folder, and to become the user. Values of users' go with the session, never here.
 */
export function commandLine({account, directory, command, env}: ExecOptions & {account: Account}): string {
  const {name, uid, gid, home} = account;
  const own = {PATH: loginPath, HOME: home, USER: name, LOGNAME: name, SHELL: '/bin/bash'};
  const given = reserved.filter(key => env?.[key] !== undefined);
  const [program = ''] = command;
  const become = uid === 0 ? [] : ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--init-groups', '--'];
  return [
    'echo $$',
    'unset SSH_CLIENT SSH_CONNECTION SSH_TTY SSH_ORIGINAL_COMMAND MAIL SHLVL',
    `export ${Object.entries(own)
      .map(([key, value]) => `${key}=${quote(value)}`)
      .join(' ')}`,
    ...given.map(key => `export ${key}="$${alias}${key}"; unset ${alias}${key}`),
    `cd -- ${quote(directory ?? home)} || exit 1`,
    `command -v ${quote(program)} >/dev/null || exit 127`,
    `exec ${[...become, ...command].map(quote).join(' ')}`,
  ].join('\n');
}

function sentEnvironment(env: ExecOptions['env'] = {}): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).map(([key, value]) => [reserved.includes(key) ? `${alias}${key}` : key, value]),
  );
}

function inputOf(channel: ClientChannel, open: Promise<unknown>): Writable {
  return new Writable({
    write(chunk, _encoding, done) {
      void open.then(() => {
        if (channel.writable) channel.write(chunk, error => done(error));
        else done(new Error('the command has ended'));
      });
    },
    final(done) {
      void open.then(() => {
        channel.end();
        done();
      });
    },
  }).on('error', () => {});
}

/** Resolves once the streams have ended too. */
async function exitOf(
  channel: ClientChannel,
  lost: Promise<void>,
  command: readonly string[],
): Promise<number> {
  const exit = Promise.withResolvers<number | undefined>();
  let code: number | undefined;
  channel.on('exit', (status: number | null, name?: string) => {
    code = status ?? 128 + (signalNumber(name) ?? 0);
  });
  channel.once('close', () => exit.resolve(code));
  void lost.then(() => exit.resolve(code));
  const result = await exit.promise;
  if (result === undefined) {
    throw new DriverError('BackendUnavailable', `the exit code of ${command[0]} was lost`);
  }
  return result;
}

function signalNumber(name = ''): number | undefined {
  const full = name.startsWith('SIG') ? name : `SIG${name}`;
  return Object.entries(constants.signals).find(([each]) => each === full)?.[1];
}
