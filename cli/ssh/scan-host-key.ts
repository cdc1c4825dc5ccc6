import ssh2 from 'ssh2';
import {CliError} from '../exit-code.ts';

export type ScannedKey = {
  /** `ssh-ed25519 AAAA…`. */
  readonly publicKey: string;
};

/** Milliseconds. */
const timeout = 10_000;

/** The host key that an sshd shows to whoever asks. It proves nothing by itself: a person must compare it. Throws CliError. */
export async function scanHostKey(host: string, port: number, signal: AbortSignal): Promise<ScannedKey> {
  const client = new ssh2.Client();
  const {promise, resolve, reject} = Promise.withResolvers<Buffer>();
  const abort = () => reject(signal.reason);
  signal.addEventListener('abort', abort, {once: true});
  client.on('error', reject);
  client.on('close', () => reject(new Error('the connection was closed before a key was shown')));
  client.connect({
    host,
    port,
    username: 'nexus-host-key-scan',
    readyTimeout: timeout,
    algorithms: {
      serverHostKey: [
        'ssh-ed25519',
        'ecdsa-sha2-nistp256',
        'ecdsa-sha2-nistp384',
        'rsa-sha2-512',
        'rsa-sha2-256',
      ],
    },
    // Never accepted: nobody logs in here.
    hostVerifier: (key: Buffer) => {
      resolve(key);
      return false;
    },
  });
  try {
    const key = await promise;
    const type = key.toString('latin1', 4, 4 + key.readUInt32BE(0));
    return {publicKey: `${type} ${key.toString('base64')}`};
  } catch (error) {
    signal.throwIfAborted();
    throw new CliError('unreachable', `no host key could be had from ${host}:${port}`, {
      hint: `Does an sshd answer there? Try: ssh-keyscan -p ${port} ${host}. From the server's network only: give --host-key.`,
      cause: error,
    });
  } finally {
    signal.removeEventListener('abort', abort);
    client.on('error', () => undefined);
    client.destroy();
  }
}
