import test from 'ava';
import fc from 'fast-check';
import {chooseSlot, firstUserId, lastUserId} from '../../../agent/qemu/slot.ts';

const randomOf = (fractions: readonly number[]) => {
  const left = [...fractions];
  return {fraction: () => left.shift() ?? 0.5, uuid: () => '', bytes: () => new Uint8Array()};
};

test('every slot is a loopback address and a user id that belong together and to nobody else', t => {
  const seen = new Map<string, number>();
  fc.assert(
    fc.property(fc.double({min: 0, max: 1, maxExcluded: true, noNaN: true}), fraction => {
      const {address, userId} = chooseSlot(randomOf([fraction]), new Set());
      const [first, second = 0] = address.split('.').map(Number);
      t.true(first === 127 && second >= 64 && second < 128, address);
      t.true(userId >= firstUserId && userId <= lastUserId);
      t.is(seen.get(address) ?? userId, userId);
      seen.set(address, userId);
    }),
  );
});

test('an address that is taken is not given again', t => {
  const {address} = chooseSlot(randomOf([0.25]), new Set());
  t.not(chooseSlot(randomOf([0.25, 0.75]), new Set([address])).address, address);
});
