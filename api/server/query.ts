import {z} from 'zod';

/** Query parameters arrive as text. */
export const flag = z
  .enum(['', '0', '1', 'true', 'false'], 'must be true or false')
  .transform(text => text !== '0' && text !== 'false');

export const count = z
  .string()
  .regex(/^[0-9]{1,9}$/, 'must be a whole number')
  .transform(Number);

export const portNumber = count.refine(port => port >= 1 && port <= 65_535, 'must be between 1 and 65535');

/** A parameter that may be given several times. */
export const texts = z.union([z.string().transform(text => [text]), z.array(z.string())]);
