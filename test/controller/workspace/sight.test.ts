import test from 'ava';
import type {NodeView} from '../../../controller/agent-client/agents.ts';
import {sightOf} from '../../../controller/workspace/sight.ts';
import {nodeFactsAt, runningInstance} from '../../fakes/instances.ts';
import {now, uid} from './fixtures.ts';

const heartbeatDeadline = 20_000;
const options = {now, listeningSince: now - 600_000, heartbeatDeadline};
const instance = runningInstance(uid);

function viewOf(changes: Partial<NodeView> = {}): NodeView {
  return {
    connected: true,
    synced: true,
    heardAt: now - 1000,
    providers: new Map([['lxc', {readyAt: now - 1000, told: true}]]),
    facts: nodeFactsAt('2026-11-20T12:00:00.000Z'),
    instances: new Map([[uid, instance]]),
    ...changes,
  };
}

/** Last heard so long ago, in every respect. */
const heard = (ago: number) => ({
  heardAt: now - ago,
  providers: new Map([['lxc' as const, {readyAt: now - ago, told: true}]]),
});

const see = (view: NodeView | undefined, changes: Partial<typeof options> = {}, exists = true) =>
  sightOf({uid, provider: 'lxc', node: {name: 'one', exists, view}}, {...options, ...changes});

test('on a node that is heard, what it reports is there and what it does not is absent', t => {
  t.like(see(viewOf()), {kind: 'Present', instance});
  t.is(see(viewOf({instances: new Map()})).kind, 'Absent');
});

test('an instance that is missing is absent, with what the node says of it', t => {
  const missing = runningInstance(uid, {state: 'Missing'});
  t.like(see(viewOf({instances: new Map([[uid, missing]])})), {kind: 'Absent', last: missing});
});

test("ages are told by the node's own clock", t => {
  t.like(see(viewOf()), {nodeTime: Date.parse('2026-11-20T12:00:01.000Z')});
});

for (const [title, view] of [
  ['not connected', viewOf({connected: false})],
  ['connected and has not listed everything', viewOf({synced: false})],
] as const) {
  test(`a node that is ${title} is quiet until the heartbeat deadline, then nothing is known`, t => {
    t.like(see(view), {kind: 'Quiet', expiresAt: now + 19_000, last: instance});
    t.like(see(view, {now: now + 19_001}), {kind: 'Unknown', last: instance});
  });
}

test('a connection on which nothing is heard proves nothing', t => {
  t.is(see(viewOf(heard(20_000))).kind, 'Present');
  t.is(see(viewOf(heard(20_001))).kind, 'Unknown');
});

test('a controller that has just started waits before it doubts', t => {
  t.like(see(undefined, {listeningSince: now - 5000}), {kind: 'Quiet', expiresAt: now + 15_000});
  t.like(see(undefined), {kind: 'Unknown', cause: {type: 'NodeUnreachable', node: 'one'}});
});

test('of a node that is connected and has no backend that is ready, that is why nothing is known', t => {
  const message = 'it is not set up';
  const providers = [{name: 'lxc' as const, backend: 'incus', version: '6', ready: false, message}];
  const facts = nodeFactsAt('2026-11-20T12:00:00.000Z', {providers});
  const sight = see(viewOf({facts, ...heard(60_000)}));
  t.like(sight, {kind: 'Unknown', cause: {type: 'NodeUnreachable', error: message}});
});

test('why a node can not be reached is kept', t => {
  const view = viewOf({connected: false, ...heard(60_000), lastError: 'host key differs'});
  t.like(see(view), {cause: {heardAt: now - 60_000, error: 'host key differs'}});
});

test('of a node that was removed nothing is known, whatever it last said', t => {
  t.like(see(viewOf(), {}, false), {kind: 'Unknown', cause: {type: 'NodeRemoved', node: 'one'}});
});

const docker = (view: NodeView) =>
  sightOf({uid, provider: 'docker', node: {name: 'one', exists: true, view}}, options);

test('what one backend says is no evidence for the instances of another', t => {
  t.like(docker(viewOf()), {kind: 'Unknown', cause: {error: 'it has no backend for provider docker'}});
  const providers = new Map([
    ['lxc' as const, {readyAt: now - 1000, told: true}],
    ['docker' as const, {readyAt: now - 21_000, told: true}],
  ]);
  const silent = {
    name: 'docker' as const,
    backend: 'docker',
    version: '20.10',
    ready: false,
    message: 'gone',
  };
  const facts = nodeFactsAt('2026-11-20T12:00:00.000Z', {
    providers: [{name: 'lxc', backend: 'incus', version: '6', ready: true}, silent],
  });
  const view = viewOf({providers, facts});
  t.is(see(view).kind, 'Present');
  t.like(docker(view), {kind: 'Unknown', cause: {heardAt: now - 21_000, error: 'gone'}});
});

test('a backend that was ready on an earlier connection only says nothing yet', t => {
  const providers = new Map([['docker' as const, {readyAt: now - 1000, told: false}]]);
  t.like(docker(viewOf({providers, instances: new Map()})), {kind: 'Quiet', expiresAt: now + 19_000});
});
