import {z} from 'zod';
import {DriverError} from '../driver.ts';
import type {Client} from './client.ts';
import type {Daemon} from './daemon.ts';
import {subvolumeOf} from './daemon.ts';

/** As Docker takes it with a container's creation. */
export type Mount = {
  readonly Type: 'bind' | 'volume';
  /** A folder of the node, or a volume. */
  readonly Source: string;
  readonly Target: string;
  readonly ReadOnly: boolean;
};

/** Where another container sees all files of one that does not run. */
export type Layers = {
  /** To be read, with what is in its volumes, below `target`. `labels` are those of the volume that this may take, to be removed by whoever called. */
  view(
    container: string,
    options: {readonly target: string; readonly labels: Readonly<Record<string, string>>},
  ): Promise<readonly Mount[]>;
  /** To be written, of one that was made of an image without files. */
  own(container: string, target: string): Promise<Mount>;
};

const inspected = z.object({
  GraphDriver: z.object({Name: z.string(), Data: z.record(z.string(), z.string()).nullish()}),
  Mounts: z.array(z.object({Type: z.string(), Name: z.string().optional(), Destination: z.string()})),
});
const volume = z.object({Name: z.string()});

export type LayersOptions = {
  readonly client: Client;
  readonly daemon: () => Promise<Daemon>;
};

/**
 * Docker's own ways of copying files out of a container leave out extended attributes and fill holes, so its storage is asked: on btrfs a subvolume, on
 * overlay2 folders that are laid over each other.
 */
export function createLayers({client, daemon}: LayersOptions): Layers {
  const inspect = async (container: string) =>
    await client.ask('GET', `/containers/${container}/json`, inspected);

  const subvolume = async (container: string): Promise<string> => {
    try {
      return await subvolumeOf(await daemon(), container);
    } catch (error) {
      if (error instanceof DriverError) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      throw new DriverError(
        'PermissionDenied',
        `the files of a container can't be found; on btrfs that needs an agent that runs as root: ${reason}`,
        {cause: error},
      );
    }
  };

  const folders = ({GraphDriver: {Name, Data}}: z.infer<typeof inspected>) => {
    const {UpperDir: upper, LowerDir: lower} = Data ?? {};
    if (Name !== 'overlay2' || upper === undefined || lower === undefined) {
      throw new DriverError(
        'Internal',
        `containers on Docker's storage ${Name} can't be moved; btrfs and overlay2 can`,
      );
    }
    return {upper, lower};
  };

  return {
    async view(container, {target, labels}) {
      const found = await inspect(container);
      const below = found.Mounts.flatMap(({Type, Name, Destination}) =>
        Type === 'volume' && Name !== undefined
          ? [{Type, Source: Name, Target: `${target}${Destination}`, ReadOnly: true} as const]
          : [],
      );
      if (found.GraphDriver.Name === 'btrfs') {
        const Source = await subvolume(container);
        return [{Type: 'bind', Source, Target: target, ReadOnly: true}, ...below];
      }

      const {upper, lower} = folders(found);
      const {Name} = await client.ask('POST', '/volumes/create', volume, {
        body: {
          Driver: 'local',
          DriverOpts: {type: 'overlay', device: 'overlay', o: `lowerdir=${upper}:${lower}`},
          Labels: labels,
        },
      });
      return [{Type: 'volume', Source: Name, Target: target, ReadOnly: true}, ...below];
    },

    async own(container, target) {
      const found = await inspect(container);
      // Below it is nothing but what Docker itself puts into each container.
      const Source = found.GraphDriver.Name === 'btrfs' ? await subvolume(container) : folders(found).upper;
      return {Type: 'bind', Source, Target: target, ReadOnly: false};
    },
  };
}
