import type {Stored} from '../../api/v1alpha1/kinds.ts';
import {apiVersion} from '../../api/v1alpha1/metadata.ts';
import {workspace} from '../../api/v1alpha1/workspace.ts';
import type {RawInstance} from './raw-instances.ts';
import type {Setting} from './setting.ts';
import {login} from './ssh-login.ts';
import {percentile} from './statistics.ts';

/** As small as {@link limits} of raw instances. */
const resources = {cpus: 1, memory: '512MiB', disk: '2GiB'};

/** Declares a workspace over the API and answers with it as it was accepted. */
export async function declare(
  {nexus}: Setting,
  name: string,
  spec: object = {},
): Promise<Stored<'Workspace'>> {
  return await nexus.client().create(
    'Workspace',
    workspace.parse({
      apiVersion,
      kind: 'Workspace',
      metadata: {name},
      spec: {owner: 'admin', resources, ...spec},
    }),
  );
}

/** The first state of it that `holds`, as pushed by the server; undefined for one that is gone. */
export async function until<T>(
  {nexus}: Setting,
  {metadata}: Stored<'Workspace'>,
  holds: (workspace: Stored<'Workspace'> | undefined) => T | undefined,
): Promise<T> {
  const ended = new AbortController();
  try {
    const events = nexus.client().watch('Workspace', {
      fieldSelector: `metadata.name=${metadata.name}`,
      resourceVersion: String(Number(metadata.resourceVersion) - 1),
      signal: AbortSignal.any([ended.signal, AbortSignal.timeout(60_000)]),
    });
    for await (const event of events) {
      const found =
        event.type === 'BOOKMARK' ? undefined : holds(event.type === 'DELETED' ? undefined : event.object);
      if (found !== undefined) {
        return found;
      }
    }
  } finally {
    ended.abort();
  }

  throw new Error(`the watch of ${metadata.name} has ended`);
}

export async function untilReady(
  setting: Setting,
  declared: Stored<'Workspace'>,
): Promise<Stored<'Workspace'>> {
  return await until(setting, declared, workspace =>
    workspace?.status?.conditions?.some(({type, status}) => type === 'Ready' && status === 'True')
      ? workspace
      : undefined,
  );
}

/** In milliseconds since the request was sent; from `creating` to `started`, begin and end of the backend's operations by its own clock. */
export type Stages = Readonly<
  Record<'accepted' | 'port' | 'creating' | 'created' | 'starting' | 'started' | 'login', number>
>;

/** From the API request to the login through the node port, which is tried as soon as it is known. */
export async function timeWorkspaceLogin(
  setting: Setting,
  name: string,
): Promise<{declared: Stored<'Workspace'>; times: Stages}> {
  const sent = Date.now();
  const begin = performance.now();
  const declared = await declare(setting, name);
  const accepted = performance.now() - begin;
  const ssh = await until(setting, declared, workspace => {
    const {host, port: sshPort, hostKey} = workspace?.status?.ssh ?? {};
    return host === undefined || sshPort === undefined ? undefined : {host, port: sshPort, hostKey};
  });
  const port = performance.now() - begin;
  await using _session = await login({
    host: ssh.host,
    port: ssh.port,
    privateKey: setting.key.privateKey,
    hostKey: ssh.hostKey,
  });
  const end = performance.now() - begin;
  const told = (what: string) =>
    (setting.events.seen(`nexus-${declared.metadata.uid}`, [what])?.at ?? Number.NaN) - sent;
  const times = {
    accepted,
    port,
    creating: told('Creating instance'),
    created: told('Creating instance: ended'),
    starting: told('Starting instance'),
    started: told('Starting instance: ended'),
    login: end,
  };
  return {declared, times};
}

/** The median of each stage. */
export function medianStages<S extends string>(
  all: readonly Readonly<Record<S, number>>[],
  prefix = '',
): Record<string, number> {
  const names = new Set(all.flatMap(times => Object.keys(times) as S[]));
  return Object.fromEntries(
    [...names].map(name => [
      `${prefix}${name}`,
      percentile(
        all.map(times => times[name]),
        0.5,
      ),
    ]),
  );
}

/** In milliseconds since the first request: when its operations had ended. */
export type RawStages = Readonly<Record<'created' | 'started' | 'login', number>>;

/** From the first request to the backend to the login at the instance's own address. */
export async function timeRawLogin({raw, key}: Setting): Promise<{instance: RawInstance; times: RawStages}> {
  const instance = raw.plan();
  const begin = performance.now();
  await raw.create(instance);
  const created = performance.now() - begin;
  await raw.start(instance);
  const started = performance.now() - begin;
  await using _session = await login({
    host: instance.address,
    port: 22,
    privateKey: key.privateKey,
    hostKey: instance.hostKey,
  });
  return {instance, times: {created, started, login: performance.now() - begin}};
}

/** Takes a workspace away and waits until it is gone. */
export async function removeWorkspace(setting: Setting, declared: Stored<'Workspace'>): Promise<void> {
  await setting.nexus.client().delete('Workspace', declared.metadata.name);
  await until(setting, declared, workspace => workspace === undefined || undefined);
}
