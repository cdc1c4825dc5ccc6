import type {FailureCode} from '../../api/agent/v1alpha1/instance.ts';
import {GuestError} from './guest-error.ts';

/** What git and ssh say, in the C locale, and what that means. The first that fits counts. */
const patterns: readonly (readonly [RegExp, FailureCode])[] = [
  [/no space left on device|disk quota exceeded/i, 'NoSpace'],
  [
    /authentication failed|could not read (?:username|password)|permission denied \(|invalid credentials|terminal prompts disabled|host key verification failed|error: 40[13]/i,
    'AuthenticationFailed',
  ],
  [
    /could not resolve host|name or service not known|connection refused|connection timed out|network is unreachable|no route to host|failed to connect|connection reset|early eof|remote end hung up|temporary failure in name resolution|could not connect|gnutls_handshake|ssl/i,
    'NetworkUnreachable',
  ],
  [
    /repository '?.*'? (?:not found|does not exist)|repository not found|does not appear to be a git repository|error: 404|remote branch .* not found|couldn't find remote ref/i,
    'RepositoryNotFound',
  ],
];

const mostLines = 5;

/** For a git script that ended with `exitCode`. `secrets` are left out of the message. */
export function gitFailure(complaint: string, exitCode: number, secrets: readonly string[]): GuestError {
  const text = secrets
    .filter(secret => secret !== '')
    .reduce((redacted, secret) => redacted.replaceAll(secret, '•••'), complaint)
    .replace(/(\w+:\/\/)[^/\s@]+@/g, '$1');
  const code = patterns.find(([pattern]) => pattern.test(text))?.[1] ?? 'CommandFailed';
  const lines = text
    .split('\n')
    .filter(line => line.trim() !== '')
    .slice(-mostLines);
  return new GuestError(
    code,
    lines.join('\n').replace(/^nexus: /, '') || `git ended with exit code ${exitCode}`,
  );
}
