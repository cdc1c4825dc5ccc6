import test from 'ava';
import {createGatewayDirectory} from '../../../cli/server/gateway-directory.ts';
import {workspaceOf} from '../../controller/workspace/fixtures.ts';
import {runningInstance} from '../../fakes/instances.ts';

const {state} = runningInstance('u');
const instance = {name: 'nexus-u', state, observedAt: '2026-01-01T00:00:00Z'};
const right = workspaceOf({}, {metadata: {name: 'right', uid: 'u'}, status: {instance}});
const forged = workspaceOf({}, {metadata: {name: 'forged', uid: 'u'}, status: {}});

test('the gateway leads to no workspace that claims the uid of another, by uid or by name', t => {
  const directory = directoryOf([forged, right]);
  t.is(directory.workspace('u'), right);
  t.is(directory.workspace('right'), right);
  t.is(directory.workspace('forged'), undefined);
  t.is(directory.workspace('nobody'), undefined);
  const both = directoryOf([forged, {...right, status: {}}]);
  t.is(both.workspace('u'), undefined);
});

function directoryOf(present: readonly (typeof right)[]) {
  const informer = {hasSynced: () => true, onChange: () => ({[Symbol.dispose]() {}})};
  return createGatewayDirectory({
    users: {...informer, byIndex: () => []},
    workspaces: {
      ...informer,
      byIndex: (_: string, uid: string) => present.filter(({metadata}) => metadata.uid === uid),
      get: (name: string) => present.find(({metadata}) => metadata.name === name),
    },
  });
}
