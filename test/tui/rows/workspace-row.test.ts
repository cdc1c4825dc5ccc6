import test from 'ava';
import {eventColumns, eventRow} from '../../../tui/rows/event-row.ts';
import {nodeColumns, nodeRow} from '../../../tui/rows/node-row.ts';
import {serviceColumns, serviceRows} from '../../../tui/rows/service-row.ts';
import {workspaceColumns, workspaceRow} from '../../../tui/rows/workspace-row.ts';
import {eventAbout, nodeNamed, now, start, workspaceNamed} from '../literals.ts';

const texts = (row: {cells: readonly {text: string}[]} | undefined) => row?.cells.map(({text}) => text);

test('a workspace that nothing is known of yet is Pending', t => {
  t.deepEqual(texts(workspaceRow(workspaceNamed('a'), now)), [
    'a',
    'Pending',
    '-',
    '-',
    '-',
    '-',
    '1m',
    'alice',
    '',
  ]);
});

test('a workspace that is being moved shows where it goes', t => {
  const migration = {source: 'a', target: 'b', transfer: 'x', phase: 'Copying', startedAt: start} as const;
  t.is(texts(workspaceRow(workspaceNamed('w', {node: 'a', migration}), now))?.[4], 'a → b');
  t.is(
    texts(
      workspaceRow(workspaceNamed('w', {node: 'b', migration: {...migration, phase: 'Switched'}}), now),
    )?.[4],
    'b',
  );
});

test('a running workspace shows its node, its port and its healthy services', t => {
  const row = workspaceRow(
    workspaceNamed('a', {
      phase: 'Running',
      node: 'local',
      ssh: {host: '127.0.0.1', port: 2222, username: 'dev'},
      services: [
        {name: 'db', status: 'Healthy', health: 'Healthy', restarts: 0},
        {name: 'web', status: 'BackOff', health: 'Unhealthy', restarts: 3},
      ],
      conditions: [
        {
          type: 'Ready',
          status: 'False',
          reason: 'ServicesNotHealthy',
          message: 'web is not healthy',
          lastTransitionTime: start,
        },
      ],
    }),
    now,
  );
  t.deepEqual(texts(row), [
    'a',
    'Running',
    'False',
    '1/2',
    'local',
    ':2222',
    '1m',
    'alice',
    'web is not healthy',
  ]);
});

test('a workspace that is being deleted says so whatever its last phase was', t => {
  const workspace = workspaceNamed('a', {phase: 'Running'});
  const deleted = {...workspace, metadata: {...workspace.metadata, deletionTimestamp: start}};
  t.is(texts(workspaceRow(deleted, now))?.[1], 'Deleting');
});

test('each service of a workspace has a row with its last error', t => {
  const rows = serviceRows(
    workspaceNamed('a', {
      services: [
        {
          name: 'web',
          status: 'BackOff',
          health: 'Unhealthy',
          restarts: 3,
          port: 3000,
          url: 'http://localhost:23000',
          lastError: 'exit code 1',
          since: start,
        },
      ],
    }),
    now,
  );
  t.deepEqual(rows.map(texts), [
    ['a', 'web', 'BackOff', '3000', 'http://localhost:23000', '3', '1m', 'exit code 1'],
  ]);
  t.is(rows[0]?.id, 'a/web');
});

test('every row has a cell for each column', t => {
  t.is(workspaceRow(workspaceNamed('a'), now).cells.length, workspaceColumns.length);
  t.is(nodeRow(nodeNamed('n'), now).cells.length, nodeColumns.length);
  t.is(eventRow(eventAbout('a', 'Created'), now).cells.length, eventColumns.length);
  const service = {name: 'web', status: 'Pending', health: 'Unknown', restarts: 0} as const;
  t.is(serviceRows(workspaceNamed('a', {services: [service]}), now)[0]?.cells.length, serviceColumns.length);
});
