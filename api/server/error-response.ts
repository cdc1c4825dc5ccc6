import {z} from 'zod';
import type {AgentErrorCode} from '../agent/v1alpha1/agent-error.ts';
import {AgentError} from '../agent/v1alpha1/agent-error.ts';
import type {InvalidIssue, StorageErrorCode} from '../storage/storage-error.ts';
import {StorageError} from '../storage/storage-error.ts';
import {StatusError} from './kubernetes/status-error.ts';
import type {KubernetesStatus} from './kubernetes-status.ts';
import type {RequestErrorCode} from './request-error.ts';
import {RequestError} from './request-error.ts';

/** The one shape of refusals outside the Kubernetes-style paths. */
export const errorResponse = z.strictObject({
  error: z.strictObject({
    code: z.string().describe('One CamelCase word for programs.'),
    message: z.string().describe('What happened and why.'),
    hint: z.string().optional().describe('What to do.'),
    details: z.array(z.strictObject({path: z.string(), message: z.string()})).optional(),
    requestId: z.string(),
  }),
});

/** A thrown error as it is answered; `fault` is true for what is nobody's mistake but the server's own. */
export type Problem = {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
  readonly details: readonly InvalidIssue[];
  readonly retryAfter?: number;
  readonly fault: boolean;
  /** As it is answered on the Kubernetes-style paths, where that is known already. */
  readonly kubernetes?: KubernetesStatus;
  /** Of what was sent, besides. */
  readonly warnings?: readonly string[];
};

const requestStatus: Readonly<Record<RequestErrorCode, number>> = {
  BadRequest: 400,
  Unauthorized: 401,
  Forbidden: 403,
  NotFound: 404,
  MethodNotAllowed: 405,
  NotAcceptable: 406,
  RequestTimeout: 408,
  PayloadTooLarge: 413,
  UnsupportedMediaType: 415,
  Misdirected: 421,
  Unprocessable: 422,
  UpgradeRequired: 426,
  TooManyRequests: 429,
  ServiceUnavailable: 503,
  Timeout: 504,
  InsufficientStorage: 507,
};

/** `Invalid` is 422 on the Kubernetes-style paths, as there, and 400 elsewhere, as REST clients expect of wrong fields. */
const storageStatus: Readonly<Record<StorageErrorCode, number>> = {
  NotFound: 404,
  AlreadyExists: 409,
  Conflict: 409,
  Expired: 410,
  Invalid: 400,
  Forbidden: 403,
};

const storageHint: Readonly<Partial<Record<StorageErrorCode, string>>> = {
  Conflict: 'Read it again, make the change on what is there now, and send it again.',
  Expired: 'List again, and go on from the resourceVersion of that list.',
  Invalid: 'Mend the fields named in details and send it again; nothing was changed.',
};

const agentStatus: Readonly<Record<AgentErrorCode, number>> = {
  Fenced: 503,
  Disconnected: 503,
  NotFound: 404,
  NotPermittedNow: 409,
  Invalid: 400,
  Unsupported: 422,
  BackendUnavailable: 503,
  Internal: 500,
};

const agentHint: Readonly<Partial<Record<AgentErrorCode, string>>> = {
  Disconnected: 'The node is not connected; `nexus node status` says why. Try again once it is.',
  Fenced: 'Another server has taken over; ask that one.',
  NotPermittedNow: 'Is the workspace running? `nexus workspace status` tells.',
};

export function toProblem(error: unknown): Problem {
  if (error instanceof StatusError) {
    const {code = 500, reason = 'InternalError', message = ''} = error.status;
    return {
      status: code,
      code: reason,
      message,
      details: [],
      fault: false,
      kubernetes: error.status,
      warnings: error.warnings,
    };
  }

  if (error instanceof RequestError) {
    const {code, message, hint, details, retryAfter} = error;
    return {
      status: requestStatus[code],
      code,
      message,
      details,
      fault: false,
      ...(hint === undefined ? {} : {hint}),
      ...(retryAfter === undefined ? {} : {retryAfter}),
    };
  }

  if (error instanceof StorageError) {
    return refusal(error, storageStatus[error.code], storageHint[error.code], error.issues);
  }

  if (error instanceof AgentError) {
    return refusal(error, agentStatus[error.code], agentHint[error.code], []);
  }

  return {
    status: 500,
    code: 'InternalError',
    message: 'The server made a mistake; its log says more under this request id',
    details: [],
    fault: true,
  };
}

export function errorBody(problem: Problem, requestId: string): z.infer<typeof errorResponse> {
  const {code, message, hint, details} = problem;
  return {
    error: {
      code,
      message,
      ...(hint === undefined ? {} : {hint}),
      ...(details.length === 0 ? {} : {details: [...details]}),
      requestId,
    },
  };
}

/** Reasons that Kubernetes has other words for. */
const kubernetesReason: Readonly<Record<string, string>> = {
  PayloadTooLarge: 'RequestEntityTooLarge',
  Unprocessable: 'Invalid',
};

export function statusBody(problem: Problem): KubernetesStatus {
  const {code, message, details, retryAfter, kubernetes} = problem;
  if (kubernetes !== undefined) {
    return kubernetes;
  }

  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message,
    reason: kubernetesReason[code] ?? code,
    ...(details.length === 0 && retryAfter === undefined
      ? {}
      : {
          details: {
            ...(details.length === 0
              ? {}
              : {
                  causes: details.map(({path, message: why}) => ({
                    reason: 'FieldValueInvalid',
                    field: path,
                    message: why,
                  })),
                }),
            ...(retryAfter === undefined ? {} : {retryAfterSeconds: retryAfter}),
          },
        }),
    code: kubernetesCode(problem),
  };
}

export function kubernetesCode({code, status}: Problem): number {
  return code === 'Invalid' ? 422 : status;
}

function refusal(
  {code, message}: {code: string; message: string},
  status: number,
  hint: string | undefined,
  details: readonly InvalidIssue[],
): Problem {
  return {
    status,
    code,
    message,
    details,
    fault: status === 500,
    ...(hint === undefined ? {} : {hint}),
  };
}
