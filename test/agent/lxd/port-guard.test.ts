import {setImmediate} from 'node:timers/promises';
import test from 'ava';
import type {RawInstance} from '../../../agent/lxd/observe.ts';
import {createPortGuard} from '../../../agent/lxd/port-guard.ts';
import {silentLogger} from '../../../api/effects/logger.ts';

const instance = (port: string | undefined): RawInstance => ({
  name: 'nexus-1',
  project: 'nexus-abcdef',
  status_code: port === undefined ? 102 : 103,
  last_used_at: '',
  config: {'user.nexus.uid': '1', ...(port === undefined ? {} : {'volatile.eth0.host_name': port})},
  devices: {eth0: {hwaddr: '0a:6e:0a:46:01:07'}},
});

test('each start’s port is bound once, and again after it failed', async t => {
  const calls: string[] = [];
  let failing = true;
  const guard = createPortGuard({
    log: silentLogger,
    async bind(port, address) {
      calls.push(`${port} ${address}`);
      if (failing) throw new Error('not permitted');
    },
  });
  guard.see(instance('veth1'));
  guard.see(instance('veth1'));
  t.deepEqual(calls, ['veth1 0a:6e:0a:46:01:07']);
  await setImmediate();

  failing = false;
  guard.see(instance('veth1'));
  await setImmediate();
  guard.see(instance('veth1'));
  t.is(calls.length, 2);

  guard.see(instance(undefined));
  guard.see(instance('veth1'));
  guard.see(instance('veth2'));
  t.deepEqual(calls.slice(2), ['veth1 0a:6e:0a:46:01:07', 'veth2 0a:6e:0a:46:01:07']);
});
