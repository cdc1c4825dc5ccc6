import {isIP} from 'node:net';
import type {AddressStore} from '../forwards/listen-address.ts';
import {readIfThere} from './agent-home.ts';
import {writeFileAtomically} from './atomic-file.ts';

export function createFsAddressStore(path: string): AddressStore {
  return {
    async load() {
      const address = (await readIfThere(path))?.trim() ?? '';
      return isIP(address) === 0 ? undefined : address;
    },
    save: address => writeFileAtomically(path, `${address}\n`),
  };
}
