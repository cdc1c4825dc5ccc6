import type {Algorithms, AuthenticationType, ClientChannel} from 'ssh2';
import ssh2 from 'ssh2';
import {fingerprint, parseHostKey} from './host-key.ts';
import {posixWords} from './posix-words.ts';
import {SshError} from './ssh-error.ts';

/** How the account is opened. A password also answers the one question of a keyboard-interactive login. */
export type SshLogin =
  /** In OpenSSH or PEM form. */
  {readonly privateKey: string | Buffer} | {readonly password: string};

export type SshSessionOptions = {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** The only key that the host may have: `ssh-ed25519 AAAA…`. Without one no connection is made. */
  readonly hostKey: string | undefined;
  readonly login: SshLogin;
};

/** One authenticated connection to a machine; programs run on it side by side, each in a channel of its own. */
export type SshSession = AsyncDisposable & {
  /** Aborted once the connection is over, with the SshError that tells why. */
  readonly closed: AbortSignal;
  /**
   * Starts a program in the login folder; the words reach it as they are, in whatever shell the account has. The channel is its standard input and
   * output, and ends with it. Throws SshError `ConnectionLost`.
   */
  exec(command: readonly string[], signal: AbortSignal): Promise<ClientChannel>;
};

/** What OpenSSH 8 and later offers, less what needs SHA-1, CBC or small groups. */
export const sshAlgorithms = {
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

/** Resolves once the account is open. Throws SshError, or the reason of `signal`. */
export async function openSshSession(options: SshSessionOptions, signal: AbortSignal): Promise<SshSession> {
  const {host, port, user, login} = options;
  const pinned = options.hostKey === undefined ? undefined : parseHostKey(options.hostKey);
  if (pinned === undefined) {
    throw new SshError('HostKeyMissing', `no usable host key is pinned for ${host}; add the node again`);
  }
  signal.throwIfAborted();

  const client = new ssh2.Client();
  let presented: Buffer | undefined;
  let failure: Error | undefined;
  const over = new AbortController();
  const opened = Promise.withResolvers<void>();
  const closed = new Promise<void>(resolve => client.once('close', () => resolve()));
  const onAbort = () => opened.reject(signal.reason);
  signal.addEventListener('abort', onAbort, {once: true});
  // Kept for good: a connection that breaks later must not end the process. Its channels tell.
  client.on('error', error => {
    failure ??= error;
    opened.reject(error);
  });
  client.on('close', () => {
    const reason = failure?.message ?? 'the connection was closed';
    over.abort(new SshError('ConnectionLost', `the ssh connection to ${host} broke: ${reason}`));
    opened.reject(failure ?? new Error('the connection was closed'));
  });
  client.on('ready', () => opened.resolve());
  if ('password' in login) {
    client.on('keyboard-interactive', (_name, _instructions, _language, prompts, finish) => {
      finish(prompts.map(({echo}) => (echo === true ? '' : login.password)));
    });
  }

  try {
    client.connect({
      host,
      port,
      username: user,
      ...('password' in login
        ? {password: login.password, tryKeyboard: true}
        : {privateKey: login.privateKey}),
      authHandler: methodsOf(login),
      hostVerifier: (key: Buffer) => {
        presented = key;
        return key.equals(pinned.bytes);
      },
      algorithms: {...sshAlgorithms, serverHostKey: pinned.algorithms},
      readyTimeout,
      keepaliveInterval,
      keepaliveCountMax: 3,
    });
    await opened.promise;
  } catch (error) {
    client.destroy();
    signal.throwIfAborted();
    throw explain(error, {...options, pinned: pinned.bytes, presented});
  } finally {
    signal.removeEventListener('abort', onAbort);
  }

  return {
    closed: over.signal,
    async exec(command, commandSignal) {
      commandSignal.throwIfAborted();
      over.signal.throwIfAborted();
      const {promise, resolve, reject} = Promise.withResolvers<ClientChannel>();
      const either = AbortSignal.any([commandSignal, over.signal]);
      const giveUp = () => reject(either.reason);
      either.addEventListener('abort', giveUp, {once: true});
      client.exec(posixWords(command), (error, channel) => {
        if (error !== undefined) {
          reject(
            new SshError('ConnectionLost', `${user}@${host} runs no program: ${error.message}`, {
              cause: error,
            }),
          );
        } else if (either.aborted) {
          channel.on('error', () => {});
          channel.destroy();
        } else {
          resolve(channel);
        }
      });
      try {
        return await promise;
      } finally {
        either.removeEventListener('abort', giveUp);
      }
    },
    async [Symbol.asyncDispose]() {
      client.end();
      client.destroy();
      await closed;
    },
  };
}

/** Nothing else is tried, so that neither an agent nor a key of whoever runs the server gets into it. */
function methodsOf(login: SshLogin): AuthenticationType[] {
  return 'password' in login ? ['password', 'keyboard-interactive'] : ['publickey'];
}

type Circumstances = SshSessionOptions & {readonly pinned: Buffer; readonly presented: Buffer | undefined};

function explain(error: unknown, {host, port, user, login, pinned, presented}: Circumstances): SshError {
  const reason = error instanceof Error ? error.message : String(error);
  if (presented !== undefined && !presented.equals(pinned)) {
    return new SshError(
      'HostKeyChanged',
      `the host key of ${host} is ${fingerprint(presented)}, pinned is ${fingerprint(pinned)}: somebody may be in between; if the machine was set up anew, compare its new key there and accept it with: nexus node add … --replace-host-key`,
      {cause: error},
    );
  }
  if (error instanceof Error && 'level' in error && error.level === 'client-authentication') {
    return new SshError(
      'LoginRefused',
      'password' in login
        ? `${user}@${host} does not accept that password`
        : `${user}@${host} does not accept the server's key: add its public key to authorized_keys there`,
      {cause: error},
    );
  }
  if (/no matching (?!host key)/i.test(reason)) {
    return new SshError(
      'Unreachable',
      `the sshd of ${host} speaks only algorithms that are no longer safe (${reason}): bring it up to date; OpenSSH 7.4 and later will do`,
      {cause: error},
    );
  }
  return new SshError('Unreachable', `can not reach ${user}@${host} port ${port} by ssh: ${reason}`, {
    cause: error,
  });
}
