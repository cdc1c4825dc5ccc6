import {AgentError} from '../api/agent/v1alpha1/agent-error.ts';
import type {AgentPeer, RequestHandlers} from '../api/agent/v1alpha1/connection.ts';
import type {Features} from '../api/agent/v1alpha1/features.ts';
import {notificationFor} from '../api/agent/v1alpha1/message-schema.ts';
import {heartbeatInterval} from '../api/agent/v1alpha1/messages.ts';
import {createStreamMultiplexer} from '../api/agent/v1alpha1/stream-multiplexer.ts';
import type {Clock} from '../api/effects/clock.ts';
import type {Logger} from '../api/effects/logger.ts';
import type {Dial} from './forwards/dial.ts';
import type {Guest} from './guest/guest.ts';
import type {Services} from './handlers.ts';
import {createHandlers} from './handlers.ts';
import type {Doors} from './instances/doors.ts';
import {createStreams} from './streams/streams.ts';

export type Connections = AsyncDisposable & {
  accept(open: (handlers: RequestHandlers) => AgentPeer): void;
};

export type ConnectionsOptions = Services & {
  readonly clock: Clock;
  readonly log: Logger;
  readonly guest: Guest;
  readonly dial: Dial;
  readonly doors: Doors;
};

/** The peers that are connected now: each is told of every change, and every few seconds that the agent lives. */
export function createConnections(options: ConnectionsOptions): Connections {
  const {clock, log, registry, guest, dial, doors, bundles, moves, node} = options;
  /** Those that have introduced themselves, each with what it knows of the protocol and the number of changes that it was told. */
  const listening = new Map<AgentPeer, {readonly features: Features; changes: number}>();
  const connected = new Set<AgentPeer>();
  let alarm: Disposable | undefined;
  let ended = false;

  const publishing = registry.onPublish(instance => {
    for (const [peer, listener] of listening) {
      const message = notificationFor('instance/changed', instance, listener.features);
      if (message !== undefined) {
        listener.changes += 1;
        peer.notify('instance/changed', message);
      }
    }
  });

  const beat = async () => {
    try {
      if (listening.size > 0) {
        const facts = await node.facts();
        for (const [peer, {changes, features}] of listening) {
          const message = notificationFor('heartbeat', {...facts, changes}, features);
          if (message !== undefined) {
            peer.notify('heartbeat', message);
          }
        }
      }
    } catch (error) {
      log.error({error}, 'a heartbeat failed');
    }
    if (!ended) {
      alarm = clock.schedule(heartbeatInterval, () => void beat());
    }
  };
  void beat();

  return {
    accept(open) {
      const disposables = new DisposableStack();
      let streams: ReturnType<typeof createStreams> | undefined;
      let arrivedAt: string | undefined;
      const peer = open(
        createHandlers({
          ...options,
          arrivedAt: () => arrivedAt,
          onInitialized: features =>
            void listening.set(peer, {features, changes: listening.get(peer)?.changes ?? 0}),
          streams() {
            if (streams === undefined) {
              throw new AgentError('Invalid', 'the connection is not there yet');
            }
            return streams;
          },
        }),
      );
      peer.on('relay/arrived', ({address}) => {
        arrivedAt = address;
      });
      const multiplexer = disposables.use(createStreamMultiplexer(peer));
      streams = createStreams({registry, guest, dial, doors, bundles, moves, multiplexer, log});
      connected.add(peer);
      const leave = () => {
        connected.delete(peer);
        listening.delete(peer);
        disposables.dispose();
      };
      if (peer.closed.aborted) {
        leave();
      } else {
        peer.closed.addEventListener('abort', leave, {once: true});
      }
    },

    async [Symbol.asyncDispose]() {
      ended = true;
      alarm?.[Symbol.dispose]();
      publishing[Symbol.dispose]();
      await Promise.all([...connected].map(peer => peer[Symbol.asyncDispose]()));
    },
  };
}
