import type {ApiError} from '../api/client/api-error.ts';
import {CliError, exitCodes} from './exit-code.ts';
import {printable} from './output/table.ts';

export type ErrorReport = {readonly exitCode: number; readonly lines: readonly string[]};

/** What is told of an error, and the exit code that goes with it: what happened, where, and what to do next. Pure. */
export function reportError(error: unknown): ErrorReport {
  if (error instanceof CliError) {
    return report(exitCodes[error.reason].code, error.message, error);
  }

  if (isApiError(error)) {
    const {message, details} = withoutRepetition(error);
    const protocol = protocolMistake(error);
    return report(apiExitCode(error), protocol?.message ?? message, {
      hint: protocol?.hint ?? error.hint ?? apiHint(error),
      details: [
        ...details,
        ...(error.status >= 500 && error.requestId !== undefined
          ? [`request id, for the server's log: ${error.requestId}`]
          : []),
      ],
    });
  }

  if (error instanceof Error) {
    const cause = error.cause instanceof Error ? [`because: ${error.cause.message}`] : [];
    return report(exitCodes.failed.code, error.message, {details: cause});
  }

  return report(exitCodes.failed.code, String(error), {});
}

function report(
  exitCode: number,
  message: string,
  {hint, details = []}: {readonly hint?: string | undefined; readonly details?: readonly string[]},
): ErrorReport {
  return {
    exitCode,
    lines: [
      `error: ${message}`,
      ...details.map(detail => `  ${detail}`),
      ...(hint === undefined ? [] : [`hint: ${hint}`]),
    ].map(printable),
  };
}

/** By name: importing the class would load the client for every command that does not need it. */
function isApiError(error: unknown): error is ApiError {
  return error instanceof Error && error.name === 'ApiError' && 'status' in error && 'details' in error;
}

/** The server's messages are whole by themselves, for those who see nothing else; here a line for each detail says it better. */
function withoutRepetition({message, details}: ApiError): {message: string; details: readonly string[]} {
  const said = details.map(detail => [detail.path, detail.message].filter(text => text !== '').join(' '));
  const start = said[0] === undefined ? -1 : message.indexOf(`: ${said[0]}`);
  const shown = details.map(detail => [detail.path, detail.message].filter(text => text !== '').join(': '));
  return start > 0
    ? {message: message.slice(0, start), details: shown}
    : {
        message,
        details: shown.filter(
          (_, index) => details[index] === undefined || !message.includes(details[index].message),
        ),
      };
}

/** What OpenSSL says to an answer that is not TLS is for those who know its source. */
function protocolMistake({code, message}: ApiError): {message: string; hint: string} | undefined {
  return code === 'Unreachable' &&
    /:SSL routines:.*(?:wrong version number|packet length too long)/s.test(message)
    ? {
        message: message.replace(
          /: (?:write EPROTO )?[0-9A-F]*:error:.*$/s,
          ': what answers there does not speak TLS',
        ),
        hint: 'If it is a server without TLS, write http:// in place of https:// in NEXUS_SERVER or config.yaml.',
      }
    : undefined;
}

function apiExitCode({status, code}: ApiError): number {
  if (code === 'InvalidAddress') {
    return exitCodes.usage.code;
  }

  const reason = byStatus.get(status) ?? (code === 'Unreachable' ? 'unreachable' : 'failed');
  return exitCodes[reason].code;
}

const byStatus: ReadonlyMap<number, keyof typeof exitCodes> = new Map([
  [400, 'usage'],
  [401, 'unauthenticated'],
  [403, 'unauthenticated'],
  [404, 'notFound'],
  [409, 'conflict'],
  [413, 'usage'],
  [415, 'usage'],
  [422, 'usage'],
]);

function apiHint({status, message}: ApiError): string | undefined {
  switch (status) {
    case 401: {
      return 'Set NEXUS_TOKEN, or put the token into $NEXUS_HOME/token. On the machine of the server, an admin has $NEXUS_HOME/admin-token.';
    }

    case 404: {
      return /\bNode "/.test(message)
        ? '`nexus node list` lists those there are.'
        : '`nexus get workspaces` lists what there is for you.';
    }

    case 409: {
      return 'Look at it with `nexus get -o yaml` and try again.';
    }

    default: {
      return undefined;
    }
  }
}
