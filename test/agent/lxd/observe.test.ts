import test from 'ava';
import {identity, marks} from '../../../agent/lxd/instance-config.ts';
import type {RawInstance} from '../../../agent/lxd/observe.ts';
import {isOwned, toDriverInstance} from '../../../agent/lxd/observe.ts';

const uid = '11111111-1111-4111-8111-111111111111';

const raw: RawInstance = {
  name: `nexus-${uid}`,
  project: 'nexus-abcdef',
  status_code: 103,
  last_used_at: '2026-11-20T17:28:50.032123456Z',
  config: {
    [identity]: uid,
    [marks.uid]: uid,
    [marks.installation]: 'abcdef',
    [marks.specHash]: 'hash',
    [marks.publicHostKey]: 'ssh-ed25519 AAAA',
    'image.name': 'nexus/base',
    'limits.cpu': '2',
    'limits.memory': '536870912',
  },
  devices: {
    root: {type: 'disk', path: '/', pool: 'nexus-abcdef', size: '2147483648'},
    eth0: {type: 'nic', 'ipv4.address': '10.70.1.2'},
  },
};

const withConfig = (config: Record<string, string>): RawInstance => ({
  ...raw,
  config: {...raw.config, ...config},
});

test('an instance is reported with all that its config tells', t => {
  t.deepEqual(toDriverInstance(raw), {
    uid,
    name: `nexus-${uid}`,
    state: 'Running',
    specHash: 'hash',
    address: '10.70.1.2',
    hostKey: 'ssh-ed25519 AAAA',
    limits: {cpus: 2, memory: 2 ** 29, disk: 2 ** 31},
    startedAt: '2026-11-20T17:28:50.032Z',
    lastStartedAt: '2026-11-20T17:28:50.032Z',
    needsProvisioning: false,
    hasRun: true,
  });
});

for (const [status, state] of [
  [102, 'Stopped'],
  [103, 'Running'],
  [106, 'Starting'],
  [107, 'Stopping'],
  [110, 'Frozen'],
  [112, 'Error'],
  [113, 'Running'],
  [999, 'Error'],
] as const) {
  test(`status ${status} is ${state}`, t => {
    t.is(toDriverInstance({...raw, status_code: status}).state, state);
  });
}

test('what does not run has no time of start', t => {
  t.is(toDriverInstance({...raw, status_code: 102}).startedAt, undefined);
  t.truthy(toDriverInstance({...raw, status_code: 110}).startedAt);
});

test('limits that somebody wrote in other units are understood, and others count as none', t => {
  const limits = (config: Record<string, string>) => toDriverInstance(withConfig(config)).limits;
  t.is(limits({'limits.memory': '4GiB'}).memory, 2 ** 32);
  t.is(limits({'limits.memory': '50%'}).memory, 0);
  t.is(limits({'limits.cpu': '0-1'}).cpus, 0);
  t.is(toDriverInstance({...raw, devices: {}}).limits.disk, 0);
});

test('a mark that was taken off counts for nothing', t => {
  const retired = {
    [marks.retiredAt]: '2026-01-01T00:00:00.000Z',
    [marks.retiredUntil]: '2026-01-08T00:00:00.000Z',
  };
  t.deepEqual(toDriverInstance(withConfig(retired)).retired, {
    at: '2026-01-01T00:00:00.000Z',
    until: '2026-01-08T00:00:00.000Z',
  });
  t.is(toDriverInstance(withConfig({[marks.retiredAt]: '', [marks.retiredUntil]: ''})).retired, undefined);
});

test('an image without our templates needs provisioning until that is done', t => {
  t.true(toDriverInstance(withConfig({'image.name': 'ubuntu'})).needsProvisioning);
  t.false(
    toDriverInstance(withConfig({'image.name': 'ubuntu', [marks.provisioned]: '1001:1001'}))
      .needsProvisioning,
  );
});

test('ours is what carries our marks and the identity that they came with', t => {
  t.true(isOwned(raw, 'abcdef'));
  t.true(isOwned({...raw, name: 'renamed'}, 'abcdef'));
  t.false(isOwned(raw, '000000'));
  t.false(isOwned(withConfig({[identity]: '22222222-2222-4222-8222-222222222222'}), 'abcdef'));
  t.false(isOwned({...raw, config: {}}, 'abcdef'));
});
