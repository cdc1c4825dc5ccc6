import {Readable} from 'node:stream';
import test from 'ava';
import {labels} from '../../../agent/docker/labels.ts';
import {attributesOf, requestOf} from '../../../agent/docker/moved-attributes.ts';
import {toContainer} from '../../../agent/docker/observe.ts';
import {DriverError} from '../../../agent/driver.ts';

function container(more: Record<string, string> = {}) {
  return toContainer(
    {
      Id: 'c1',
      Name: '/nexus-u1',
      State: {Status: 'exited', Paused: false, Running: false, Pid: 0, StartedAt: '2026-11-20T10:00:00Z'},
      Config: {
        Labels: {
          [labels.uid]: 'u1',
          [labels.hostname]: 'demo',
          [labels.specHash]: 'hash-1',
          [labels.hostKey]: 'private',
          [labels.publicHostKey]: 'ssh-ed25519 AAAA',
          [labels.authorizedKeys]: 'first\n',
          [labels.disk]: '1024',
          [labels.address]: '10.70.0.9',
          ...more,
        },
        Env: ['PATH=/bin', 'GREETING=a=b\nc'],
      },
      HostConfig: {NanoCpus: 2e9, Memory: 512},
    },
    {container: 'c1', disk: 2048, authorizedKeys: 'second\nthird\n'},
  );
}

const asked = {uid: 'u1', mark: 'm', content: Readable.from([])};

test('what makes a container what it is goes along, and what is the node’s does not', t => {
  const attributes = attributesOf(container({[labels.image]: 'nexus/base'}));
  t.false(JSON.stringify(attributes).includes('10.70.0.9'));
  const {request, origin} = requestOf({...asked, attributes});
  t.deepEqual(request, {
    spec: {
      uid: 'u1',
      name: 'demo',
      provider: 'docker',
      image: 'nexus/base',
      limits: {cpus: 2, memory: 512, disk: 2048},
      env: {PATH: '/bin', GREETING: 'a=b\nc'},
      authorizedKeys: ['second', 'third'],
      specHash: 'hash-1',
    },
    hostKey: {privateKey: 'private', publicKey: 'ssh-ed25519 AAAA'},
  });
  t.deepEqual(origin, {mark: 'm', image: 'nexus/base'});
});

test('limits that are asked for prevail, and one that was never made ready is so no more than before', t => {
  const limits = {cpus: 1, memory: 2, disk: 3};
  const {request, origin} = requestOf({...asked, attributes: attributesOf(container()), limits});
  t.deepEqual(request.spec.limits, limits);
  t.deepEqual(origin, {mark: 'm'});
});

for (const [what, change] of [
  ['limits that are no numbers', {cpus: 'many'}],
  ['an environment that is none', {env: '["PATH"]'}],
  ['an environment that is no JSON', {env: 'PATH=/bin'}],
] as const) {
  test(`${what} are refused`, t => {
    const attributes = {...attributesOf(container()), ...change};
    t.throws(() => requestOf({...asked, attributes}), {
      instanceOf: DriverError,
      message: /no container of Nexus/,
    });
  });
}
