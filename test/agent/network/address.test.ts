import test from 'ava';
import {createAddresses, firstFree, hardwareAddress, parseSubnet} from '../../../agent/network/address.ts';

const subnet = parseSubnet('10.70.1.1/24');

test('every host address is found once, and neither network, gateway nor broadcast', t => {
  const used = new Set<string>();
  for (let address = firstFree(subnet, 'x', used); address; address = firstFree(subnet, 'x', used)) {
    used.add(address);
  }

  t.is(used.size, 253);
  t.false(used.has('10.70.1.0') || used.has('10.70.1.1') || used.has('10.70.1.255'));
  t.true([...used].every(address => address.startsWith('10.70.1.')));
});

test('the same preference finds the same address while it is free', t => {
  const first = firstFree(subnet, 'workspace', new Set()) ?? '';
  t.is(firstFree(subnet, 'workspace', new Set()), first);
  t.not(firstFree(subnet, 'workspace', new Set([first])), first);
});

test('a wider network is used beyond its third octet', t => {
  const wide = parseSubnet('10.70.0.1/16');
  const found = new Set(Array.from({length: 500}, (_, index) => firstFree(wide, `w${index}`, new Set())));
  t.true(found.size > 300);
  t.true(new Set([...found].map(address => address?.split('.')[2])).size > 50);
});

test('addresses that are reserved at the same time differ', async t => {
  const addresses = createAddresses(subnet);
  const reservations = await Promise.all(
    Array.from({length: 253}, async () => await addresses.reserve('same', async () => [])),
  );
  t.is(new Set(reservations.map(reservation => reservation?.address)).size, 253);
  t.is(await addresses.reserve('same', async () => []), undefined);
});

test('an address that was given back may be missing in a list that was asked for before', async t => {
  const addresses = createAddresses(subnet);
  const listing = Promise.withResolvers<string[]>();
  const late = addresses.reserve('same', async () => await listing.promise);
  const early = await addresses.reserve('same', async () => []);
  early?.[Symbol.dispose]();
  listing.resolve([]);
  t.not((await late)?.address, early?.address);
});

test('an address that was given back and is in no later list is free again', async t => {
  const addresses = createAddresses(subnet);
  const first = await addresses.reserve('same', async () => []);
  first?.[Symbol.dispose]();
  t.is((await addresses.reserve('same', async () => []))?.address, first?.address);
});

test('a list that fails reserves nothing', async t => {
  const addresses = createAddresses(subnet);
  await t.throwsAsync(
    addresses.reserve('same', async () => {
      throw new Error('no list');
    }),
    {message: 'no list'},
  );
  t.is((await addresses.reserve('same', async () => []))?.address, firstFree(subnet, 'same', new Set()));
});

test('a hardware address follows from the address and is locally administered', t => {
  t.is(hardwareAddress('10.70.1.200'), '0a:6e:0a:46:01:c8');
});

test('text that is no subnet is refused', t => {
  for (const text of ['', 'none', '10.70.1.1', 'fd00::1/64']) {
    t.throws(() => parseSubnet(text), {instanceOf: RangeError}, text);
  }
});
