import {stat} from 'node:fs/promises';
import test from 'ava';
import Sqlite from 'better-sqlite3';
import {systemClock} from '../../../../api/effects/clock.ts';
import {systemRandom} from '../../../../api/effects/random.ts';
import {createEventRecorder} from '../../../../api/storage/event-recorder.ts';
import {openSqliteStorage} from '../../../../api/storage/sqlite/sqlite-storage.ts';
import {node} from '../../../../api/v1alpha1/node.ts';
import {aUser, aWorkspace} from '../../../contracts/storage/samples.ts';
import {temporaryFolder} from './temporary-folder.ts';

test('people with sqlite3 read workspaces, services, users, nodes, ports and events while the store is open', async t => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/store.db`;
  await using storage = await openSqliteStorage({path, clock: systemClock, random: systemRandom});
  const workspace = await storage.create(
    'Workspace',
    aWorkspace('shop', {
      status: {
        phase: 'Running',
        node: 'local',
        ports: [{name: 'ssh', nodePort: 2222, targetPort: 22}],
        ssh: {host: '127.0.0.1', port: 2222, username: 'dev'},
        conditions: [
          {
            type: 'Ready',
            status: 'True',
            reason: 'AllGood',
            message: '',
            lastTransitionTime: '2026-11-20T10:00:00.000Z',
          },
        ],
        services: [
          {name: 'web', port: 3000, localPort: 23_000, status: 'Healthy', health: 'Healthy', restarts: 2},
        ],
      },
    }),
  );
  await storage.create('User', aUser('ada'));
  await storage.create(
    'Node',
    node.parse({
      apiVersion: 'nexus.dev/v1alpha1',
      kind: 'Node',
      metadata: {name: 'local'},
      spec: {address: '10.0.0.1'},
    }),
  );
  const recorder = createEventRecorder({
    storage,
    clock: systemClock,
    component: 'controller',
  });
  const {uid} = workspace.metadata;
  await recorder.record({
    regarding: {kind: 'Workspace', name: 'shop', uid},
    type: 'Normal',
    reason: 'Started',
    message: 'up',
  });

  const reader = new Sqlite(path, {readonly: true});
  t.like(reader.prepare('SELECT * FROM workspaces').get(), {
    name: 'shop',
    owner: 'ada',
    phase: 'Running',
    node: 'local',
    ready: 'True',
    reason: 'AllGood',
    ssh_port: 2222,
    running: 1,
  });
  t.like(reader.prepare('SELECT * FROM services').get(), {
    workspace: 'shop',
    name: 'web',
    port: 3000,
    local_port: 23_000,
    status: 'Healthy',
    restarts: 2,
    last_error: null,
  });
  t.like(reader.prepare('SELECT * FROM users').get(), {name: 'ada', role: 'user', ssh_keys: 0});
  t.like(reader.prepare('SELECT * FROM nodes').get(), {
    name: 'local',
    address: '10.0.0.1',
    ready: null,
    unschedulable: 0,
  });
  t.like(reader.prepare('SELECT * FROM events').get(), {
    reason: 'Started',
    regarding_name: 'shop',
    regarding_uid: uid,
    message: 'up',
    count: 1,
    actor: 'controller',
  });
  t.deepEqual(reader.prepare('SELECT * FROM port_allocations').all(), [
    {node: 'local', node_port: 2222, workspace_uid: uid, name: 'ssh'},
  ]);
  t.throws(
    () => new Sqlite(path).exec(`INSERT INTO port_allocations VALUES ('local', 2222, '${uid}', 'x')`),
    {
      message: /UNIQUE/,
    },
  );
  reader.close();
});

test('what is looked up is found by an index', async t => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/store.db`;
  await using storage = await openSqliteStorage({path, clock: systemClock, random: systemRandom});
  await storage.ping();
  const reader = new Sqlite(path, {readonly: true});
  for (const column of [
    'owner',
    'user',
    'sha256',
    'regarding_uid',
    'regarding_name',
    'node',
    'phase',
    'deletion',
  ]) {
    const [plan] = reader
      .prepare<[], {detail: string}>(
        `EXPLAIN QUERY PLAN SELECT resource_version FROM resources WHERE kind = 'Token' AND "${column}" = 'x' ORDER BY name`,
      )
      .all();
    t.regex(plan?.detail ?? '', new RegExp(`SEARCH resources USING INDEX resources_${column}`));
  }

  reader.close();
});

test('the store and its files are for their owner only', async t => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/store.db`;
  await using storage = await openSqliteStorage({path, clock: systemClock, random: systemRandom});
  await storage.create('Workspace', aWorkspace('a'));
  for (const file of [path, `${path}-wal`, `${path}-shm`]) {
    t.is((await stat(file)).mode & 0o777, 0o600, file);
  }
});
