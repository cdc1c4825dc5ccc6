import test from 'ava';
import type {Entry} from '../../../agent/instances/entry.ts';
import {emptyRecord} from '../../../agent/instances/instance-record.ts';
import {createSshReadiness} from '../../../agent/instances/ssh-readiness.ts';
import {createManualClock} from '../../fakes/manual-clock.ts';

const running = {
  uid: 'u',
  name: 'nexus-u',
  state: 'Running',
  address: '10.0.0.2',
  startedAt: '2026-11-20T10:00:00.000Z',
  limits: {cpus: 1, memory: 1, disk: 1},
  needsProvisioning: false,
  hasRun: true,
} as const;

function entryOf(): Entry {
  return {
    uid: 'u',
    record: emptyRecord('u', 'lxc'),
    observed: running,
    observedAt: 0,
    absentSince: undefined,
    savedRun: undefined,
    sshReady: false,
    operation: undefined,
    failures: new Map(),
    forwards: [],
    services: [],
    revision: 1,
  };
}

test('an instance that was overlooked once, as when it was renamed, is tried again though it was not started again', async t => {
  const clock = createManualClock();
  const readiness = createSshReadiness({clock, probe: {...probe, ssh: async () => {}}, changed() {}});
  const entry = entryOf();
  entry.operation = {
    kind: 'Start',
    startedAt: 0,
    abort: new AbortController(),
    finished: Promise.resolve(),
  };
  readiness.follow(entry);
  await clock.settle();
  t.true(entry.sshReady);

  entry.observed = undefined;
  readiness.follow(entry);
  t.false(entry.sshReady);
  entry.observed = running;
  readiness.follow(entry);
  await clock.settle();
  t.true(entry.sshReady);
});

test('it is tried for as long as it runs', async t => {
  const clock = createManualClock();
  let listening = false;
  const readiness = createSshReadiness({
    clock,
    changed() {},
    probe: {
      ...probe,
      async ssh() {
        if (!listening) {
          throw new Error('connection refused');
        }
      },
    },
  });
  const entry = entryOf();
  readiness.follow(entry);
  await clock.advance(600_000);
  t.false(entry.sshReady);
  listening = true;
  await clock.advance(1000);
  t.true(entry.sshReady);
});

const probe = {ssh: async () => {}, tcp: async () => {}, http: async () => 200};
