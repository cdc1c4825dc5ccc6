/** Why an agent refused or could not do what it was asked; carried over the wire as `data.code` of the JSON-RPC error. */
export type AgentErrorCode =
  /** A controller of a later epoch has connected: stop acting. */
  | 'Fenced'
  /** The connection was lost or the agent could not be reached; whether the request was carried out is not known. */
  | 'Disconnected'
  /** No such instance, service or bundle. */
  | 'NotFound'
  /** Not possible in the instance's present state, or while another operation runs on it: look again. */
  | 'NotPermittedNow'
  | 'Invalid'
  | 'Unsupported'
  | 'BackendUnavailable'
  | 'Internal';

export class AgentError extends Error {
  override readonly name = 'AgentError';
  readonly code: AgentErrorCode;

  constructor(code: AgentErrorCode, message: string, options: {cause?: unknown} = {}) {
    super(message, options.cause === undefined ? undefined : {cause: options.cause});
    this.code = code;
  }
}

export function isAgentError(error: unknown, code?: AgentErrorCode): error is AgentError {
  return error instanceof AgentError && (code === undefined || error.code === code);
}
