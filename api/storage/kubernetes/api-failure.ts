import {z} from 'zod';
import type {InvalidIssue, StorageErrorCode} from '../storage-error.ts';
import {StorageError} from '../storage-error.ts';

/** Kubernetes' `Status`, as far as it is looked at. */
const status = z.object({
  kind: z.literal('Status'),
  message: z.string().default(''),
  reason: z.string().default(''),
  code: z.int().default(500),
  details: z
    .object({
      causes: z
        .array(
          z.object({
            reason: z.string().optional(),
            field: z.string().optional(),
            message: z.string().optional(),
          }),
        )
        .optional(),
    })
    .optional(),
});

type Status = z.infer<typeof status>;

/** The API server could not do it, for a reason that has nothing to do with the request: a fault. */
export class ApiServerError extends Error {
  override readonly name = 'ApiServerError';
  readonly code: number;

  constructor(message: string, code: number, options?: {cause: unknown}) {
    super(message, options);
    this.code = code;
  }
}

/** What the API server refused, as the store says it; or the fault that it told of. `body` is its answer. */
export function failureOf(code: number, body: unknown, what: string): StorageError | ApiServerError {
  const parsed = status.safeParse(body);
  if (!parsed.success) {
    return code === 404
      ? new ApiServerError(
          `The API server does not know ${what}: install the resource definitions (kubectl apply -f crds/)`,
          code,
        )
      : new ApiServerError(`The API server answered ${code} to ${what}`, code);
  }

  const refused = refusalOf({...parsed.data, code: parsed.data.code === 0 ? code : parsed.data.code});
  return refused === undefined
    ? new ApiServerError(`The API server can't do ${what}: ${parsed.data.message} (${code})`, code)
    : new StorageError(refused, parsed.data.message, {issues: issuesOf(parsed.data)});
}

/** What an event of type ERROR in a watch means. */
export function watchFailureOf(object: unknown, what: string): StorageError | ApiServerError {
  return failureOf(500, object, what);
}

function refusalOf({code, reason, details}: Status): StorageErrorCode | undefined {
  if (details?.causes?.some(cause => cause.reason === 'ResourceVersionTooLarge')) {
    return 'Expired';
  }

  switch (code) {
    case 400:
    case 413:
    case 422:
      return 'Invalid';
    case 403:
      return 'Forbidden';
    case 404:
      return 'NotFound';
    case 409:
      return reason === 'AlreadyExists' ? 'AlreadyExists' : 'Conflict';
    case 410:
      return 'Expired';
    default:
      return undefined;
  }
}

function issuesOf({details}: Status): InvalidIssue[] {
  return (details?.causes ?? []).map(({field = '', message = ''}) => ({path: field, message}));
}
