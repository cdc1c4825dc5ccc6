import {z} from 'zod';
import {timestamp} from '../../v1alpha1/metadata.ts';
import {provider} from '../../v1alpha1/workspace.ts';
import type {Feature} from './features.ts';
import {since} from './features.ts';
import {forward, gitCredential, instance, instanceSpec, repositorySpec, serviceSpec} from './instance.ts';

/** Grows when a message changes so that older peers would misread it; peers refuse a major they don't know. */
export const protocolVersion = 1;

const target = z.strictObject({uid: z.string()});

export const capacity = z.strictObject({cpus: z.int(), memory: z.int(), disk: z.int()});

export const nodeFacts = z.strictObject({
  time: timestamp,
  bootId: z.string(),
  agentVersion: z.string(),
  providers: z.array(
    z.strictObject({
      name: provider,
      backend: z.string(),
      version: z.string(),
      /** Whether it can run workspaces, and all that it holds has been told. */
      ready: z.boolean(),
      message: z.string().optional(),
      /** Of this backend, whose disk is its own; missing from agents that know of one backend only. */
      capacity: since('backends', capacity.optional()),
      allocatable: since('backends', capacity.optional()),
      /** What instances are moved as; only between nodes that name the same. Missing where they can't be moved. */
      transferFormat: since('moves', z.string().optional()),
    }),
  ),
  /** The machine's processors and memory; of the disks, the largest. */
  capacity,
  allocatable: capacity,
  portsInUse: z.array(z.int()),
  /**
   * In a heartbeat: how many `instance/changed` this connection was sent before it. Whoever has received another number has lost some, and lists
   * again. Missing from agents that do not count.
   */
  changes: z.int().optional(),
  /** What the agent was started from; missing where that has no content of its own to be known by. */
  package: since(
    'package',
    z
      .strictObject({
        /** Version and hash of the content. */
        id: z.string(),
        /** What it was made for, such as linux-x64. */
        platform: z.string(),
      })
      .optional(),
  ),
});

/**
 * Requests of the controller. All are idempotent: asked twice, they act once. Those that start something long answer at once with the
 * instance and its `operation`; the end comes as `instance/changed`. Those in `mutating` are refused with `Fenced` on a connection whose epoch is not
 * the highest that the agent knows.
 */
export const requests = {
  /**
   * May come before all others: what the caller knows of what was added to the protocol, answered with what the agent knows. From then on each leaves
   * out what the other does not know. Agents of the first release answer `Unsupported`. What more either side says is passed over.
   */
  'features/negotiate': {
    params: z.object({features: z.array(z.string())}),
    result: z.object({features: z.array(z.string())}),
  },
  /** Must come first, but for the above. `reader` connections may only look, stream, exec and restart services. */
  initialize: {
    params: z.strictObject({
      protocolVersion: z.int(),
      role: z.enum(['controller', 'reader']),
      epoch: z.int(),
      installation: z.string(),
      node: z.string(),
    }),
    result: z.strictObject({protocolVersion: z.int(), node: nodeFacts}),
  },
  'instance/list': {params: z.strictObject({}), result: z.strictObject({instances: z.array(instance)})},
  'instance/create': {params: instanceSpec, result: instance},
  'instance/start': {params: target, result: instance},
  'instance/stop': {
    params: target.extend({
      force: z.boolean(),
      timeout: z.int().describe('Milliseconds until it is forced.'),
    }),
    result: instance,
  },
  'instance/unfreeze': {params: target, result: instance},
  /** Gives a renamed instance its canonical name back. It must be stopped. */
  'instance/rename': {params: target, result: instance},
  /**
   * `ifSaved`: destroys it when nothing unsaved can be in it, else stops and keeps it (`retired`) for `retention` milliseconds. `always`: destroys.
   * Answers with state Missing once it is gone.
   */
  'instance/delete': {
    params: target.extend({mode: z.enum(['ifSaved', 'always']), retention: z.int()}),
    result: instance,
  },
  /** Makes a retired instance an ordinary stopped one. */
  'instance/restore': {params: target, result: instance},
  'instance/limits': {params: target.extend({limits: capacity}), result: instance},
  'instance/authorizedKeys': {params: target.extend({keys: z.array(z.string())}), result: instance},
  /** The whole set: what is not named is closed. */
  'instance/forwards': {params: target.extend({forwards: z.array(forward)}), result: instance},
  'repository/clone': {
    params: target.extend({repository: repositorySpec, credential: gitCredential.optional()}),
    result: instance,
  },
  /** Takes new commits of a bundle into an existing clone; merges only by fast-forward and only when clean. */
  'repository/fetch': {
    params: target.extend({repository: repositorySpec, credential: gitCredential.optional()}),
    result: instance,
  },
  'setup/run': {
    params: target.extend({
      hash: z.string(),
      commands: z.array(z.string()),
      directory: z.string(),
      env: z.record(z.string(), z.string()),
      timeout: z.int(),
    }),
    result: instance,
  },
  /** The whole set, in any order; the agent starts them by dependency and health. A service that did not change is not touched. */
  'services/apply': {
    params: target.extend({
      hash: z.string(),
      directory: z.string(),
      env: z.record(z.string(), z.string()),
      services: z.array(serviceSpec),
    }),
    result: instance,
  },
  'service/restart': {params: target.extend({service: z.string()}), result: instance},
  /** Whether the agent already holds these bytes. */
  'bundle/has': {
    params: z.strictObject({digest: z.string()}),
    result: z.strictObject({present: z.boolean()}),
  },
  /** Opens streams; data flows as `stream/*` notifications with the id that the caller chose. */
  'bundle/put': {
    params: z.strictObject({stream: z.int(), digest: z.string(), size: z.int()}),
    result: z.strictObject({}),
  },
  'exec/start': {
    params: target.extend({
      stream: z.int(),
      command: z.array(z.string()).min(1),
      user: z.string(),
      directory: z.string().optional(),
      env: z.record(z.string(), z.string()),
      tty: z.strictObject({columns: z.int(), rows: z.int(), term: z.string()}).optional(),
    }),
    result: z.strictObject({}),
  },
  'logs/start': {
    params: target.extend({
      stream: z.int(),
      /** A service, or `setup` for the output of the setup commands. */
      source: z.discriminatedUnion('type', [
        z.strictObject({type: z.literal('service'), name: z.string()}),
        z.strictObject({type: z.literal('setup')}),
      ]),
      follow: z.boolean(),
      tail: z.int().optional().describe('Lines from the end; all that is kept without it.'),
    }),
    result: z.strictObject({}),
  },
  /**
   * Seals a stopped instance, and sends all of it as output: see `agent/moves/archive.ts`. Nothing may come for long, while the backend packs. The
   * operation ends with the stream.
   */
  'instance/export': {
    params: target.extend({stream: z.int(), transfer: z.string()}),
    result: z.strictObject({}),
  },
  /**
   * Takes in what export sent, as input, in place of any other copy that has come for this uid. Ends well once the copy is complete; else nothing is left
   * of it. Refused where the uid has an instance that is not such a copy. With `limits` these are the copy's, whatever came with it, and what needs
   * much more of the disk is broken off.
   */
  'instance/import': {
    params: target.extend({
      stream: z.int(),
      transfer: z.string(),
      provider,
      limits: since('importLimits', capacity.optional()),
    }),
    result: z.strictObject({}),
  },
  /** Breaks the seal of this transfer: it may be started here again. */
  'instance/keep': {params: target.extend({transfer: z.string()}), result: instance},
  /** Makes the complete copy of this transfer the workspace's instance. */
  'instance/accept': {params: target.extend({transfer: z.string()}), result: instance},
  /** Removes the copy of this transfer, unless it was accepted. Answers with state Missing once it is gone. */
  'instance/discard': {params: target.extend({transfer: z.string()}), result: instance},
  /** A byte stream to a TCP port inside the instance. */
  'tunnel/open': {params: target.extend({stream: z.int(), port: z.int()}), result: z.strictObject({})},
} as const;

/** Methods that were added since the first release, with what they came with. */
export const methodFeatures: Partial<Readonly<Record<Method, Feature>>> = {
  'instance/export': 'moves',
  'instance/import': 'moves',
  'instance/keep': 'moves',
  'instance/accept': 'moves',
  'instance/discard': 'moves',
};

/**
 * Methods that change something and are fenced by the epoch. What users ask for inside their own workspaces — commands, tunnels, a restart of a service —
 * is none of them: it is no decision of a controller, and every server may carry it.
 */
export const mutating: ReadonlySet<Method> = new Set<Method>([
  'instance/create',
  'instance/start',
  'instance/stop',
  'instance/unfreeze',
  'instance/rename',
  'instance/delete',
  'instance/restore',
  'instance/limits',
  'instance/authorizedKeys',
  'instance/forwards',
  'repository/clone',
  'repository/fetch',
  'setup/run',
  'services/apply',
  'bundle/put',
  'instance/export',
  'instance/import',
  'instance/keep',
  'instance/accept',
  'instance/discard',
]);

/**
 * Flow control: each side may send `initialCredit` bytes a stream and direction, then as much as `stream/credit` grants.
 * Channels: 0 input, 1 output, 2 error output.
 */
export const initialCredit = 262_144;

/** Bytes that a receiver may hold unread, a stream and direction: it grants the rest at once, to be fast over long ways. */
export const receiveWindow = 1_048_576;

export const notifications = {
  /** Agent to controller: the whole instance as it is now; state Missing when it is gone. */
  'instance/changed': instance,
  /** Agent to controller, every `heartbeatInterval`. */
  heartbeat: nodeFacts,
  /** Both ways. */
  'stream/data': z.strictObject({
    stream: z.int(),
    channel: z.int().min(0).max(2),
    data: z.union([z.string(), z.custom<Uint8Array>(isBytes)]).describe('Base64, where it is JSON.'),
  }),
  'stream/credit': z.strictObject({stream: z.int(), channel: z.int(), bytes: z.int()}),
  /** No more data on this channel. */
  'stream/end': z.strictObject({stream: z.int(), channel: z.int()}),
  /** Agent to controller: the stream is over. */
  'stream/closed': z.strictObject({
    stream: z.int(),
    exitCode: z.int().optional(),
    error: z.string().optional(),
  }),
  /** Controller to agent. */
  'stream/resize': z.strictObject({stream: z.int(), columns: z.int(), rows: z.int()}),
  /** Controller to agent: give up the stream; kills an exec. */
  'stream/abort': z.strictObject({stream: z.int()}),
  /** Relay to agent, before anything that the server sends: the address of the agent's machine at which the connection came in. */
  'relay/arrived': z.strictObject({address: z.union([z.ipv4(), z.ipv6()])}),
} as const;

/** Milliseconds between heartbeats; a node is NotReady after `heartbeatDeadline` without one. */
export const heartbeatInterval = 5000;
export const heartbeatDeadline = 20_000;

export type Method = keyof typeof requests;
export type Params<M extends Method> = z.infer<(typeof requests)[M]['params']>;
export type Result<M extends Method> = z.infer<(typeof requests)[M]['result']>;
export type NotificationMethod = keyof typeof notifications;
export type Notification<N extends NotificationMethod> = z.infer<(typeof notifications)[N]>;
export type NodeFacts = z.infer<typeof nodeFacts>;

function isBytes(value: unknown): boolean {
  return value instanceof Uint8Array;
}
