import type {Random} from '../../api/effects/random.ts';

/**
 * What tells one machine from the others on this node without asking anybody: a loopback address for its ports, and a user id that nobody else
 * has for its process.
 */
export type Slot = {readonly address: string; readonly userId: number};

/** Second bytes of addresses: 127.64.0.0 to 127.127.255.255, where nobody listens by chance. */
const firstByte = 64;
const byteCount = 64;

/** Between the ids that systemd gives to containers and the largest that there is: nobody is called so. */
export const firstUserId = 0x7000_0000;
export const lastUserId = firstUserId + byteCount * 2 ** 16 - 1;

/** At random: others of the same kind may be on this machine, and are not asked. */
export function chooseSlot(random: Random, taken: ReadonlySet<string>): Slot {
  for (;;) {
    const slot = slotOf(Math.floor(random.fraction() * byteCount * 2 ** 16));
    if (!taken.has(slot.address)) return slot;
  }
}

/** Whether an address is one that machines of this kind are given, here or in another installation. */
export function isMachineAddress(address: string): boolean {
  const second = Number(/^127\.(\d{1,3})\.\d{1,3}\.\d{1,3}$/.exec(address)?.[1]);
  return second >= firstByte && second < firstByte + byteCount;
}

function slotOf(number: number): Slot {
  const bytes = [firstByte + (number >> 16), (number >> 8) & 255, number & 255];
  return {address: `127.${bytes.join('.')}`, userId: firstUserId + number};
}
