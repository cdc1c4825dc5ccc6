import test from 'ava';
import {freeSubnet, parseRoutes} from '../../../agent/network/free-subnet.ts';
import type {Random} from '../../../api/effects/random.ts';
import {systemRandom} from '../../../api/effects/random.ts';

const table = `Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
eth0	00000000	010200C0	0003	0	0	0	00000000	0	0	0
nx1	0007C70A	00000000	0001	0	0	0	00FFFFFF	0	0	0
eth0	000200C0	00000000	0001	0	0	0	00FFFFFF	0	0	0
`;

const from = (fraction: number): Random => ({...systemRandom, fraction: () => fraction});

test('routes are read with their masks, the default route left out', t => {
  t.deepEqual(parseRoutes(table), [
    {destination: 0x0ac70700, mask: 0xffffff00},
    {destination: 0xc0000200, mask: 0xffffff00},
  ]);
  t.deepEqual(parseRoutes(''), []);
});

test('the first network from the random start that no route touches is taken', t => {
  t.is(freeSubnet([], from(0)), '10.64.0.1/24');
  t.is(freeSubnet([{destination: 0x0a400000, mask: 0xffffff00}], from(0)), '10.64.1.1/24');
  t.is(freeSubnet([{destination: 0x0a400000, mask: 0xffff0000}], from(0)), '10.65.0.1/24');
  t.is(freeSubnet([{destination: 0x0a400080, mask: 0xffffffff}], from(0)), '10.64.1.1/24');
});

test('the search goes round at the end of the range', t => {
  t.is(freeSubnet([], from(1 - 1e-9)), '10.255.255.1/24');
  t.is(freeSubnet([{destination: 0x0affff00, mask: 0xffffff00}], from(1 - 1e-9)), '10.64.0.1/24');
});

test('a machine that routes everything there has none', t => {
  t.is(freeSubnet([{destination: 0x0a000000, mask: 0xff000000}], from(0.5)), undefined);
});
