import ssh2 from 'ssh2';
import type {Clock} from '../../api/effects/clock.ts';
import {DriverError} from '../driver.ts';
import {connectTcp} from '../system/tcp-connect.ts';
import {machinePorts} from './command.ts';
import type {MachineRecord} from './machine-record.ts';

/** An ssh connection to the agent's own sshd inside a machine. */
export type Channel = {
  readonly client: ssh2.Client;
  /** Resolves once it has ended. */
  readonly closed: Promise<void>;
};

export type ChannelOptions = {
  readonly record: MachineRecord;
  readonly clock: Clock;
  readonly signal: AbortSignal;
};

/** What the image's sshd offers and a processor without help from hardware can do quickly; ciphers that authenticate what they carry. */
const algorithms = {
  kex: ['curve25519-sha256', 'curve25519-sha256@libssh.org'],
  serverHostKey: ['ssh-ed25519'],
  cipher: ['aes128-gcm@openssh.com', 'chacha20-poly1305@openssh.com'],
  hmac: ['hmac-sha2-256-etm@openssh.com'],
} satisfies ssh2.Algorithms;

/** Milliseconds: between attempts, for the first banner, and the most for one. Emulated, an sshd takes its time. */
const interval = 100;
const firstPatience = 1000;
const longestPatience = 15_000;

/** Milliseconds for the handshake, and between probes of a silent connection. */
const readyTimeout = 60_000;
const keepaliveInterval = 15_000;

/**
 * Waits for the machine to boot, for as long as the signal allows, and connects. Only the machine's own host key is accepted: whoever else answers
 * at its address gets nothing. Throws DriverError: TimedOut once the signal is aborted.
 */
export async function openChannel({record, clock, signal}: ChannelOptions): Promise<Channel> {
  for (let patience = firstPatience; ; patience = Math.min(patience * 1.5, longestPatience)) {
    try {
      await banner(record.address, AbortSignal.any([signal, AbortSignal.timeout(patience)]));
      return await connect(record, signal);
    } catch (error) {
      if (signal.aborted) {
        throw new DriverError('TimedOut', 'the machine does not answer yet', {cause: signal.reason});
      }
      if (error instanceof DriverError) throw error;
    }
    await clock.sleep(interval, signal).catch(() => {});
  }
}

/** QEMU accepts connections long before the guest does: only what is sent tells that somebody is there. */
async function banner(address: string, signal: AbortSignal): Promise<void> {
  const socket = await connectTcp(address, machinePorts.agent, {signal});
  const answered = Promise.withResolvers<void>();
  const onAbort = () => answered.reject(signal.reason);
  signal.addEventListener('abort', onAbort, {once: true});
  socket.on('error', answered.reject);
  socket.once('close', () => answered.reject(new Error('it closed the connection')));
  socket.once('data', () => answered.resolve());
  try {
    await answered.promise;
  } finally {
    signal.removeEventListener('abort', onAbort);
    socket.destroy();
  }
}

async function connect({address, hostKey, agentKey}: MachineRecord, signal: AbortSignal): Promise<Channel> {
  const client = new ssh2.Client();
  const pinned = Buffer.from(hostKey.publicKey.split(' ')[1] ?? '', 'base64');
  const ready = Promise.withResolvers<void>();
  const closed = new Promise<void>(resolve => client.once('close', () => resolve()));
  const onAbort = () => ready.reject(signal.reason);
  let isForeign = false;
  signal.addEventListener('abort', onAbort, {once: true});
  // Kept for good: a connection that breaks later must not end the process. Its streams tell.
  client.on('error', ready.reject);
  client.once('close', () => ready.reject(new Error('the connection was closed')));
  client.once('ready', () => ready.resolve());
  try {
    client.connect({
      host: address,
      port: machinePorts.agent,
      username: 'root',
      privateKey: agentKey.privateKey,
      hostVerifier: (key: Buffer) => {
        isForeign = !key.equals(pinned);
        return !isForeign;
      },
      algorithms,
      readyTimeout,
      keepaliveInterval,
      keepaliveCountMax: 8,
    });
    await ready.promise;
    return {client, closed};
  } catch (error) {
    client.destroy();
    if (isForeign) {
      throw new DriverError(
        'PermissionDenied',
        `what answers at ${address} has another host key than the machine`,
        {
          cause: error,
        },
      );
    }
    throw error;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
