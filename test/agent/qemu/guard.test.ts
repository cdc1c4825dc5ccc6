import test from 'ava';
import {createGuard, guardRules, localNameServers} from '../../../agent/qemu/guard.ts';
import {createManualClock} from '../../fakes/manual-clock.ts';

test('who is not root has no guard', async t => {
  t.false(await createGuard({clock: createManualClock(), isRoot: false}).ensure());
});

test('machines may ask the name servers of the node, and nothing else there', t => {
  const servers = localNameServers(
    '# made by hand\nnameserver 127.0.0.53\nnameserver fd00::1\nsearch example\n',
  );
  t.deepEqual(servers, ['127.0.0.53', 'fd00::1']);
  const rules = guardRules(servers)
    .split('\n')
    .map(line => line.trim());
  const dns = rules.indexOf('ip daddr 127.0.0.53 meta l4proto { tcp, udp } th dport 53 accept');
  const local = rules.findIndex(line => line.startsWith('fib daddr type { local,'));
  t.true(dns > 0 && local > dns);
  t.true(rules.includes('ip6 daddr fd00::1 meta l4proto { tcp, udp } th dport 53 accept'));
});

test('what is no address in resolv.conf gets into no rule', t => {
  t.deepEqual(localNameServers('nameserver 1.2.3.4; accept\nnameserver $(x)\n'), []);
});
