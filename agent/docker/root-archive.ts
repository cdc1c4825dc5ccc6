import {Readable} from 'node:stream';
import type {ExecProcess} from '../driver.ts';
import {DriverError} from '../driver.ts';
import {feedProgram} from '../feed-program.ts';
import {codeOfFailure} from './error.ts';
import type {Helper} from './helpers.ts';
import {closeHelper} from './helpers.ts';

/** Extended attributes that users have a use for: their own, and capabilities of programs. Access lists are named apart. */
const attributes = ['--xattrs', '--xattrs-include=user.*', '--xattrs-include=security.capability', '--acls'];

/** Bytes of what is said about a failure. */
const longestMessage = 2000;

/**
 * All files below a folder of the helper as a tarball: owners by number, links, holes, extended attributes. The helper is gone once it is closed, and it fails
 * where anything could not be read.
 */
export async function packRoot(helper: Helper, folder: string, signal: AbortSignal): Promise<Readable> {
  const process = await helper.run(
    [
      ...['tar', '--create', '--file=-', '--format=posix', '--pax-option=delete=atime,delete=ctime'],
      ...['--numeric-owner', '--sparse', ...attributes, `--directory=${folder}`, '.'],
    ],
    signal,
  );
  process.stdin.end();
  const failure = failureOf(process, 'its files could not be read');

  async function* pieces() {
    for await (const piece of process.stdout as AsyncIterable<Buffer>) yield piece;
    const failed = await failure;
    if (failed !== undefined) throw failed;
  }
  const content = Readable.from(pieces(), {objectMode: false});
  content.once('close', () => void closeHelper(helper));
  return content;
}

/** Makes these files below a folder of the helper, and resolves once the disk has them. Throws DriverError, also when `content` fails. */
export async function unpackRoot(
  helper: Helper,
  {folder, content, signal}: {folder: string; content: Readable; signal: AbortSignal},
): Promise<void> {
  const process = await helper.run(
    [
      ...['tar', '--extract', '--file=-', '--numeric-owner', '--same-owner', '--same-permissions'],
      ...['--delay-directory-restore', ...attributes, `--directory=${folder}`],
    ],
    signal,
  );
  process.stdout.resume();
  const failure = failureOf(process, 'its files could not be written');
  await feedProgram(content, {stdin: process.stdin, failure}, signal);
  await finish(await helper.run(['sync', '--file-system', folder], signal));
}

async function finish(process: ExecProcess): Promise<void> {
  process.stdin.end();
  process.stdout.resume();
  const failed = await failureOf(process, 'its files could not be kept');
  if (failed !== undefined) throw failed;
}

/** Resolves once the process has ended, to what it said when that was not well. */
async function failureOf(process: ExecProcess, what: string): Promise<DriverError | undefined> {
  let said = '';
  process.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = `${said}${text}`.slice(0, longestMessage);
  });
  try {
    const exitCode = await process.exitCode;
    if (exitCode === 0) return undefined;
    const message = said.trim() || `exit code ${exitCode}`;
    return new DriverError(codeOfFailure({message}), `${what}: ${message}`);
  } catch (error) {
    if (error instanceof DriverError) return error;
    return new DriverError('Internal', what, {cause: error});
  }
}
