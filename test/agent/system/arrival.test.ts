import test from 'ava';
import {arrivalAddress} from '../../../agent/system/arrival.ts';

for (const [what, value, address] of [
  ['an IPv4 session', '192.0.2.9 50000 192.0.2.2 22', '192.0.2.2'],
  ['an IPv6 session', '2001:db8::9 50000 2001:db8::2 22', '2001:db8::2'],
  [
    'a session within one link, whose address nobody else can use',
    'fe80::1%eth0 5 fe80::2%eth0 22',
    undefined,
  ],
  ['something else by that name', 'a b c', undefined],
  ['no session', undefined, undefined],
] as const) {
  test(`where it came in: ${what}`, t => {
    t.is(arrivalAddress(value === undefined ? {} : {SSH_CONNECTION: value}), address);
  });
}
