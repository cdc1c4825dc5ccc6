import {stat} from 'node:fs/promises';

/** The first of these paths at which there is a socket, whether anybody answers or not. */
export async function firstSocket(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) {
    const found = await stat(path).catch(() => undefined);
    if (found?.isSocket()) {
      return path;
    }
  }
  return undefined;
}
