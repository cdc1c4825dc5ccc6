/** A whole server on a store of so many simulated workspaces. Prints {@link ServerFacts} as one line of JSON once all are Ready. */
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {pino} from 'pino';
import {systemClock} from '../../api/effects/clock.ts';
import {systemRandom} from '../../api/effects/random.ts';
import {openSqliteStorage} from '../../api/storage/sqlite/sqlite-storage.ts';
import {serve} from '../../cli/server/serve.ts';
import {noInstaller} from '../../test/fakes/no-installer.ts';
import {createSimulatedNodes} from './simulated-nodes.ts';
import type {Account} from './simulated-store.ts';
import {countReady, fillStore, settled} from './simulated-store.ts';

export type ServerFacts = {readonly url: string; readonly accounts: readonly Account[]};

const count = Number(process.argv[2]);
const home = await mkdtemp(path.join(tmpdir(), 'nexus-bench-'));
const file = path.join(home, 'nexus.sqlite');
const effects = {clock: systemClock, random: systemRandom};
const accounts = await fill();
const server = await serve({
  ...effects,
  home,
  host: '127.0.0.1',
  port: 0,
  connect: createSimulatedNodes().connect,
  installer: noInstaller,
  version: 'benchmark',
  // Written as in earnest, and thrown away.
  log: pino({base: null}, pino.destination('/dev/null')),
});
{
  // A second reader of the same file: it is only asked for what is committed.
  await using storage = await openSqliteStorage({path: file, ...effects});
  await settled(async () => (await countReady(storage)) === count);
}
const facts: ServerFacts = {url: server.url, accounts};
console.log(JSON.stringify(facts));

process.stdin.resume().once('end', async () => {
  await server[Symbol.asyncDispose]();
  await rm(home, {recursive: true, force: true});
  process.exit();
});

async function fill(): Promise<readonly Account[]> {
  await using storage = await openSqliteStorage({path: file, ...effects});
  return await fillStore(storage, count);
}
