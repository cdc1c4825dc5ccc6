import type {Socket} from 'node:net';
import {connect} from 'node:net';
import {setTimeout as delay} from 'node:timers/promises';
import {Client} from 'ssh2';

export type SshKey = {readonly privateKey: string; readonly publicKey: string};

export type LoginOptions = {
  readonly host: string;
  readonly port: number;
  readonly privateKey: string;
  /** Pinned; `ssh-ed25519 AAAA…`. When it is not known yet, the host proves only that it has some key. */
  readonly hostKey: string | undefined;
};

/** Milliseconds. A SYN that gets lost while the container has no address is repeated by the kernel only after a second: so it is given up before. */
const dialPatience = 50;
const dialInterval = 5;
const loginPatience = 60_000;

/** A session of user dev, as soon as there can be one: tries until sshd takes the key. Dispose of it to end it. */
export async function login(options: LoginOptions): Promise<Client & AsyncDisposable> {
  const until = performance.now() + loginPatience;
  for (;;) {
    try {
      return await attempt(await dial(options), options);
    } catch (error) {
      if (performance.now() > until) {
        throw new Error(`no login at ${options.host}:${options.port}`, {cause: error});
      }

      await delay(dialInterval);
    }
  }
}

function dial({host, port}: LoginOptions): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({host, port, noDelay: true, timeout: dialPatience});
    socket.once('connect', () => {
      socket.setTimeout(0);
      resolve(socket);
    });
    socket.once('timeout', () => socket.destroy(new Error('no answer')));
    socket.on('error', reject);
  });
}

async function attempt(
  socket: Socket,
  {privateKey, hostKey}: LoginOptions,
): Promise<Client & AsyncDisposable> {
  const client = new Client();
  const {promise, resolve, reject} = Promise.withResolvers<void>();
  client.on('ready', resolve);
  client.on('error', reject);
  client.on('close', () => reject(new Error('the connection was closed')));
  client.connect({
    sock: socket,
    username: 'dev',
    privateKey,
    algorithms: {serverHostKey: ['ssh-ed25519']},
    hostVerifier: (key: Buffer) => hostKey === undefined || hostKey.split(' ')[1] === key.toString('base64'),
  });
  try {
    await promise;
  } catch (error) {
    socket.destroy();
    throw error;
  }

  return Object.assign(client, {
    async [Symbol.asyncDispose]() {
      client.end();
      socket.destroy();
    },
  });
}
