import type {Socket} from 'node:net';
import type {
  AcceptConnection,
  AuthContext,
  Connection,
  RejectConnection,
  ServerChannel,
  TcpipRequestInfo,
} from 'ssh2';
import {isAgentError} from '../agent/v1alpha1/agent-error.ts';
import type {Stored} from '../v1alpha1/kinds.ts';
import {carry} from './carry.ts';
import type {Destination, RefusalReason} from './find-destination.ts';
import {findDestination} from './find-destination.ts';
import type {GatewayOptions} from './gateway.ts';
import {mayEnter} from './gateway-directory.ts';
import type {GatewayLimits} from './gateway-limits.ts';
import type {GatewayMetrics} from './gateway-metrics.ts';
import {createRefuse} from './refusal-text.ts';
import {isLoginKey, verifySignature} from './verify-signature.ts';

/** The one login name: who somebody is, their key says. */
export const gatewayUser = 'nexus';

export type GatewayConnection = {
  /** Users whose key it logged in with; empty before the login, and once they have removed it. */
  users(): readonly Stored<'User'>[];
  /** Ends what its users may no longer have: all of it, or sessions in workspaces that are theirs no more. */
  review(): void;
  /** Those in one workspace only. */
  reviewWorkspace(uid: string): void;
  /** At once. */
  end(): void;
};

export type GatewayConnectionOptions = Pick<
  GatewayOptions,
  'directory' | 'open' | 'audit' | 'clock' | 'random' | 'log'
> & {
  readonly connection: Connection;
  readonly socket: Socket;
  readonly from: string;
  readonly limits: GatewayLimits;
  readonly metrics: GatewayMetrics;
  readonly onFailure: () => void;
  readonly onLogin: () => void;
  /** Undefined when these users may have one more connection; else why not. */
  readonly crowded: (users: readonly Stored<'User'>[]) => string | undefined;
};

type Session = {readonly uid: string; readonly user: string; readonly over: AbortController};

const nothingElse =
  'this is the gateway of Nexus, which leads to workspaces and nothing else; log in with: nexus ssh <workspace>, or ssh -J nexus@<server>:<port> dev@<workspace>';

/** Bytes that a client may have sent beyond its window, or that wait to be sent to it, before it counts as hostile. */
const outrageous = 8 * 1_048_576;

/** Requests of a login for each key that may be offered: whether it would do, then with it; and what clients ask for besides. */
const requestsPerTry = 4;

/** One client of the gateway, from its first words on. */
export function createGatewayConnection(options: GatewayConnectionOptions): GatewayConnection {
  const {connection, socket, from, directory, limits, metrics, clock, log} = options;
  const refuse = createRefuse(connection, nothingElse);
  const sessions = new Set<Session>();
  const channels = new Set<ServerChannel>();
  const closed = new AbortController();
  let key: string | undefined;
  let tries = 0;
  let requests = 0;
  let tooMany: string | undefined;
  let idle: Disposable | undefined;

  const users = () => (key === undefined ? [] : directory.usersWith(key));
  const end = () => {
    connection.end();
    socket.destroySoon();
  };

  const restOrGo = () => {
    idle?.[Symbol.dispose]();
    idle = sessions.size === 0 && !closed.signal.aborted ? clock.schedule(limits.idle, end) : undefined;
  };

  const cutOff = () => {
    if (!socket.destroyed && socket.writable) {
      metrics.refused('TooManyTries');
      log.info({from}, 'gateway login refused: too many tries');
      end();
    }
  };

  const authenticate = (context: AuthContext) => {
    requests += 1;
    if (requests > limits.authTries * requestsPerTry) {
      context.reject();
      cutOff();
      return;
    }

    if (context.method === 'publickey') {
      const login = {
        algorithm: context.key.algo,
        hash: hashOf(context),
        key: context.key.data,
      };
      const offered = login.key.toString('base64');
      const isKnown =
        context.username === gatewayUser && isLoginKey(login) && directory.usersWith(offered).length > 0;
      const {signature, blob} = context;
      if (isKnown && (signature === undefined || blob === undefined)) {
        // The client asks whether to sign with this key.
        context.accept();
        return;
      }

      if (
        isKnown &&
        signature !== undefined &&
        blob !== undefined &&
        verifySignature({...login, signature, signed: blob})
      ) {
        key = offered;
        context.accept();
        return;
      }

      tries += 1;
      options.onFailure();
    }

    context.reject(['publickey']);
    if (tries >= limits.authTries) {
      cutOff();
    }
  };

  const decline = (reject: RejectConnection, reason: RefusalReason, message: string, host: string) => {
    metrics.refused(reason);
    const user = users()[0]?.metadata.name;
    log.info({user, from, destination: host.slice(0, 253), reason}, 'gateway session refused');
    refuse(reject, message);
  };

  const lead = async (
    accept: AcceptConnection<ServerChannel>,
    reject: RejectConnection,
    {destIP: host, destPort: port}: TcpipRequestInfo,
  ) => {
    const destination: Destination = findDestination(directory, {host, port, users: users()});
    if (destination.kind === 'Refused') {
      decline(reject, destination.reason, destination.message, `${host}:${port}`);
      return;
    }

    const {workspace, user} = destination;
    if (tooMany !== undefined || sessions.size >= limits.perConnection) {
      const message = tooMany ?? `no more than ${limits.perConnection} sessions share one connection`;
      decline(reject, 'TooMany', message, host);
      return;
    }

    const {uid, name} = workspace.metadata;
    const session = {uid, user, over: new AbortController()};
    sessions.add(session);
    restOrGo();
    try {
      await join(session, workspace, {accept, reject});
    } catch (error) {
      log.error({err: error, workspace: name}, 'a gateway session failed');
    } finally {
      sessions.delete(session);
      restOrGo();
    }
  };

  const join = async (
    session: Session,
    workspace: Stored<'Workspace'>,
    {accept, reject}: {accept: AcceptConnection<ServerChannel>; reject: RejectConnection},
  ) => {
    const {name, uid} = workspace.metadata;
    const signal = AbortSignal.any([session.over.signal, closed.signal]);
    const late = new AbortController();
    using _timer = clock.schedule(limits.open, () => late.abort());
    let stream: Awaited<ReturnType<GatewayOptions['open']>>;
    try {
      stream = await options.open(workspace, AbortSignal.any([signal, late.signal]));
    } catch (error) {
      if (!isAgentError(error) && !late.signal.aborted && !signal.aborted) {
        log.error({err: error, workspace: name}, 'a gateway session could not be opened');
      }

      const why = isAgentError(error) ? error.message : 'its node did not answer in time';
      const message = `workspace ${name} can't be reached: ${why}; see: nexus describe workspace ${name}`;
      decline(reject, 'Unreachable', message, name);
      return;
    }

    _timer[Symbol.dispose]();
    if (signal.aborted) {
      stream.abort();
      refuse(reject, nothingElse);
      return;
    }

    const requestId = options.random.uuid();
    const fields = {user: session.user, workspace: name, uid, from, requestId};
    const channel = accept();
    channels.add(channel);
    using _opened = metrics.opened();
    const since = clock.now();
    const bytes = {in: 0, out: 0};
    log.info(fields, 'gateway session opened');
    void options.audit({workspace, user: session.user, from, requestId});
    await carry(channel, stream, {
      socket,
      signal,
      onCarried(direction, count) {
        bytes[direction] += count;
        metrics.carried(direction, count);
      },
    });
    channels.delete(channel);
    log.info({...fields, seconds: (clock.now() - since) / 1000, ...bytes}, 'gateway session closed');
  };

  connection.on('authentication', authenticate);
  connection.on('ready', () => {
    tooMany = options.crowded(users());
    options.onLogin();
    restOrGo();
    log.info({from, user: users()[0]?.metadata.name}, 'gateway login');
  });
  connection.on('tcpip', (accept, reject, info) => void lead(accept, reject, info));
  connection.on('error', error => log.debug({err: error, from}, 'a gateway connection failed'));
  // After ssh2 has taken in what came: who sends without having been granted it, or asks without reading, would fill the memory.
  socket.on('data', () => {
    const isFlooding = [...channels].some(({readableLength}) => readableLength > outrageous);
    if (isFlooding || socket.writableLength > outrageous) {
      metrics.refused('Flood');
      log.warn({from}, 'a gateway client ignores flow control; cut off');
      socket.destroy();
    }
  });
  socket.once('close', () => {
    closed.abort();
    idle?.[Symbol.dispose]();
  });

  const reviewSessions = (concerned: readonly Session[]) => {
    for (const {uid, over} of concerned) {
      const workspace = directory.workspace(uid);
      if (workspace === undefined || !mayEnter(users(), workspace)) {
        over.abort();
      }
    }
  };

  return {
    users,
    review() {
      if (key !== undefined && users().length === 0) {
        log.info({from}, 'gateway connection ended: its key was removed');
        end();
      } else {
        reviewSessions([...sessions]);
      }
    },
    reviewWorkspace: uid => reviewSessions([...sessions].filter(session => session.uid === uid)),
    end,
  };
}

/** The type of an RSA key leaves the hash open; ssh2 says which one the client took, though its types do not. */
function hashOf(context: object): 'sha256' | 'sha512' | undefined {
  const hash = 'hashAlgo' in context ? context.hashAlgo : undefined;
  return hash === 'sha256' || hash === 'sha512' ? hash : undefined;
}
