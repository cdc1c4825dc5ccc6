import type {z} from 'zod';
import {errorResponse} from './error-response.ts';
import type {ResponseDescription} from './route.ts';

/** One good answer, and the refusals that a caller must reckon with besides 429 and 500, which every route can give. */
export function answers(
  status: number,
  success: {description: string; schema?: z.ZodType; contentType?: string},
  ...failures: readonly number[]
): Record<number, ResponseDescription> {
  return {
    [status]: success,
    ...Object.fromEntries(
      failures.map(failure => [failure, {description: 'Why it was refused.', schema: errorResponse}]),
    ),
  };
}
