import {ErrorCodes, ResponseError} from 'vscode-jsonrpc/node';
import {z} from 'zod';
import type {Logger} from '../../effects/logger.ts';
import type {AgentErrorCode} from './agent-error.ts';
import {AgentError, isAgentError} from './agent-error.ts';

/** Within JSON-RPC's range for errors that the server defines. */
const agentErrorNumber = -32000;

const known = {
  Fenced: true,
  Disconnected: true,
  NotFound: true,
  NotPermittedNow: true,
  Invalid: true,
  Unsupported: true,
  BackendUnavailable: true,
  Internal: true,
} satisfies Record<AgentErrorCode, true>;

const errorData = z.object({
  code: z.custom<AgentErrorCode>(code => typeof code === 'string' && Object.hasOwn(known, code)),
});

/** What a handler threw as it goes over the wire: `data.code` is the AgentError's. Anything else is a fault: logged, and `Internal`. */
export function toResponseError(method: string, error: unknown, log: Logger): ResponseError<unknown> {
  if (isAgentError(error)) {
    return new ResponseError(agentErrorNumber, error.message, {code: error.code});
  }
  log.error({error, method}, 'a request failed for an unexpected reason');
  const reason = error instanceof Error ? error.message : String(error);
  return new ResponseError(agentErrorNumber, `${method} failed: ${reason}`, {code: 'Internal'});
}

/** What a call failed with, as the AgentError that its caller gets. */
export function fromResponseError(method: string, error: unknown, closed: AbortSignal): AgentError {
  if (isAgentError(error)) {
    return error;
  }
  if (closed.aborted) {
    return isAgentError(closed.reason)
      ? closed.reason
      : new AgentError('Disconnected', 'the connection was closed', {cause: error});
  }
  if (error instanceof ResponseError) {
    const data = errorData.safeParse(error.data);
    if (data.success) {
      return new AgentError(data.data.code, error.message);
    }
    const code = error.code === ErrorCodes.MethodNotFound ? 'Unsupported' : 'Internal';
    return new AgentError(code, `${method}: ${error.message}`, {cause: error});
  }
  return new AgentError('Disconnected', `${method} could not be sent`, {cause: error});
}
