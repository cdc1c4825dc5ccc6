import type {Storage} from '../../api/storage/storage.ts';
import {concurrencyContract} from './storage/concurrency.ts';
import {deletionContract} from './storage/deletion.ts';
import {hostileInputContract} from './storage/hostile-input.ts';
import {modelContract} from './storage/model.ts';
import {objectContract} from './storage/objects.ts';
import {readingContract} from './storage/reading.ts';

/**
 * Registers a test for every sentence of the contract in `api/storage/storage.ts`. `open` gives a store of its own, empty, each time;
 * `name` begins the title of each test.
 */
export function storageContract(name: string, open: () => Promise<Storage>): void {
  objectContract(name, open);
  deletionContract(name, open);
  readingContract(name, open);
  hostileInputContract(name, open);
  concurrencyContract(name, open);
  modelContract(name, open);
}
