import {z} from 'zod';
import {DriverError, isDriverError} from '../driver.ts';
import {canonicalName, uidOfCanonicalName} from '../instance-name.ts';
import type {Client} from './client.ts';
import {marks} from './instance-config.ts';
import type {RawInstance} from './observe.ts';
import {isOwned, rawInstance} from './observe.ts';

export type Found = {readonly raw: RawInstance; readonly etag: string | undefined};

export type Survey = {readonly owned: readonly RawInstance[]; readonly addresses: readonly string[]};

/** Looks at what is ours in the project, and remembers which names were seen with which uid. */
export type Instances = {
  list(signal?: AbortSignal): Promise<readonly RawInstance[]>;
  /** As `list`, with the addresses that instances of all projects have on this bridge. */
  survey(bridge: string, signal?: AbortSignal): Promise<Survey>;
  find(uid: string, signal?: AbortSignal): Promise<Found | undefined>;
  /** As `find`; throws NotFound. */
  need(uid: string, signal?: AbortSignal): Promise<Found>;
  /** Of a name, as far as it was ever seen or is canonical. */
  uidOf(name: string): string | undefined;
};

export type InstancesOptions = {
  readonly client: Client;
  readonly project: string;
  readonly installation: string;
};

export function createInstances({client, project, installation}: InstancesOptions): Instances {
  /** Only names that are not canonical: of instances that were renamed by hand. */
  let renamed: ReadonlyMap<string, string> = new Map();

  function ours(listed: readonly RawInstance[]): readonly RawInstance[] {
    const owned = listed.filter(raw => isOwned(raw, installation));
    renamed = new Map(
      owned.flatMap(({name, config}) => {
        const uid = config[marks.uid] ?? '';
        return name === canonicalName(uid) ? [] : [[name, uid] as const];
      }),
    );
    return owned;
  }

  async function list(signal?: AbortSignal): Promise<readonly RawInstance[]> {
    const query = {project, recursion: '1'};
    return ours(await client.get('/1.0/instances', z.array(rawInstance), {query, signal}));
  }

  async function survey(bridge: string, signal?: AbortSignal): Promise<Survey> {
    const query = {'all-projects': 'true', recursion: '1'};
    const listed = await client.get('/1.0/instances', z.array(rawInstance), {query, signal});
    return {
      owned: ours(listed.filter(raw => raw.project === project)),
      addresses: listed
        .flatMap(({devices}) => Object.values(devices))
        .flatMap(device => (device.network === bridge ? (device['ipv4.address'] ?? []) : [])),
    };
  }

  async function at(name: string, signal?: AbortSignal): Promise<Found | undefined> {
    try {
      const path = `/1.0/instances/${encodeURIComponent(name)}`;
      const {metadata, etag} = await client.call('GET', path, {query: {project}, signal});
      return {raw: rawInstance.parse(metadata), etag};
    } catch (error) {
      if (isDriverError(error, 'NotFound')) return undefined;
      throw error;
    }
  }

  async function find(uid: string, signal?: AbortSignal): Promise<Found | undefined> {
    const isThis = (raw: RawInstance) => isOwned(raw, installation) && raw.config[marks.uid] === uid;
    const canonical = await at(canonicalName(uid), signal);
    if (canonical !== undefined && isThis(canonical.raw)) return canonical;

    // Absent, renamed, or renamed and its name taken by another.
    const other = (await list(signal)).find(isThis);
    return other === undefined ? undefined : await at(other.name, signal);
  }

  return {
    list,
    survey,
    find,

    async need(uid, signal) {
      const found = await find(uid, signal);
      if (found === undefined)
        throw new DriverError('NotFound', `there is no instance ${canonicalName(uid)}`);
      return found;
    },

    uidOf: name => uidOfCanonicalName(name) ?? renamed.get(name),
  };
}
