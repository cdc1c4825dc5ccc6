import test from 'ava';
import type {NodeView} from '../../../controller/agent-client/agents.ts';
import {createCluster} from '../../../controller/workspace/cluster.ts';
import {schedule} from '../../../controller/workspace/schedule.ts';
import {nodeFactsAt} from '../../fakes/instances.ts';
import {nodeOf, now, workspaceOf} from './fixtures.ts';

const options = {now, listeningSince: now - 600_000, heartbeatDeadline: 20_000};
const nothing = {
  get: () => undefined,
  list: () => [],
  byIndex: () => [],
  observe() {},
  hasSynced: () => true,
};
const unheard = {onChange: () => ({[Symbol.dispose]() {}})};

/** Why the only node, seen like this, does not take a workspace. */
function refusalOn(view: NodeView): string {
  const nodes = {...nothing, ...unheard, list: () => [nodeOf('one')]};
  const cluster = createCluster({workspaces: {...nothing, ...unheard}, nodes, agents: {view: () => view}});
  const workspace = workspaceOf();
  const size = {cpus: 1, memory: 2 ** 30, disk: 2 ** 30};
  const placement = schedule(
    {spec: workspace.spec, size, requests: size, ports: []},
    cluster.candidates(workspace, options),
  );
  return placement.kind === 'Unplaced' ? placement.message : placement.kind;
}

const notSetUp = nodeFactsAt('2026-11-20T10:00:00.000Z', {
  providers: [{name: 'lxc', backend: 'incus', version: '6', ready: false, message: 'it is not set up'}],
});

const view = (changes: Partial<NodeView>): NodeView => ({
  connected: true,
  synced: true,
  providers: new Map(),
  instances: new Map(),
  facts: nodeFactsAt('2026-11-20T10:00:00.000Z'),
  ...changes,
});

test('a node that was never set up takes nothing, and says why', t => {
  t.regex(refusalOn(view({facts: notSetUp})), /provider lxc is not ready there \(it is not set up\)/);
});

test('a node whose backend went away says why for as long as its agent answers', t => {
  t.regex(refusalOn(view({facts: notSetUp, heardAt: now - 60_000})), /it is not set up/);
  t.regex(
    refusalOn(view({facts: notSetUp, heardAt: now - 60_000, connected: false})),
    /it is not ready; see/,
  );
});

test('a node that is not heard takes nothing, whatever it said', t => {
  t.regex(refusalOn(view({heardAt: now - 60_000})), /it is not ready; see: nexus node status one/);
  t.is(refusalOn(view({heardAt: now})), 'Placed');
});
