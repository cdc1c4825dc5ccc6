import {copyFile, mkdir, readFile, realpath, rename, stat, writeFile} from 'node:fs/promises';
import path from 'node:path';

export type Inclusion = {
  /** The file that is changed: where the user's configuration really is. */
  readonly file: string;
  readonly before: string;
  /** The same as before when it is included already. */
  readonly after: string;
};

/** What one `Include` of `included` makes of the user's `~/.ssh/config`. Reads only. */
export async function planInclude(userHome: string, included: string): Promise<Inclusion> {
  const file = await resolved(path.join(userHome, '.ssh', 'config'));
  const before = (await readIfThere(file)) ?? '';
  const line = `Include "${included}"`;
  const isIncluded = before.split(/\r?\n/).some(each => each.trim() === line);
  // First of all: after a Host it would be part of that one's block.
  return {file, before, after: isIncluded ? before : `${line}\n${before === '' ? '' : '\n'}${before}`};
}

/**
 * Carries it out: the file is replaced whole, with the rights that it had, after a copy was put beside it. Answers with the copy's path, undefined when
 * there was nothing to copy.
 */
export async function writeInclude({file, before, after}: Inclusion): Promise<string | undefined> {
  await mkdir(path.dirname(file), {recursive: true, mode: 0o700});
  const mode = before === '' ? 0o600 : (await stat(file)).mode & 0o777;
  const backup = `${file}.before-nexus`;
  if (before !== '') {
    await copyFile(file, backup);
  }

  const part = `${file}.${process.pid}.part`;
  await writeFile(part, after, {mode});
  await rename(part, file);
  return before === '' ? undefined : backup;
}

/** Many keep the file elsewhere, under version control: the link stays. */
async function resolved(file: string): Promise<string> {
  try {
    return await realpath(file);
  } catch {
    return file;
  }
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      return undefined;
    }

    throw error;
  }
}
