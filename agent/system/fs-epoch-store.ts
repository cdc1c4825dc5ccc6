import {readFile} from 'node:fs/promises';
import type {EpochStore} from '../epoch.ts';
import {writeFileAtomically} from './atomic-file.ts';

export function createFsEpochStore(path: string): EpochStore {
  return {
    async load() {
      try {
        const epoch = Number((await readFile(path, 'utf8')).trim());
        return Number.isSafeInteger(epoch) ? epoch : 0;
      } catch (error) {
        if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
          return 0;
        }
        throw error;
      }
    },
    save: epoch => writeFileAtomically(path, `${epoch}\n`),
  };
}
