import type {ChildProcess} from 'node:child_process';
import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {Readable} from 'node:stream';
import {DriverError} from '../driver.ts';
import {feedProgram} from '../feed-program.ts';
import {codeOf} from './image-program.ts';

/** A file of a tarball, and the folder in which it is. */
export type Member = {readonly folder: string; readonly name: string};

/** Nothing of the agent's own. */
const env = {PATH: process.env.PATH ?? '', LANG: 'C'};

/** Bytes of what is said about a failure. */
const longestMessage = 2000;

/** A tarball of these files, holes left out. Fails when they can't be read; the program ends when it is closed. */
export function packFiles(members: readonly Member[]): Readable {
  const child = spawn(
    'tar',
    [
      ...['--create', '--file=-', '--format=posix', '--pax-option=delete=atime,delete=ctime', '--sparse'],
      ...['--owner=0', '--group=0', '--numeric-owner', '--mode=0600'],
      ...members.flatMap(({folder, name}) => [`--directory=${folder}`, name]),
    ],
    {stdio: ['ignore', 'pipe', 'pipe'], env},
  );
  const failure = failureOf(child, 'the machine could not be packed');
  const {stdout} = child;

  async function* pieces() {
    for await (const piece of stdout as AsyncIterable<Buffer>) yield piece;
    const failed = await failure;
    if (failed !== undefined) throw failed;
  }
  const content = Readable.from(pieces(), {objectMode: false});
  content.once('close', () => child.kill('SIGKILL'));
  return content;
}

/** Takes these files of a tarball, and no others, into a folder. What they are made as is for the caller to look at. Throws DriverError, also when `content` fails. */
export async function unpackFiles(
  content: Readable,
  {folder, names, signal}: {folder: string; names: readonly string[]; signal: AbortSignal},
): Promise<void> {
  const child = spawn(
    'tar',
    [
      ...['--extract', '--file=-', '--no-same-owner', '--no-same-permissions'],
      ...[`--directory=${folder}`, ...names],
    ],
    {stdio: ['pipe', 'ignore', 'pipe'], env},
  );
  const failure = failureOf(child, 'the machine could not be unpacked');
  try {
    await feedProgram(content, {stdin: child.stdin, failure}, signal);
  } finally {
    content.destroy();
    child.kill('SIGKILL');
    await failure;
  }
}

/** Resolves once the program has ended, to what it said when that was not well. */
async function failureOf(child: ChildProcess, what: string): Promise<DriverError | undefined> {
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = `${said}${text}`.slice(0, longestMessage);
  });
  child.stdin?.on('error', () => {});
  try {
    const [exitCode] = await once(child, 'close');
    if (exitCode === 0) return undefined;
    return new DriverError(codeOf(said), `${what}: ${said.trim() || `tar ended with ${exitCode}`}`);
  } catch (cause) {
    return new DriverError('BackendUnavailable', `${what}: tar can't be run`, {cause});
  }
}
