import {readFile} from 'node:fs/promises';
import type {Machine} from '../node-facts.ts';

/** State of a socket that listens, in /proc/net/tcp. */
const listenState = '0A';

export const linuxMachine: Machine = {
  bootId: async () => (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim(),

  async listeningPorts() {
    const tables = await Promise.all(
      ['/proc/net/tcp', '/proc/net/tcp6'].map(path => readFile(path, 'utf8').catch(() => '')),
    );
    return tables.flatMap(parseListeningPorts);
  },
};

/** Of a table such as /proc/net/tcp: `sl local_address rem_address st …`. */
export function parseListeningPorts(table: string): readonly number[] {
  return table.split('\n').flatMap(line => {
    const [, local = '', , state] = line.trim().split(/\s+/);
    const port = local.split(':')[1];
    return state === listenState && port !== undefined ? [Number.parseInt(port, 16)] : [];
  });
}
