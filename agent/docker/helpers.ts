import {randomUUID} from 'node:crypto';
import {z} from 'zod';
import type {ExecProcess} from '../driver.ts';
import {DriverError, isDriverError} from '../driver.ts';
import {baseImage} from '../instance-name.ts';
import type {Client} from './client.ts';
import {startExec} from './exec.ts';
import type {Images} from './images.ts';
import {labels} from './labels.ts';
import type {Mount} from './layers.ts';
import type {Names} from './names.ts';

/** A container of ours for a while, which is no workspace. Removed when it is disposed of, with all that runs in it. */
export type Helper = AsyncDisposable & {
  /** As its root. */
  run(command: readonly string[], signal: AbortSignal): Promise<ExecProcess>;
};

export type Helpers = {
  /** `mounts` is given the labels for whatever it makes; that is removed with the helper. */
  open(
    mounts: (labels: Readonly<Record<string, string>>) => Promise<readonly Mount[]>,
    signal: AbortSignal,
  ): Promise<Helper>;
  /** Removes those that were left behind by an agent that has died. */
  sweep(): Promise<void>;
};

export type HelpersOptions = {
  readonly client: Client;
  readonly names: Names;
  readonly installation: string;
  readonly images: Images;
};

const created = z.object({Id: z.string()});
const labelled = z.record(z.string(), z.string()).nullable();
const listed = z.array(z.object({Id: z.string(), Labels: labelled}));
const volumes = z.object({Volumes: z.array(z.object({Name: z.string(), Labels: labelled})).nullable()});

/** Bytes; what is in it may have any number of names and links. */
const memory = 2 ** 29;

/** What writing files of all owners needs; a workspace has more. */
const capabilities = ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'FSETID', 'SETFCAP'];

export function createHelpers({client, names, installation, images}: HelpersOptions): Helpers {
  /** Values of the label of those in use. */
  const busy = new Set<string>();
  const filters = (more: string) => JSON.stringify({label: [`${labels.installation}=${installation}`, more]});

  const removeAll = async (isMeant: (helper: string) => boolean, label: string = labels.helper) => {
    const meant = ({Labels}: {Labels: z.infer<typeof labelled>}) => isMeant(Labels?.[labels.helper] ?? '');
    const containers = await client.ask('GET', '/containers/json', listed, {
      query: {all: 'true', filters: filters(label)},
    });
    for (const {Id} of containers.filter(meant)) {
      await unlessAbsent(
        client.call('DELETE', `/containers/${Id}`, {query: {force: 'true'}, unlimited: true}),
      );
    }
    const found = await client.ask('GET', '/volumes', volumes, {query: {filters: filters(label)}});
    for (const {Name} of (found.Volumes ?? []).filter(meant)) {
      await unlessAbsent(client.call('DELETE', `/volumes/${Name}`));
    }
  };

  const request = (mounts: readonly Mount[], own: Readonly<Record<string, string>>) => ({
    Image: names.tag(baseImage),
    User: 'root',
    Entrypoint: ['/bin/sleep', 'infinity'],
    Cmd: [],
    WorkingDir: '/',
    Healthcheck: {Test: ['NONE']},
    Labels: own,
    HostConfig: {
      NetworkMode: 'none',
      ReadonlyRootfs: true,
      CapDrop: ['ALL'],
      CapAdd: capabilities,
      SecurityOpt: ['no-new-privileges'],
      Memory: memory,
      MemorySwap: memory,
      PidsLimit: 64,
      LogConfig: {Type: 'none'},
      Mounts: mounts,
    },
  });

  return {
    sweep: async () => await removeAll(helper => !busy.has(helper)),

    async open(mounts, signal) {
      if (!(await images.present(baseImage))) {
        const message = `moving needs the image ${baseImage}; run on the node: nexus agent setup --image FILE`;
        throw new DriverError('ImageNotFound', message);
      }
      const helper = randomUUID();
      const own = {[labels.installation]: installation, [labels.helper]: helper};
      busy.add(helper);
      const remove = async () => {
        try {
          await removeAll(each => each === helper, `${labels.helper}=${helper}`);
        } finally {
          busy.delete(helper);
        }
      };
      try {
        const body = request(await mounts(own), own);
        const {Id} = await client.ask('POST', '/containers/create', created, {body, signal, unlimited: true});
        await client.call('POST', `/containers/${Id}/start`, {signal, unlimited: true});
        const account = {name: 'root', uid: 0, gid: 0, home: '/'};
        return {
          run: async (command, running) =>
            await startExec({client, container: Id, account}, {command, user: 'root', signal: running}),
          [Symbol.asyncDispose]: remove,
        };
      } catch (error) {
        await remove().catch(() => {});
        throw error;
      }
    },
  };
}

/** Whatever comes of it: what stays is left to the next sweep. */
export async function closeHelper(helper: Helper): Promise<void> {
  try {
    await helper[Symbol.asyncDispose]();
  } catch {
    // The daemon does not answer.
  }
}

/** Also one that is being removed already, or is in use by what is: the next sweep finds it if it stays. */
async function unlessAbsent(removal: Promise<void>): Promise<void> {
  await removal.catch((error: unknown) => {
    if (!isDriverError(error, 'NotFound') && !isDriverError(error, 'NotPermittedNow')) throw error;
  });
}
