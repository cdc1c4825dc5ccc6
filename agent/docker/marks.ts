import {mkdir, readFile, rm} from 'node:fs/promises';
import {join} from 'node:path';
import {z} from 'zod';
import {DriverError} from '../driver.ts';
import {writeFileAtomically} from '../system/atomic-file.ts';

const schema = z.object({
  /** Docker's id of the container that carries this uid: a copy, labels and all, has another. */
  container: z.string(),
  /** Bytes; once the limit of its creation has been changed. */
  disk: z.number().optional(),
  retired: z.object({at: z.string(), until: z.string()}).optional(),
  provisioned: z.boolean().optional(),
  /** Those that were put in place last, once others than at its creation. */
  authorizedKeys: z.string().optional(),
});

/** What is known of a container beyond its labels, which can't be changed. */
export type Marks = z.infer<typeof schema>;

export type MarksStore = {
  read(uid: string): Promise<Marks | undefined>;
  /** One after the other for each uid. */
  change(uid: string, container: string, change: (marks: Marks) => Marks): Promise<void>;
  forget(uid: string): Promise<void>;
  forgetAll(): Promise<void>;
};

/** In a folder of this machine, a file for each uid. One that can't be read is as one that is not there. */
export function createMarks(folder: string): MarksStore {
  const files = join(folder, 'marks');
  const pathOf = (uid: string) => join(files, `${encodeURIComponent(uid)}.json`);
  const queues = new Map<string, Promise<unknown>>();

  const read = async (uid: string): Promise<Marks | undefined> => {
    try {
      const parsed = schema.safeParse(JSON.parse(await readFile(pathOf(uid), 'utf8')));
      return parsed.success ? parsed.data : undefined;
    } catch {
      return undefined;
    }
  };

  const write = async (uid: string, marks: Marks): Promise<void> => {
    try {
      await mkdir(files, {recursive: true, mode: 0o700});
      await writeFileAtomically(pathOf(uid), JSON.stringify(marks));
    } catch (error) {
      const noSpace = error instanceof Error && 'code' in error && error.code === 'ENOSPC';
      throw new DriverError(noSpace ? 'NoSpace' : 'Internal', `marks of ${uid} could not be written`, {
        cause: error,
      });
    }
  };

  return {
    read,

    async change(uid, container, change) {
      const work = (queues.get(uid) ?? Promise.resolve()).then(async () => {
        const known = await read(uid);
        const before = known?.container === container ? known : {container};
        await write(uid, change(before));
      });
      const settled = work.catch(() => {});
      queues.set(uid, settled);
      await work.finally(() => {
        if (queues.get(uid) === settled) queues.delete(uid);
      });
    },

    async forget(uid) {
      await rm(pathOf(uid), {force: true});
    },

    async forgetAll() {
      await rm(files, {recursive: true, force: true});
    },
  };
}
