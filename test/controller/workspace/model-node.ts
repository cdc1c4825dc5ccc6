import {Readable, Writable} from 'node:stream';
import {AgentError} from '../../../api/agent/v1alpha1/agent-error.ts';
import type {FailureCode, Instance, OperationKind} from '../../../api/agent/v1alpha1/instance.ts';
import type {Method, NodeFacts, Params} from '../../../api/agent/v1alpha1/messages.ts';
import {requests} from '../../../api/agent/v1alpha1/messages.ts';
import type {Clock} from '../../../api/effects/clock.ts';
import {timestampAt} from '../../../api/effects/clock.ts';
import type {Agents, NodeView} from '../../../controller/agent-client/agents.ts';
import {authorizedKeysHash} from '../../../controller/workspace/hashes.ts';
import {nodeFactsAt, runningInstance} from '../../fakes/instances.ts';

export type Call = {readonly method: string; readonly uid: string | undefined};

/** One node, modelled: it answers as an agent does, and long operations take as long as the test says. */
export type ModelNode = {
  readonly agents: Agents;
  /** All requests that change something, in order. */
  readonly calls: Call[];
  readonly instances: Map<string, Instance>;
  readonly bundles: Set<string>;
  /** Milliseconds that operations take; 50 at first. `Infinity`: they hang. */
  operationTime: number;
  /** Whether services are healthy once applied. */
  healthy: boolean;
  /** Node ports that another program holds. */
  readonly portsInUse: Set<number>;
  /** Errors of the next operations of a kind, in order. */
  readonly failures: Map<OperationKind, FailureCode[]>;
  /** Errors of the next requests of a method, in order. */
  readonly refusals: Map<string, AgentError[]>;
  /** Methods that answer and do nothing. */
  readonly stubborn: Set<string>;
  connected: boolean;
  synced: boolean;
  /** By hand, behind the controller's back. */
  change(uid: string, changes: Partial<Instance> | undefined): void;
  /** Something about the node itself changed. */
  announce(): void;
};

export function createModelNode(name: string, clock: Pick<Clock, 'now' | 'schedule'>): ModelNode {
  const listeners = new Set<Parameters<Agents['onChange']>[0]>();
  const instances = new Map<string, Instance>();
  let heardAt = clock.now();

  const facts = (): NodeFacts => nodeFactsAt(timestampAt(clock.now()), {portsInUse: [...model.portsInUse]});
  const tell = (uid?: string) => {
    heardAt = clock.now();
    for (const listener of listeners) {
      listener(uid === undefined ? {node: name} : {node: name, uid});
    }
  };
  const put = (uid: string, changes: Partial<Instance> | undefined, isTold = true) => {
    const before = instances.get(uid);
    if (changes === undefined) {
      instances.delete(uid);
    } else {
      const base = before ?? runningInstance(uid, {state: 'Missing', sshReady: false});
      instances.set(uid, {...base, ...changes, observedAt: timestampAt(clock.now())});
    }

    if (isTold) {
      tell(uid);
    }
  };
  const drop = (uid: string, ...keys: (keyof Instance)[]) => {
    const copy = {...instances.get(uid)};
    for (const key of keys) {
      delete copy[key];
    }

    instances.set(uid, runningInstance(uid, {state: 'Missing', ...copy}));
  };
  const isThere = (uid: string) => {
    const state = instances.get(uid)?.state;
    return state !== undefined && state !== 'Missing';
  };

  const begin = (
    uid: string,
    kind: OperationKind,
    {meanwhile = {}, finish}: {meanwhile?: Partial<Instance>; finish: () => void},
  ): Instance => {
    const running = instances.get(uid)?.operation;
    if (running !== undefined && running.kind !== kind && kind !== 'Stop' && kind !== 'Delete') {
      throw new AgentError('NotPermittedNow', `${running.kind} runs`);
    }

    const startedAt = timestampAt(clock.now());
    if (running?.kind !== kind) {
      put(uid, {...meanwhile, operation: {kind, startedAt}}, false);
      const operation = instances.get(uid)?.operation;
      const failure = model.failures.get(kind)?.shift();
      if (Number.isFinite(model.operationTime)) {
        clock.schedule(model.operationTime, () => {
          if (instances.get(uid)?.operation !== operation) {
            return;
          }

          drop(uid, 'operation');
          if (failure === undefined) {
            drop(uid, 'lastError');
            finish();
          } else {
            const at = timestampAt(clock.now());
            const gone: Partial<Instance> = kind === 'Create' ? {state: 'Missing'} : {};
            const lastError = {operation: kind, code: failure, message: `${kind} failed on purpose`, at};
            put(uid, {...gone, lastError}, false);
          }

          put(uid, instances.has(uid) ? {} : undefined);
        });
      }
    }

    return instances.get(uid) ?? runningInstance(uid, {state: 'Missing'});
  };

  const exists = (uid: string): Instance => {
    const instance = instances.get(uid);
    if (instance === undefined || instance.state === 'Missing') {
      throw new AgentError('NotFound', `there is no instance ${uid}`);
    }

    return instance;
  };
  const running = (uid: string) => {
    if (exists(uid).state !== 'Running') {
      throw new AgentError('NotPermittedNow', 'it does not run');
    }
  };

  const handlers: {[M in Method]?: (params: Params<M>) => Instance | {present: boolean}} = {
    'bundle/has': ({digest}) => ({present: model.bundles.has(digest)}),
    'instance/create': spec => {
      const {uid} = spec;
      if (isThere(uid)) {
        return exists(uid);
      }

      return begin(uid, 'Create', {
        meanwhile: {state: 'Creating', sshReady: false, specHash: spec.specHash},
        finish: () =>
          put(
            uid,
            {
              state: 'Stopped',
              hostKey: 'ssh-ed25519 AAAAhost',
              address: '10.0.0.2',
              limits: {...spec.limits},
              authorizedKeysHash: authorizedKeysHash(spec.authorizedKeys),
            },
            false,
          ),
      });
    },
    'instance/start': ({uid}) => {
      exists(uid);
      return begin(uid, 'Start', {
        finish: () => {
          put(uid, {state: 'Running', sshReady: true, startedAt: timestampAt(clock.now())}, false);
        },
      });
    },
    'instance/stop': ({uid}) => {
      exists(uid);
      return begin(uid, 'Stop', {finish: () => put(uid, {state: 'Stopped', sshReady: false}, false)});
    },
    'instance/unfreeze': ({uid}) =>
      begin(uid, 'Unfreeze', {finish: () => put(uid, {state: 'Running', sshReady: true}, false)}),
    'instance/rename': ({uid}) =>
      begin(uid, 'Rename', {finish: () => put(uid, {name: `nexus-${uid}`}, false)}),
    'instance/restore': ({uid}) => {
      drop(uid, 'retired');
      return exists(uid);
    },
    'instance/delete': ({uid, mode, retention}) => {
      if (!isThere(uid)) {
        instances.delete(uid);
        return runningInstance(uid, {state: 'Missing'});
      }

      return begin(uid, 'Delete', {
        finish() {
          const instance = instances.get(uid);
          if (mode === 'ifSaved' && instance?.repository?.unsaved === true) {
            const until = timestampAt(clock.now() + retention);
            put(uid, {state: 'Stopped', forwards: [], retired: {at: timestampAt(clock.now()), until}}, false);
          } else {
            instances.delete(uid);
          }
        },
      });
    },
    'instance/limits': ({uid, limits}) => {
      put(uid, {limits}, false);
      return exists(uid);
    },
    'instance/authorizedKeys': ({uid, keys}) => {
      put(uid, {authorizedKeysHash: authorizedKeysHash(keys)}, false);
      return exists(uid);
    },
    'instance/forwards': ({uid, forwards}) => {
      const isHeld = (port: number) => model.portsInUse.has(port);
      const states = forwards.map(forward =>
        isHeld(forward.nodePort)
          ? {...forward, state: 'Failed' as const, inUse: true, message: 'address in use'}
          : {...forward, state: 'Listening' as const},
      );
      put(uid, {forwards: states}, false);
      return instances.get(uid) ?? exists(uid);
    },
    'repository/clone': ({uid, repository}) => {
      running(uid);
      return begin(uid, 'Clone', {
        finish: () => {
          const at = timestampAt(clock.now());
          const bundle = repository.bundle?.commit;
          const commit = bundle ?? 'a'.repeat(40);
          put(
            uid,
            {
              repository: {
                commit,
                branch: repository.branch ?? 'main',
                ...(bundle !== undefined && {bundleCommit: bundle}),
                clonedAt: at,
                observedAt: at,
                configuration: {
                  files: ['.nexus'],
                  nexusConfig: 'services: {site: {command: "npx serve", port: 8080}}\n',
                },
              },
            },
            false,
          );
        },
      });
    },
    'repository/fetch': ({uid, repository}) => {
      running(uid);
      return begin(uid, 'Fetch', {
        finish: () => {
          const present = instances.get(uid)?.repository;
          const commit = repository.bundle?.commit;
          if (present !== undefined && commit !== undefined) {
            put(uid, {repository: {...present, commit, bundleCommit: commit}}, false);
          }
        },
      });
    },
    'setup/run': ({uid, hash}) => {
      running(uid);
      const failed = model.failures.get('Setup')?.[0] !== undefined;
      return begin(uid, 'Setup', {
        meanwhile: {setup: failed ? {hash, state: 'Failed', exitCode: 1} : {hash, state: 'Running', step: 0}},
        finish: () => put(uid, {setup: {hash, state: 'Succeeded'}}, false),
      });
    },
    'services/apply': ({uid, hash, services}) => {
      running(uid);
      const at = timestampAt(clock.now());
      put(
        uid,
        {
          servicesHash: hash,
          services: services.map(service => ({
            name: service.name,
            state: model.healthy ? ('Healthy' as const) : ('Starting' as const),
            health: model.healthy ? ('Healthy' as const) : ('Unknown' as const),
            restarts: 0,
            since: at,
            observedAt: at,
          })),
        },
        false,
      );
      return exists(uid);
    },
  };

  const view = (): NodeView => ({
    connected: model.connected,
    heardAt: model.connected ? clock.now() : heardAt,
    facts: facts(),
    providers: new Map([
      ['lxc', {readyAt: model.connected ? clock.now() : (heardAt ?? 0), told: model.connected}],
    ]),
    synced: model.synced,
    instances,
    ...(!model.connected && {lastError: 'connection refused'}),
  });

  const model: ModelNode = {
    calls: [],
    instances,
    bundles: new Set(),
    operationTime: 50,
    healthy: true,
    portsInUse: new Set(),
    failures: new Map(),
    refusals: new Map(),
    stubborn: new Set(),
    connected: true,
    synced: true,
    change: put,
    announce: () => tell(),
    agents: {
      ensure() {},
      async forget() {},
      view: asked => (asked === name ? view() : undefined),
      async request(node, method, params) {
        if (node !== name || !model.connected) {
          throw new AgentError('Disconnected', `${node} is not connected`);
        }

        // The one boundary where the types of a method's parameters and result are joined again.
        const handler = handlers[method] as ((params: unknown) => unknown) | undefined;
        if (handler === undefined) {
          throw new AgentError('Unsupported', method);
        }

        const uid = 'uid' in params && typeof params.uid === 'string' ? params.uid : undefined;
        model.calls.push({method, uid});
        const refusal = model.refusals.get(method)?.shift();
        if (refusal !== undefined) {
          throw refusal;
        }

        requests[method].params.parse(params);
        const answer = model.stubborn.has(method) ? exists(uid ?? '') : handler(params);
        if (uid !== undefined) {
          tell(uid);
        }

        return answer as never;
      },
      async open(_node, method, params) {
        model.calls.push({method, uid: undefined});
        const chunks: Buffer[] = [];
        const finished = Promise.withResolvers<Record<string, never>>();
        const input = new Writable({
          write(chunk, _encoding, callback) {
            chunks.push(chunk);
            callback();
          },
          final(callback) {
            if ('digest' in params && typeof params.digest === 'string') {
              model.bundles.add(params.digest);
            }

            finished.resolve({});
            callback();
          },
        });
        return {
          input,
          output: Readable.from([]),
          errorOutput: Readable.from([]),
          finished: finished.promise,
          resize() {},
          abort() {},
        };
      },
      onChange(listener) {
        listeners.add(listener);
        return {[Symbol.dispose]: () => void listeners.delete(listener)};
      },
      async [Symbol.asyncDispose]() {},
    },
  };
  return model;
}
