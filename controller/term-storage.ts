import type {Storage} from '../api/storage/storage.ts';
import type {Term} from '../api/storage/term.ts';

/** The store, as long as the term lasts: afterwards it can be read, and writing throws why not. */
export function createTermStorage(storage: Storage, term: Pick<Term, 'check'>): Storage {
  return {
    ...storage,
    async create(...request) {
      term.check();
      return await storage.create(...request);
    },
    async update(...request) {
      term.check();
      return await storage.update(...request);
    },
    async updateStatus(...request) {
      term.check();
      return await storage.updateStatus(...request);
    },
    async delete(...request) {
      term.check();
      return await storage.delete(...request);
    },
  };
}
