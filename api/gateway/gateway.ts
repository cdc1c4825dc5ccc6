import type {Socket} from 'node:net';
import type {Registry} from 'prom-client';
import type {Algorithms} from 'ssh2';
import ssh2 from 'ssh2';
import type {AgentStream} from '../agent/v1alpha1/agent-stream.ts';
import type {Clock} from '../effects/clock.ts';
import type {Logger} from '../effects/logger.ts';
import type {Random} from '../effects/random.ts';
import {createTokenBuckets} from '../server/token-buckets.ts';
import type {Stored} from '../v1alpha1/kinds.ts';
import type {GatewayConnection} from './gateway-connection.ts';
import {createGatewayConnection} from './gateway-connection.ts';
import type {GatewayDirectory} from './gateway-directory.ts';
import type {GatewayLimits} from './gateway-limits.ts';
import {defaultGatewayLimits} from './gateway-limits.ts';
import {createGatewayMetrics} from './gateway-metrics.ts';

export type GatewayOptions = {
  /** The private one, in OpenSSH form. */
  readonly hostKey: string;
  readonly directory: GatewayDirectory;
  /** A byte stream to the sshd of a workspace. Throws AgentError, whose message is shown. */
  readonly open: (workspace: Stored<'Workspace'>, signal: AbortSignal) => Promise<AgentStream>;
  /** Notes who entered what; never rejects. */
  readonly audit: (entry: GatewayEntry) => Promise<void>;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly limits?: Partial<GatewayLimits>;
};

export type GatewayEntry = {
  readonly workspace: Stored<'Workspace'>;
  readonly user: string;
  /** Address. */
  readonly from: string;
  readonly requestId: string;
};

/**
 * An ssh server that does one thing: lead the holders of registered keys to the sshd of workspaces that are theirs, as byte streams that it can't
 * read. No shell, no command, no file, no forwarding of ports, sockets, agents or displays.
 */
export type Gateway = Disposable & {
  /** Takes over a connection. */
  serve(socket: Socket): void;
};

/** Those that authenticate by themselves are the fastest here, and first choice nowhere: with CTR beside them nobody would use them. */
const algorithms = {
  kex: [
    'curve25519-sha256',
    'curve25519-sha256@libssh.org',
    'ecdh-sha2-nistp256',
    'ecdh-sha2-nistp384',
    'ecdh-sha2-nistp521',
    'diffie-hellman-group16-sha512',
  ],
  cipher: ['aes128-gcm@openssh.com', 'aes256-gcm@openssh.com'],
  hmac: ['hmac-sha2-256-etm@openssh.com', 'hmac-sha2-512-etm@openssh.com'],
  compress: ['none'],
  serverHostKey: ['ssh-ed25519'],
} satisfies Algorithms;

/** Milliseconds between probes of a silent client, of which four may go unanswered. */
const keepaliveInterval = 15_000;

type Guest = {readonly address: string; user: string | undefined; connection: GatewayConnection | undefined};

export function createGateway(options: GatewayOptions): Gateway {
  const {directory, clock, log} = options;
  const limits = {...defaultGatewayLimits, ...options.limits};
  const metrics = createGatewayMetrics(options.registry);
  const arrivals = createTokenBuckets({clock, rate: limits.connections});
  const failures = createTokenBuckets({clock, rate: limits.failures});
  const guests = new Map<Socket, Guest>();
  /** Addresses whose logins have failed too often, until when. */
  const banned = new Map<string, number>();

  const count = (matches: (guest: Guest) => boolean) => [...guests.values()].filter(matches).length;

  const refusalOf = (address: string): string | undefined => {
    if (!directory.ready()) {
      return 'NotReady';
    }

    const until = banned.get(address);
    if (until !== undefined && until > clock.now()) {
      return 'TooManyFailures';
    }

    banned.delete(address);
    if (arrivals.take(address) > 0 || count(guest => guest.address === address) >= limits.perAddress) {
      return 'TooManyConnections';
    }

    return count(({user}) => user === undefined) >= limits.strangers ? 'TooManyStrangers' : undefined;
  };

  const server = new ssh2.Server(
    {hostKeys: [options.hostKey], algorithms, ident: 'Nexus', keepaliveInterval, keepaliveCountMax: 4},
    (connection, {ip, port}) => {
      const [socket, guest] =
        [...guests].find(([{remoteAddress, remotePort}]) => remoteAddress === ip && remotePort === port) ??
        [];
      if (socket === undefined || guest === undefined) {
        connection.end();
        return;
      }

      const guestConnection = createGatewayConnection({
        ...options,
        connection,
        socket,
        from: guest.address,
        limits,
        metrics,
        onFailure() {
          metrics.refused('BadKey');
          const wait = failures.take(guest.address);
          if (wait > 0) {
            // As many as the buckets remember.
            if (banned.size >= 10_000) {
              banned.clear();
            }

            banned.set(guest.address, clock.now() + wait);
          }
        },
        onLogin() {
          guest.user = guestConnection.users()[0]?.metadata.name ?? '';
        },
        crowded(users) {
          const name = users[0]?.metadata.name;
          return count(({user}) => user === name) >= limits.perUser
            ? `${name} has ${limits.perUser} connections to the gateway already; close some`
            : undefined;
        },
      });
      guest.connection = guestConnection;
    },
  );

  const watching = [
    directory.onUserChange(() => {
      for (const {connection} of guests.values()) {
        connection?.review();
      }
    }),
    directory.onWorkspaceChange(uid => {
      for (const {connection} of guests.values()) {
        connection?.reviewWorkspace(uid);
      }
    }),
  ];

  return {
    serve(socket) {
      const address = socket.remoteAddress ?? '';
      socket.on('error', () => undefined);
      const refusal = refusalOf(address);
      if (refusal !== undefined) {
        metrics.refused(refusal);
        log.info({from: address, reason: refusal}, 'gateway connection refused');
        socket.destroy();
        return;
      }

      socket.setNoDelay(true);
      const guest: Guest = {address, user: undefined, connection: undefined};
      guests.set(socket, guest);
      const connected = metrics.connected();
      const grace = clock.schedule(limits.loginGrace, () => {
        if (guest.user === undefined) {
          metrics.refused('TooSlow');
          socket.destroy();
        }
      });
      socket.once('close', () => {
        grace[Symbol.dispose]();
        connected[Symbol.dispose]();
        guests.delete(socket);
      });
      server.injectSocket(socket);
    },
    [Symbol.dispose]() {
      for (const watch of watching) {
        watch[Symbol.dispose]();
      }

      for (const [socket, {connection}] of guests) {
        if (connection === undefined) {
          socket.destroy();
        } else {
          connection.end();
        }
      }
    },
  };
}
