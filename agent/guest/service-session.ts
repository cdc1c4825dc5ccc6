import type {Driver} from '../driver.ts';
import type {ServiceHost, UnitExit} from '../services/service-host.ts';
import {GuestError} from './guest-error.ts';
import {scripts} from './scripts.ts';
import {environmentFile} from './shell-quote.ts';
import {parseExit, parseStarted, parseUnits, unitFile} from './unit-file.ts';

type Answer = {readonly exitCode: number; readonly output: string};
type Pending = {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
  readonly parts: Buffer[];
  length: number;
};

/** Who is root inside may send what they like, for as long as they like: characters of a line, and bytes of an answer, that ours keep well below. */
const longestLine = 16_384;
const longestAnswer = 262_144;

/** Opens a session with the services of a running instance: see `scripts/services.sh` for what runs at its other end. */
export async function openServiceSession(
  driver: Driver,
  uid: string,
  signal: AbortSignal,
): Promise<ServiceHost> {
  const lost = new AbortController();
  const process = await driver.exec(uid, {
    command: ['/bin/bash', '-c', scripts.services, 'nexus-services'],
    user: 'root',
    directory: '/',
    signal: AbortSignal.any([signal, lost.signal]),
  });
  const pending = new Map<number, Pending>();
  const exitListeners = new Set<(exit: UnitExit) => void>();
  const opened = Promise.withResolvers<void>();
  let lastId = 0;
  let complaint = '';

  const lose = (error: Error) => {
    if (!lost.signal.aborted) {
      lost.abort(error);
    }
    opened.reject(error);
    for (const {reject} of pending.values()) {
      reject(error);
    }
    pending.clear();
  };

  const receive = (line: string) => {
    const [kind, id, rest = ''] = line.split(' ');
    const waiting = pending.get(Number(id));
    if (kind === 'exit') {
      const exit = parseExit(line.slice('exit '.length));
      if (exit !== undefined) {
        for (const listener of exitListeners) {
          listener(exit);
        }
      }
    } else if (kind === 'part') {
      if (waiting !== undefined) {
        const part = Buffer.from(rest, 'base64');
        waiting.parts.push(part);
        waiting.length += part.length;
        if (waiting.length > longestAnswer) {
          lose(flood());
        }
      }
    } else if (kind === 'done' && waiting !== undefined) {
      pending.delete(Number(id));
      waiting.resolve({exitCode: Number(rest), output: Buffer.concat(waiting.parts).toString()});
    } else if (kind === 'ready') {
      opened.resolve();
    } else if (kind === 'unsupported') {
      lose(
        new GuestError(
          'Unsupported',
          'this image runs neither systemd nor runit, one of which services need; use one that does, such as nexus/base',
        ),
      );
    }
  };

  let line = '';
  process.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = `${line}${chunk}`.split('\n');
    line = lines.pop() ?? '';
    if (line.length > longestLine) {
      line = '';
      lose(flood());
    }
    for (const each of lines) {
      receive(each);
    }
  });
  process.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    complaint = `${complaint}${chunk}`.slice(-500);
  });
  for (const stream of [process.stdin, process.stdout, process.stderr]) {
    stream.on('error', () => {});
  }
  process.exitCode.then(
    code =>
      lose(
        new GuestError(
          'Internal',
          `the session with the services ended (exit code ${code}): ${complaint.trim()}`,
        ),
      ),
    (error: unknown) =>
      lose(new GuestError('BackendUnavailable', 'the session with the services was lost', {cause: error})),
  );
  const onAbort = () => lose(new GuestError('Internal', 'the session with the services was closed'));
  signal.addEventListener('abort', onAbort, {once: true});

  const call = (name: string, ...words: readonly (string | number)[]): Promise<Answer> => {
    if (lost.signal.aborted) {
      return Promise.reject(lost.signal.reason);
    }
    lastId += 1;
    const {promise, resolve, reject} = Promise.withResolvers<Answer>();
    pending.set(lastId, {resolve, reject, parts: [], length: 0});
    process.stdin.write(`${[lastId, name, ...words].join(' ')}\n`);
    return promise;
  };

  const succeed = async (name: string, ...words: readonly (string | number)[]): Promise<string> => {
    const {exitCode, output} = await call(name, ...words);
    if (exitCode !== 0) {
      throw new GuestError('CommandFailed', output.trim() || `${name} ended with exit code ${exitCode}`);
    }
    return output;
  };

  try {
    await opened.promise;
  } catch (error) {
    signal.removeEventListener('abort', onAbort);
    process.kill('SIGKILL');
    throw error;
  }

  return {
    lost: lost.signal,
    units: async () => parseUnits(await succeed('list_units')),

    async start(unit) {
      const {output} = await call(
        'start_service',
        unit.name,
        encode(unitFile(unit)),
        encode(unit.command),
        // Never empty, so that it always is a word.
        encode(`# Variables of ${unit.name}\n${environmentFile(unit.env)}`),
      );
      const started = parseStarted(output);
      if (started.invocation === '') {
        throw new GuestError('CommandFailed', output.trim() || `${unit.name} was not started`);
      }
      return started;
    },

    async stop(name) {
      await call('stop_service', name);
    },

    async checkTcp(port) {
      await succeed('check_tcp', port);
    },

    async checkHttp({port, path}, timeout) {
      const line = await succeed('check_http', port, path, seconds(timeout));
      const status = /^HTTP\/1\.[01] (\d{3})/.exec(line)?.[1];
      if (status === undefined) {
        throw new GuestError('CommandFailed', `what listens on port ${port} does not speak HTTP`);
      }
      return Number(status);
    },

    async checkCommand({service, command, directory}, timeout) {
      const {exitCode, output} = await call(
        'check_command',
        service,
        seconds(timeout),
        directory,
        encode(command),
      );
      if (exitCode !== 0) {
        const reason =
          exitCode === 137 ? `took longer than ${timeout} ms` : `ended with exit code ${exitCode}`;
        throw new GuestError(
          'CommandFailed',
          `the health check ${reason}${output.trim() === '' ? '' : `: ${output.trim().slice(-500)}`}`,
        );
      }
    },

    onExit(listener) {
      exitListeners.add(listener);
      return {[Symbol.dispose]: () => void exitListeners.delete(listener)};
    },

    async [Symbol.asyncDispose]() {
      signal.removeEventListener('abort', onAbort);
      lose(new GuestError('Internal', 'the session with the services was closed'));
    },
  };
}

function flood(): GuestError {
  return new GuestError('Internal', 'the session with the services sent more than it was asked for');
}

function encode(content: string): string {
  return Buffer.from(content).toString('base64');
}

function seconds(milliseconds: number): string {
  return (milliseconds / 1000).toFixed(3);
}
