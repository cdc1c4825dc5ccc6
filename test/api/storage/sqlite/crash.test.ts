import {spawn} from 'node:child_process';
import {once} from 'node:events';
import test from 'ava';
import Sqlite from 'better-sqlite3';
import {systemClock} from '../../../../api/effects/clock.ts';
import {systemRandom} from '../../../../api/effects/random.ts';
import {openSqliteStorage} from '../../../../api/storage/sqlite/sqlite-storage.ts';
import {temporaryFolder} from './temporary-folder.ts';

const rounds = 8;

/** Lets the storm rage until it has acknowledged so many writes, kills it in the middle of the next ones, and answers what was acknowledged. */
async function storm(path: string, acknowledgements: number): Promise<Map<string, string>> {
  const program = new URL('write-storm.ts', import.meta.url).pathname;
  const child = spawn(process.execPath, [program, path], {stdio: ['ignore', 'pipe', 'inherit']});
  const exited = once(child, 'close');
  let output = '';
  child.stdout.setEncoding('utf8');
  child.stdout.on('data', (text: string) => {
    output += text;
    if (output.split('\n').length > acknowledgements) {
      child.kill('SIGKILL');
    }
  });
  const [, signal] = await exited;
  if (signal !== 'SIGKILL') {
    throw new Error(`The storm ended by itself: ${output}`);
  }

  const acknowledged = new Map<string, string>();
  for (const line of output.split('\n').slice(0, -1)) {
    const [name = '', version = ''] = line.split(' ');
    acknowledged.set(name, version);
  }

  return acknowledged;
}

test('a kill -9 at any moment loses nothing that was acknowledged, and leaves nothing half done', async t => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/store.db`;
  let expected = new Map<string, string>();
  for (let round = 0; round < rounds; round += 1) {
    const fresh = await storm(path, 20 + Math.floor(systemRandom.fraction() * 400));
    expected = new Map([...expected, ...fresh]);

    await using storage = await openSqliteStorage({path, clock: systemClock, random: systemRandom});
    const {items, resourceVersion} = await storage.list('Workspace');
    const stored = new Map(items.map(item => [item.metadata.name, item]));
    const acknowledgedLast = Math.max(0, ...[...expected.values()].map(Number).filter(Number.isSafeInteger));
    for (const [name, version] of expected) {
      const history = await storage.history('Workspace', name);
      const newest = Number(history.at(-1)?.resourceVersion ?? 0);
      if (version === 'gone') {
        // Gone, or made anew by the one write whose acknowledgement was cut off.
        t.true(!stored.has(name) || newest > acknowledgedLast, `${name} came back`);
      } else {
        t.true(newest >= Number(version), `${name} was acknowledged at ${version} and is at ${newest}`);
      }
    }

    t.true(Number(resourceVersion) >= acknowledgedLast);
    const database = new Sqlite(path, {readonly: true});
    t.is(database.pragma('integrity_check', {simple: true}), 'ok');
    t.deepEqual(database.pragma('foreign_key_check'), []);
    const allocations = database
      .prepare<[], {node: string; node_port: number; workspace_uid: string}>(
        'SELECT node, node_port, workspace_uid FROM port_allocations ORDER BY node_port',
      )
      .all();
    const declared = items.flatMap(({metadata, status}) =>
      (status?.ports ?? []).map(({nodePort}) => ({
        node: status?.node ?? '',
        node_port: nodePort,
        workspace_uid: metadata.uid,
      })),
    );
    t.deepEqual(
      allocations,
      declared.toSorted((a, b) => a.node_port - b.node_port),
    );
    t.true(declared.length % 2 === 0, 'ports come in pairs');
    const versions = database
      .prepare<[], {name: string; resource_version: number}>(
        "SELECT name, resource_version FROM resources WHERE kind = 'Workspace' ORDER BY name",
      )
      .all();
    t.deepEqual(
      versions.map(row => [row.name, String(row.resource_version)]),
      items.map(({metadata}) => [metadata.name, metadata.resourceVersion]),
    );
    database.close();
  }
});
