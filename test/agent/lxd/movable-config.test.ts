import test from 'ava';
import {movableConfig} from '../../../agent/lxd/movable-config.ts';

test('what makes an instance what it is travels with it', t => {
  const config = {
    'user.nexus.uid': 'u',
    'user.nexus.host-key': 'PRIVATE\nKEY\n',
    'environment.LANG': 'C.UTF-8',
    'environment.a.b-c': 'x=y z',
    'volatile.cloud-init.instance-id': 'i',
    'limits.cpu': '2',
    'limits.memory': '4294967296',
  };
  t.deepEqual(movableConfig(config), config);
});

test('what another node may not decide stays behind', t => {
  t.deepEqual(
    movableConfig({
      'security.privileged': 'true',
      'raw.lxc': 'lxc.hook.pre-start = /bin/true',
      'limits.kernel.core': '0',
      'volatile.uuid': 'x',
      'user.nexus.retired-at': 'x',
      'user.nexus.incoming': 'x',
      'user.other': 'x',
    }),
    {},
  );
});

test('a line more than one in a variable or a limit never reaches the configuration that a backend writes of it', t => {
  const hook = 'lxc.hook.pre-start = /bin/sh -c id';
  t.deepEqual(
    movableConfig({
      'environment.A': `a\n${hook}`,
      'environment.B': `b\r${hook}`,
      'environment.C': 'c\0',
      [`environment.D\n${hook}`]: 'd',
      [`user.nexus.x\n${hook}`]: 'd',
      'limits.cpu': `2\n${hook}`,
      'limits.memory': `1\n${hook}`,
      'volatile.cloud-init.instance-id': `i\n${hook}`,
    }),
    {},
  );
});
