import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import path from 'node:path';

/** A folder of its own, gone with everything in it when disposed of. */
export async function temporaryFolder() {
  const folder = await mkdtemp(path.join(tmpdir(), 'nexus-storage-'));
  return {
    path: folder,
    /** Writes a file in it and answers its path. */
    async write(name: string, content: string): Promise<string> {
      const file = path.join(folder, name);
      await writeFile(file, content);
      return file;
    },
    [Symbol.asyncDispose]: () => rm(folder, {recursive: true, force: true}),
  };
}
