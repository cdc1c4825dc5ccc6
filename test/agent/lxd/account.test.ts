import test from 'ava';
import {accountIn} from '../../../agent/account.ts';
import {DriverError} from '../../../agent/driver.ts';

import {knownAccount} from '../../../agent/lxd/account.ts';
import {marks} from '../../../agent/lxd/instance-config.ts';

test('root and dev are known without a look inside', t => {
  t.like(knownAccount('root', {config: {}}), {uid: 0, gid: 0, home: '/root'});
  t.like(knownAccount('dev', {config: {}}), {uid: 1000, gid: 1000, home: '/home/dev'});
  t.like(knownAccount('dev', {config: {[marks.provisioned]: '1001:1002'}}), {uid: 1001, gid: 1002});
  t.is(knownAccount('postgres', {config: {}}), undefined);
});

test('others are found in the passwd file', t => {
  const passwd =
    'root:x:0:0:root:/root:/bin/bash\npostgres:x:105:110:PostgreSQL,,,:/var/lib/postgresql:/bin/bash\n';
  t.deepEqual(accountIn(passwd, 'postgres'), {
    name: 'postgres',
    uid: 105,
    gid: 110,
    home: '/var/lib/postgresql',
  });
  t.is(t.throws(() => accountIn(passwd, 'post'), {instanceOf: DriverError})?.code, 'NotFound');
});
