import {chmod, mkdir, stat} from 'node:fs/promises';
import {homedir} from 'node:os';
import path from 'node:path';

/** Where one installation keeps all its state: `--home`, else `$NEXUS_HOME`, else `~/.nexus`. */
export function homeFolder(env: Readonly<Record<string, string | undefined>>): string {
  const given = env.NEXUS_HOME;
  return path.resolve(given === undefined || given === '' ? path.join(homedir(), '.nexus') : given);
}

/** Makes the home, for its owner's eyes only, and takes rights away that others have on one that exists. */
export async function ensureHome(home: string): Promise<void> {
  await mkdir(home, {recursive: true, mode: 0o700});
  const {mode} = await stat(home);
  if ((mode & 0o077) !== 0) {
    await chmod(home, 0o700);
  }
}
