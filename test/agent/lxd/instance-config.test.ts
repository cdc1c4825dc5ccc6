import test from 'ava';
import {identityOf, instanceRequest, withoutComment} from '../../../agent/lxd/instance-config.ts';
import {namesOf} from '../../../agent/lxd/names.ts';
import type {Backend} from '../../../agent/lxd/server.ts';

const uid = '11111111-1111-4111-8111-111111111111';

const request = (backend: Backend, env: Record<string, string> = {}) =>
  instanceRequest(
    {
      hostKey: {privateKey: 'PRIVATE\nKEY\n', publicKey: 'ssh-ed25519 AAAA a comment\n'},
      spec: {
        uid,
        name: 'demo',
        provider: 'lxc',
        image: 'nexus/base',
        limits: {cpus: 2, memory: 2 ** 32, disk: 20 * 2 ** 30},
        env,
        authorizedKeys: ['ssh-ed25519 BBBB one', 'ssh-ed25519 CCCC two'],
        specHash: 'hash',
      },
    },
    {
      names: namesOf('abcdef'),
      installation: 'abcdef',
      backend,
      subnet: {gateway: '10.70.1.1', prefix: 24},
      address: '10.70.1.7',
      source: {type: 'image', alias: 'nexus/base'},
    },
  );

test('one request holds all that a start needs', t => {
  t.deepEqual(request('lxd', {A: 'b c'}), {
    name: `nexus-${uid}`,
    type: 'container',
    source: {type: 'image', alias: 'nexus/base'},
    profiles: [],
    config: {
      'limits.cpu': '2',
      'limits.memory': '4294967296',
      'environment.A': 'b c',
      'limits.processes': '8192',
      'security.nesting': 'true',
      'security.devlxd': 'false',
      'volatile.uuid': uid,
      'user.nexus.uid': uid,
      'user.nexus.installation': 'abcdef',
      'user.nexus.spec-hash': 'hash',
      'user.nexus.hostname': 'demo',
      'user.nexus.network':
        '[Match]\nName=eth0\n\n[Network]\nAddress=10.70.1.7/24\nGateway=10.70.1.1\nDNS=10.70.1.1\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n',
      'user.nexus.dns': '10.70.1.1',
      'user.nexus.authorized-keys': 'ssh-ed25519 BBBB one\nssh-ed25519 CCCC two\n',
      'user.nexus.host-key': 'PRIVATE\nKEY\n',
      'user.nexus.public-host-key': 'ssh-ed25519 AAAA',
    },
    devices: {
      root: {type: 'disk', path: '/', pool: 'nexus-abcdef', size: '21474836480'},
      eth0: {
        type: 'nic',
        name: 'eth0',
        network: 'nxabcdef',
        hwaddr: '0a:6e:0a:46:01:07',
        'ipv4.address': '10.70.1.7',
        'security.port_isolation': 'true',
        'security.mac_filtering': 'true',
        'security.ipv4_filtering': 'true',
        'security.ipv6_filtering': 'true',
      },
    },
  });
});

test('Incus calls the way out of the instance by another name', t => {
  const {config} = request('incus');
  t.is(config['security.guestapi'], 'false');
  t.is(config['security.devlxd'], undefined);
});

test('a value of several lines, which the backend would take for further settings, is left to the agent', t => {
  const {config} = request('incus', {ONE: 'x', TWO: 'x\nlxc.hook.pre-start = /bin/evil'});
  t.is(config['environment.ONE'], 'x');
  t.false('environment.TWO' in config);
});

test('every uid has an identity that is a UUID, always the same', t => {
  t.is(identityOf(uid), uid);
  t.regex(identityOf('w1'), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/);
  t.is(identityOf('w1'), identityOf('w1'));
  t.not(identityOf('w1'), identityOf('w2'));
});

test('a public key is reported without its comment', t => {
  t.is(withoutComment('ssh-ed25519 AAAA someone@somewhere\n'), 'ssh-ed25519 AAAA');
});

test('users of its own are asked for on Incus, and not on LXD, which may give ids that nobody can use', t => {
  const own = {'security.idmap.isolated': 'true', 'security.idmap.size': '262144'};
  t.like(request('incus').config, own);
  t.deepEqual(
    Object.keys(request('lxd').config).filter(key => key in own),
    [],
  );
});
