import test from 'ava';
import {labels} from '../../../agent/docker/labels.ts';
import type {RawContainer} from '../../../agent/docker/observe.ts';
import {toContainer, toDriverInstance} from '../../../agent/docker/observe.ts';

function raw(state: Partial<RawContainer['State']> = {}, more: Record<string, string> = {}): RawContainer {
  return {
    Id: 'c1',
    Name: '/nexus-u1',
    State: {
      Status: 'exited',
      Paused: false,
      Running: false,
      Pid: 0,
      StartedAt: '0001-01-01T00:00:00Z',
      ...state,
    },
    Config: {Labels: {[labels.uid]: 'u1', [labels.disk]: '1024', [labels.image]: 'nexus/base', ...more}},
    HostConfig: {NanoCpus: 2e9, Memory: 512},
  };
}

const of = (container: RawContainer, marks?: Parameters<typeof toContainer>[1]) =>
  toDriverInstance(toContainer(container, marks));

for (const [status, paused, state] of [
  ['created', false, 'Stopped'],
  ['exited', false, 'Stopped'],
  ['running', false, 'Running'],
  ['paused', true, 'Frozen'],
  ['restarting', false, 'Starting'],
  ['removing', false, 'Stopping'],
  ['dead', false, 'Error'],
] as const) {
  test(`a container that is ${status} is ${state}`, t => {
    t.is(of(raw({Status: status, Paused: paused})).state, state);
  });
}

test('limits are those of now: Docker’s own, and of the disk what was changed last', t => {
  t.deepEqual(of(raw()).limits, {cpus: 2, memory: 512, disk: 1024});
  t.deepEqual(of(raw(), {container: 'c1', disk: 2048}).limits, {cpus: 2, memory: 512, disk: 2048});
});

test('marks of another container of the same uid are not believed', t => {
  const retired = {at: 'a', until: 'b'};
  t.deepEqual(of(raw(), {container: 'c1', retired}).retired, retired);
  t.is(of(raw(), {container: 'c2', retired}).retired, undefined);
});

test('what never started has not run, and has no time of its start', t => {
  t.like(of(raw()), {hasRun: false, startedAt: undefined});
  const started = '2026-11-20T10:00:00.000Z';
  t.like(of(raw({Status: 'running', StartedAt: started})), {hasRun: true, startedAt: started});
});

test('an image that is not ours needs provisioning, until that was done', t => {
  t.false(of(raw()).needsProvisioning);
  const foreign = raw();
  const container = {...foreign, Config: {Labels: {[labels.uid]: 'u1'}}};
  t.true(of(container).needsProvisioning);
  t.false(of(container, {container: 'c1', provisioned: true}).needsProvisioning);
});

test('what has come from elsewhere is a copy by its name, complete by another, and an instance by its own', t => {
  const came = (name: string) => of({...raw({}, {[labels.incoming]: 'mark'}), Name: `/${name}`});
  t.like(came('nexus-u1.incoming'), {name: 'nexus-u1', incoming: {mark: 'mark', complete: false}});
  t.like(came('nexus-u1.arrived'), {name: 'nexus-u1', incoming: {mark: 'mark', complete: true}});
  t.like(came('nexus-u1'), {name: 'nexus-u1', incoming: undefined, hasRun: true, lastStartedAt: undefined});
  t.like(came('renamed'), {name: 'renamed', incoming: undefined});
});

test('when it was last started is known of what is stopped, too', t => {
  const started = '2026-11-20T10:00:00.000Z';
  t.like(of(raw({StartedAt: started})), {startedAt: undefined, lastStartedAt: started});
});
