import test from 'ava';
import {imageSource, mayBeRemote} from '../../../agent/lxd/image-source.ts';

const fingerprint = '06b86454720d36b20f94e31c6812e05ec51c1b568cf3a8abd273769d213394bb';
const remote = {type: 'image', mode: 'pull', protocol: 'simplestreams'} as const;
const ubuntu = 'https://cloud-images.ubuntu.com/releases';

const cases = [
  ['nexus/base', 'incus', false, {type: 'image', alias: 'nexus/base'}],
  ['ubuntu:22.04', 'incus', false, {...remote, server: ubuntu, alias: '22.04'}],
  ['ubuntu:22.04', 'lxd', false, {...remote, server: ubuntu, alias: '22.04'}],
  ['ubuntu:22.04', 'lxd', true, {type: 'image', alias: 'ubuntu:22.04'}],
  [
    'images:debian/12',
    'incus',
    false,
    {...remote, server: 'https://images.linuxcontainers.org', alias: 'debian/12'},
  ],
  [
    'images:debian/12',
    'lxd',
    false,
    {...remote, server: 'https://images.lxd.canonical.com', alias: 'debian/12'},
  ],
  ['elsewhere:x', 'incus', false, {type: 'image', alias: 'elsewhere:x'}],
  [fingerprint, 'incus', false, {type: 'image', fingerprint}],
  [fingerprint.slice(0, 12), 'incus', false, {type: 'image', fingerprint: fingerprint.slice(0, 12)}],
  [fingerprint.slice(0, 12), 'incus', true, {type: 'image', alias: fingerprint.slice(0, 12)}],
  ['deadbeef', 'incus', false, {type: 'image', alias: 'deadbeef'}],
] as const;

for (const [image, backend, isLocalAlias, expected] of cases) {
  test(`${image} on ${backend}${isLocalAlias ? ', where it is an alias,' : ''} comes from ${JSON.stringify(expected)}`, t => {
    t.deepEqual(imageSource(image, {backend, isLocalAlias}), expected);
  });
}

test('only names that may mean something else are looked up', t => {
  t.true(mayBeRemote('ubuntu:22.04'));
  t.true(mayBeRemote(fingerprint));
  t.false(mayBeRemote('nexus/base'));
});
