import type {ServerHostKeyAlgorithm} from 'ssh2';
import ssh2 from 'ssh2';
import {parseHostKey} from '../agent-client/host-key.ts';
import {SshError} from '../agent-client/ssh-error.ts';
import {sshAlgorithms} from '../agent-client/ssh-session.ts';

export type ScanOptions = {
  readonly host: string;
  readonly port: number;
  /** A key whose type is asked for first: a machine has several, and shows one. */
  readonly expected?: string | undefined;
};

/** Milliseconds. */
const timeout = 10_000;

const allTypes: ServerHostKeyAlgorithm[] = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
  'rsa-sha2-256',
];

/**
 * The host key that an sshd shows to whoever asks: `ssh-ed25519 AAAA…`. It proves nothing by itself: a person must compare it, or a pinned one must be the
 * same. Throws SshError `Unreachable`.
 */
export async function scanHostKey({host, port, expected}: ScanOptions, signal: AbortSignal): Promise<string> {
  const types = expected === undefined ? undefined : parseHostKey(expected)?.algorithms;
  if (types !== undefined) {
    try {
      return await ask({host, port, types}, signal);
    } catch (error) {
      signal.throwIfAborted();
      // It may have no key of that type any more: then which it has is what matters.
      if (!(error instanceof Error && /no matching (?:server )?host key/i.test(error.message))) {
        throw refused(host, port, error);
      }
    }
  }
  try {
    return await ask({host, port, types: allTypes}, signal);
  } catch (error) {
    signal.throwIfAborted();
    throw refused(host, port, error);
  }
}

type Question = {readonly host: string; readonly port: number; readonly types: ServerHostKeyAlgorithm[]};

async function ask({host, port, types}: Question, signal: AbortSignal): Promise<string> {
  const client = new ssh2.Client();
  const {promise, resolve, reject} = Promise.withResolvers<Buffer>();
  const abort = () => reject(signal.reason);
  signal.addEventListener('abort', abort, {once: true});
  client.on('error', reject);
  client.on('close', () => reject(new Error('the connection was closed before a key was shown')));
  try {
    client.connect({
      host,
      port,
      username: 'nexus-host-key-scan',
      readyTimeout: timeout,
      algorithms: {...sshAlgorithms, serverHostKey: types},
      // Never accepted: nobody logs in here.
      hostVerifier: (key: Buffer) => {
        resolve(key);
        return false;
      },
    });
    const key = await promise;
    const type = key.toString('latin1', 4, 4 + key.readUInt32BE(0));
    return `${type} ${key.toString('base64')}`;
  } finally {
    signal.removeEventListener('abort', abort);
    client.on('error', () => undefined);
    client.destroy();
  }
}

function refused(host: string, port: number, cause: unknown): SshError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new SshError('Unreachable', `no host key could be had from ${host} port ${port}: ${reason}`, {
    cause,
  });
}
