import type {Algorithms, ClientChannel} from 'ssh2';
import ssh2 from 'ssh2';
import {AgentError} from '../../api/agent/v1alpha1/agent-error.ts';
import type {AgentConnection} from '../../api/agent/v1alpha1/connection.ts';
import {createJsonRpcConnection} from '../../api/agent/v1alpha1/json-rpc-connection.ts';
import type {Logger} from '../../api/effects/logger.ts';
import {fingerprint, parseHostKey} from './host-key.ts';
import {createLastLines} from './last-lines.ts';
import {posixWords} from './posix-words.ts';

export type SshOptions = {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** The only key that the host may have: `ssh-ed25519 AAAA…`. Without one no connection is made. */
  readonly hostKey: string | undefined;
  /** In OpenSSH or PEM form. */
  readonly privateKey: string | Buffer;
  /** A program on the host that speaks the protocol on its standard input and output. */
  readonly command: readonly string[];
  readonly log: Logger;
};

/** What OpenSSH 8 and later offers, less what needs SHA-1, CBC or small groups. */
const algorithms = {
  kex: [
    'curve25519-sha256',
    'curve25519-sha256@libssh.org',
    'ecdh-sha2-nistp256',
    'ecdh-sha2-nistp384',
    'ecdh-sha2-nistp521',
    'diffie-hellman-group16-sha512',
    'diffie-hellman-group14-sha256',
  ],
  cipher: ['aes256-gcm@openssh.com', 'aes128-gcm@openssh.com', 'aes256-ctr', 'aes128-ctr'],
  hmac: ['hmac-sha2-256-etm@openssh.com', 'hmac-sha2-512-etm@openssh.com', 'hmac-sha2-256', 'hmac-sha2-512'],
} satisfies Algorithms;

/** Milliseconds until the session is up, and between probes of a silent connection, of which three may go unanswered. */
const readyTimeout = 15_000;
const keepaliveInterval = 5000;

/** One ssh session that runs the agent. Throws AgentError `Disconnected`, whose message says what to do. */
export async function createSshConnection(
  options: SshOptions,
  signal: AbortSignal,
): Promise<AgentConnection> {
  const {host, port, log} = options;
  const pinned = options.hostKey === undefined ? undefined : parseHostKey(options.hostKey);
  if (pinned === undefined) {
    throw new AgentError('Disconnected', `no usable host key is pinned for ${host}; add the node again`);
  }
  signal.throwIfAborted();

  const client = new ssh2.Client();
  const closed = new Promise<void>(resolve => client.once('close', () => resolve()));
  let presented: Buffer | undefined;
  const opened = Promise.withResolvers<ClientChannel>();
  const onAbort = () => opened.reject(signal.reason);
  signal.addEventListener('abort', onAbort, {once: true});
  // Kept for good: a connection that breaks later must not end the process. Its streams tell.
  client.on('error', error => opened.reject(error));
  client.on('close', () => opened.reject(new Error('the connection was closed')));
  client.on('ready', () => {
    client.exec(posixWords(options.command), (error, channel) => {
      if (error === undefined) {
        opened.resolve(channel);
      } else {
        opened.reject(error);
      }
    });
  });

  try {
    client.connect({
      host,
      port,
      username: options.user,
      privateKey: options.privateKey,
      hostVerifier: (key: Buffer) => {
        presented = key;
        return key.equals(pinned.bytes);
      },
      algorithms: {...algorithms, serverHostKey: pinned.algorithms},
      readyTimeout,
      keepaliveInterval,
      keepaliveCountMax: 3,
    });
    const channel = await opened.promise;
    const lastLines = createLastLines(channel.stderr, log);
    const connection = createJsonRpcConnection({
      input: channel,
      output: channel,
      log,
      explain: lastLines.text,
    });
    return {
      ...connection,
      async [Symbol.asyncDispose]() {
        await connection[Symbol.asyncDispose]();
        client.end();
        client.destroy();
        await closed;
      },
    };
  } catch (error) {
    client.destroy();
    signal.throwIfAborted();
    throw new AgentError('Disconnected', explain(error, {...options, pinned: pinned.bytes, presented}), {
      cause: error,
    });
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

type Circumstances = SshOptions & {readonly pinned: Buffer; readonly presented: Buffer | undefined};

function explain(error: unknown, {host, port, user, pinned, presented}: Circumstances): string {
  const reason = error instanceof Error ? error.message : String(error);
  if (presented !== undefined && !presented.equals(pinned)) {
    return `the host key of ${host} is ${fingerprint(presented)}, pinned is ${fingerprint(pinned)}: somebody may be in between; if the machine was set up anew, remove the node and add it again`;
  }
  if (error instanceof Error && 'level' in error && error.level === 'client-authentication') {
    return `${user}@${host} does not accept the server's key: add its public key to authorized_keys there`;
  }
  return `can not reach ${user}@${host} port ${port} by ssh: ${reason}`;
}
