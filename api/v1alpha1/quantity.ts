import {z} from 'zod';

const unitBytes = {
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
} as const;

type Unit = keyof typeof unitBytes;

const pattern = /^(?<amount>[0-9]+(?:\.[0-9]+)?)(?<unit>[kMGT]|[KMGT]i)?B?$/;

/**
 * A size in bytes as people write it: `512MiB`, `4Gi`, `20GB`, `1073741824`.
 * Binary units are powers of 1024, decimal ones of 1000, as in Kubernetes; a trailing `B` is allowed.
 */
export const byteQuantity = z
  .string()
  .max(32)
  .regex(pattern, 'must be a size such as 512MiB, 4GiB or 20GB')
  .refine(text => !pattern.test(text) || parseBytes(text) > 0, 'must be more than zero');

/** Bytes in `text`, rounded down. Throws `RangeError` for text that {@link byteQuantity} refuses. */
export function parseBytes(text: string): number {
  const groups = pattern.exec(text)?.groups;
  if (groups?.amount === undefined) {
    throw new RangeError(`"${text}" is not a size such as 512MiB, 4GiB or 20GB`);
  }

  return Math.floor(Number(groups.amount) * unitBytes[(groups.unit ?? '') as Unit]);
}

/** In the unit in which people would say it: `512 MiB`, `1.5 GiB`. */
export function formatBytes(bytes: number): string {
  const mebibytes = bytes / unitBytes.Mi;
  return mebibytes < 1024
    ? `${Number(mebibytes.toFixed(1))} MiB`
    : `${Number((mebibytes / 1024).toFixed(1))} GiB`;
}
