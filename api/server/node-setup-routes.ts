import {isDeepStrictEqual} from 'node:util';
import type {z} from 'zod';
import {purgeNodeRequest, setupEvent, setupNodeRequest} from '../node-setup/messages.ts';
import type {PreparedNode, SetupTarget} from '../node-setup/node-setup.ts';
import {isStorageError, StorageError} from '../storage/storage-error.ts';
import type {Stored} from '../v1alpha1/kinds.ts';
import {apiVersion, resourceName} from '../v1alpha1/metadata.ts';
import {nodeSpec} from '../v1alpha1/node.ts';
import {sshFingerprint} from '../v1alpha1/ssh-fingerprint.ts';
import {parseWith} from '../v1alpha1/validate.ts';
import type {CallerStorage} from './authorized-storage.ts';
import {checkNodeEmpty} from './node-emptiness.ts';
import {isConfidential} from './peer.ts';
import {RequestError} from './request-error.ts';
import {answers} from './rest-responses.ts';
import type {Route} from './route.ts';
import {defineRoute} from './route.ts';
import type {RouteContext} from './route-context.ts';
import {linesType, setupStream} from './setup-stream.ts';

/** Of changing a node whose spec others change, too. */
const attempts = 5;

const lines = {
  description: 'How it comes along, a JSON object a line; `ended` tells whether all went well.',
  contentType: linesType,
  schema: setupEvent,
};

/** What takes a while on machines, told step by step. */
export function nodeSetupRoutes({authorized, audit, nodeSetup}: RouteContext): Route[] {
  const common = {method: 'post', tag: 'nodes', access: 'admin', streaming: true} as const;
  return [
    defineRoute({
      ...common,
      path: '/api/v1/nodes/{name}/setup',
      operationId: 'setUpNode',
      summary: 'Make a node of a machine that is reached by ssh',
      description:
        'Checks it, installs what is missing, and declares the node; again, it repairs. A step that fails ends it, and nothing is declared. A password is taken on loopback and over TLS only.',
      body: {schema: setupNodeRequest},
      responses: answers(200, lines, 400, 401, 403, 413, 415),
      async handle({caller, requestId, params: {name = ''}, body, raw, signal}) {
        parseWith(resourceName, name, 'The name of the node');
        if (body.password !== undefined && !isConfidential(raw)) {
          throw new RequestError('BadRequest', 'A password would cross the network in the clear', {
            hint: 'Ask over TLS, or on the machine of the server.',
          });
        }

        const storage = authorized.as(caller, requestId);
        const existing = await find(storage, name);
        const target = targetOf(name, body, existing);
        const stream = setupStream(async report => {
          const prepared = await nodeSetup.prepare(target, {report, signal});
          if (prepared === undefined) {
            return;
          }

          const node = await declare(storage, {name, labels: body.labels, prepared});
          const before = existing?.spec.hostKey;
          if (before !== undefined && before !== prepared.hostKey) {
            await audit.record({
              object: node,
              reason: 'HostKeyReplaced',
              message: `${caller.name} agreed to another host key: ${sshFingerprint(prepared.hostKey)} in place of ${sshFingerprint(before)}`,
              actor: caller.name,
              requestId,
            });
          }

          await nodeSetup.awaitReady(node, {report, signal});
        }, signal);
        return {status: 200, stream, contentType: linesType};
      },
    }),
    defineRoute({
      ...common,
      path: '/api/v1/nodes/{name}/test',
      operationId: 'testNode',
      summary: 'Check a node step by step',
      description: 'Changes nothing.',
      responses: answers(200, lines, 401, 403, 404),
      async handle({caller, requestId, params: {name = ''}, signal}) {
        const node = await authorized.as(caller, requestId).get('Node', name);
        const stream = setupStream(async report => {
          await nodeSetup.test(node, {report, signal});
        }, signal);
        return {status: 200, stream, contentType: linesType};
      },
    }),
    defineRoute({
      ...common,
      path: '/api/v1/nodes/{name}/purge',
      operationId: 'purgeNode',
      summary: 'Remove a node, and everything of Nexus from its machine',
      description:
        'Refused while workspaces are on it, and, unless forced, while the machine keeps anything of deleted ones.',
      body: {schema: purgeNodeRequest, absent: {}},
      responses: answers(200, lines, 400, 401, 403, 404, 409),
      async handle({caller, requestId, params: {name = ''}, body: {force}, signal}) {
        const storage = authorized.as(caller, requestId);
        const {spec} = await storage.get('Node', name);
        if (spec.local) {
          throw new RequestError('BadRequest', `Node "${name}" is the machine of the server itself`, {
            hint: 'hack/down --purge takes everything away from it.',
          });
        }

        await checkNodeEmpty(storage, name);
        checkNothingKept(name, force ? [] : await nodeSetup.instancesOn(name));
        // Nothing new comes to be there from now on; what came in between is found by a second look.
        const node = await change(storage, name, before => ({...before, unschedulable: true}));
        await checkNodeEmpty(storage, name);
        await storage.delete('Node', name);
        const stream = setupStream(async report => {
          await nodeSetup.purge(node, {report, signal});
        }, signal);
        return {status: 200, stream, contentType: linesType};
      },
    }),
  ];
}

function targetOf(
  name: string,
  request: z.infer<typeof setupNodeRequest>,
  existing: Stored<'Node'> | undefined,
): SetupTarget {
  const {spec} = existing ?? {};
  if (spec?.local === true) {
    throw new RequestError('BadRequest', `Node "${name}" is the machine of the server itself`, {
      hint: 'hack/up sets it up. Choose another name for another machine.',
    });
  }

  const address = request.address ?? spec?.address;
  if (address === undefined) {
    throw new RequestError('BadRequest', `There is no node "${name}", and no address is given`);
  }

  const {host_key: accepted, replace_host_key: replaceHostKey, password} = request;
  const identityFile = request.identity_file ?? spec?.identityFile;
  return {
    name,
    address,
    user: request.user ?? spec?.user ?? 'root',
    port: request.port ?? spec?.port ?? 22,
    replaceHostKey,
    ...(identityFile === undefined ? {} : {identityFile}),
    ...(spec?.hostKey === undefined ? {} : {pinned: spec.hostKey}),
    ...(accepted === undefined ? {} : {accepted}),
    ...(password === undefined ? {} : {password}),
  };
}

type Declaration = {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>> | undefined;
  readonly prepared: PreparedNode;
};

/** The node as the machine turned out to be; what an admin has said besides stays. */
async function declare(
  storage: CallerStorage,
  {name, labels, prepared}: Declaration,
): Promise<Stored<'Node'>> {
  const existing = await find(storage, name);
  if (existing === undefined) {
    return await storage.create('Node', {
      apiVersion,
      kind: 'Node',
      metadata: {name, ...(labels === undefined ? {} : {labels})},
      spec: nodeSpec.parse(prepared),
    });
  }

  return await change(storage, name, spec => ({...spec, ...prepared}), labels);
}

async function change(
  storage: CallerStorage,
  name: string,
  next: (spec: Stored<'Node'>['spec']) => Stored<'Node'>['spec'],
  labels: Readonly<Record<string, string>> = {},
): Promise<Stored<'Node'>> {
  for (let attempt = 1; ; attempt += 1) {
    const node = await storage.get('Node', name);
    const changed = {
      ...node,
      metadata: {...node.metadata, labels: {...node.metadata.labels, ...labels}},
      spec: next(node.spec),
    };
    if (isDeepStrictEqual(changed.spec, node.spec) && Object.keys(labels).length === 0) {
      return node;
    }

    try {
      return await storage.update('Node', changed);
    } catch (error) {
      if (!isStorageError(error, 'Conflict') || attempt === attempts) {
        throw error;
      }
    }
  }
}

async function find(storage: CallerStorage, name: string): Promise<Stored<'Node'> | undefined> {
  try {
    return await storage.get('Node', name);
  } catch (error) {
    if (isStorageError(error, 'NotFound')) {
      return undefined;
    }

    throw error;
  }
}

/** Undefined: nobody knows. */
function checkNothingKept(name: string, instances: readonly string[] | undefined): void {
  if (instances === undefined) {
    throw new StorageError(
      'Conflict',
      `The agent of node "${name}" is not heard, so what it keeps of deleted workspaces is not known: use force to take it away unseen`,
    );
  }

  if (instances.length > 0) {
    throw new StorageError(
      'Conflict',
      `Node "${name}" keeps ${instances.length} instances of deleted workspaces, with unsaved work or not yet collected: ${instances.slice(0, 10).join(', ')}. \`nexus workspace undelete\` gives them back; force destroys them`,
    );
  }
}
