import {randomUUID} from 'node:crypto';
import {chmod, mkdir, readdir, readFile, rename, rm, stat} from 'node:fs/promises';
import {join} from 'node:path';
import {z} from 'zod';
import type {Logger} from '../../api/effects/logger.ts';
import {DriverError} from '../driver.ts';
import {canonicalName} from '../instance-name.ts';
import {writeFileAtomically} from '../system/atomic-file.ts';
import type {MachineRecord} from './machine-record.ts';
import {machineRecord} from './machine-record.ts';
import {machineFiles} from './paths.ts';

/** A machine as it is on disk. */
export type Machine = {
  /** Of its folder. */
  readonly name: string;
  readonly folder: string;
  readonly record: MachineRecord;
};

/** The folders of machines: one each, which is there whole or not at all. Only those of this installation are seen. */
export type MachineFolders = {
  list(): Promise<readonly Machine[]>;
  find(uid: string): Promise<Machine | undefined>;
  /** As `find`; throws NotFound. */
  need(uid: string): Promise<Machine>;
  /** Throws NotPermittedNow when somebody else's folder has the name. */
  add(uid: string, fill: (folder: string) => Promise<MachineRecord>): Promise<Machine>;
  /** Replaces its record. */
  change(uid: string, change: (record: MachineRecord) => MachineRecord): Promise<Machine>;
  rename(machine: Machine): Promise<void>;
  /** A folder for what is there for a while only. */
  scratch(): Promise<{readonly folder: string; remove(): Promise<void>}>;
  /** Removes what is left of a creation, a removal or anything else that was cut off with the agent. */
  sweep(): Promise<void>;
  remove(machine: Machine): Promise<void>;
};

export type MachineFoldersOptions = {
  readonly folder: string;
  readonly installation: string;
  readonly log: Logger;
};

/** Prefixes of what is being made or removed, and of what a crash has left of that. */
const half = '.half-';

export function createMachineFolders({folder, installation, log}: MachineFoldersOptions): MachineFolders {
  async function read(name: string): Promise<Machine | undefined> {
    const path = join(folder, name);
    try {
      const text = await readFile(join(path, machineFiles.record), 'utf8');
      const record = machineRecord.parse(JSON.parse(text));
      if (record.installation !== installation) return undefined;

      const isOriginal = name === canonicalName(record.uid) || record.inode === (await inodeOf(path));
      return isOriginal ? {name, folder: path, record} : undefined;
    } catch (error) {
      if (isMissing(error)) return undefined;
      if (error instanceof SyntaxError || error instanceof z.ZodError) {
        log.warn({name, error}, 'the record of a machine can not be read');
        return undefined;
      }
      throw wrapped(error, `${path} can't be read`);
    }
  }

  async function list(): Promise<readonly Machine[]> {
    const names = await readdir(folder).catch(error => {
      if (isMissing(error)) return [];
      throw wrapped(error, `${folder} can't be read`);
    });
    const machines = await Promise.all(names.filter(name => !name.startsWith('.')).map(read));
    return machines.filter(machine => machine !== undefined);
  }

  async function find(uid: string): Promise<Machine | undefined> {
    const canonical = await read(canonicalName(uid));
    if (canonical?.record.uid === uid) return canonical;

    return (await list()).find(({record}) => record.uid === uid);
  }

  async function need(uid: string): Promise<Machine> {
    const machine = await find(uid);
    if (machine === undefined) throw new DriverError('NotFound', `there is no machine ${canonicalName(uid)}`);
    return machine;
  }

  /** Names, without prefix, of what is being made here now. */
  const busy = new Set<string>();

  /** What is left of a creation or a deletion that was cut off. */
  async function sweep(name: string): Promise<void> {
    await rm(join(folder, `${half}${name}`), {recursive: true, force: true});
  }

  /** As `sweep`; what can't be removed stays for the next one. */
  async function trySweep(name: string): Promise<void> {
    await sweep(name).catch(error => log.warn({error, name}, 'what is left of a machine can not be removed'));
  }

  return {
    list,
    find,
    need,

    async add(uid, fill) {
      const name = canonicalName(uid);
      const path = join(folder, name);
      busy.add(name);
      try {
        if (await stat(path).catch(() => undefined)) {
          throw new DriverError(
            'NotPermittedNow',
            `${path} is there, and is no machine of this installation`,
          );
        }
        await sweep(name);
        const making = join(folder, `${half}${name}`);
        await mkdir(making, {recursive: true, mode: 0o700});
        const record = await fill(making);
        const whole = {...record, inode: await inodeOf(making)};
        await writeFileAtomically(join(making, machineFiles.record), `${JSON.stringify(whole)}\n`);
        await rename(making, path);
        return {name, folder: path, record: whole};
      } catch (error) {
        await sweep(name).catch(() => {});
        throw wrapped(error, `${path} can't be made`);
      } finally {
        busy.delete(name);
      }
    },

    async scratch() {
      const name = randomUUID();
      const path = join(folder, `${half}${name}`);
      busy.add(name);
      try {
        await mkdir(path, {mode: 0o700});
      } catch (error) {
        busy.delete(name);
        throw wrapped(error, `${path} can't be made`);
      }
      return {
        folder: path,
        async remove() {
          busy.delete(name);
          await trySweep(name);
        },
      };
    },

    async sweep() {
      const names = await readdir(folder).catch(() => []);
      const left = names.filter(name => name.startsWith(half)).map(name => name.slice(half.length));
      await Promise.all(left.filter(name => !busy.has(name)).map(trySweep));
    },

    async change(uid, change) {
      const machine = await need(uid);
      const record = change(machine.record);
      try {
        await writeFileAtomically(join(machine.folder, machineFiles.record), `${JSON.stringify(record)}\n`);
      } catch (error) {
        throw wrapped(error, `the record of ${machine.name} can't be written`);
      }
      return {...machine, record};
    },

    async rename(machine) {
      const name = canonicalName(machine.record.uid);
      try {
        await rename(machine.folder, join(folder, name));
      } catch (error) {
        throw new DriverError('NotPermittedNow', `${machine.name} can't be renamed to ${name}`, {
          cause: error,
        });
      }
    },

    async remove(machine) {
      try {
        await sweep(machine.name);
        await rename(machine.folder, join(folder, `${half}${machine.name}`));
        await sweep(machine.name);
      } catch (error) {
        if (isMissing(error)) return;
        throw wrapped(error, `${machine.folder} can't be removed`);
      }
    },
  };
}

/** Makes a folder that only its owner may enter. */
export async function makePrivateFolder(path: string): Promise<void> {
  await mkdir(path, {recursive: true, mode: 0o700});
  await chmod(path, 0o700);
}

async function inodeOf(folder: string): Promise<string> {
  const {dev, ino} = await stat(join(folder, machineFiles.disk));
  return `${dev}:${ino}`;
}

export function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
}

const codes: Readonly<Record<string, DriverError['code']>> = {
  ENOSPC: 'NoSpace',
  EDQUOT: 'NoSpace',
  EACCES: 'PermissionDenied',
  EPERM: 'PermissionDenied',
  EROFS: 'PermissionDenied',
};

/** A fault of the file system, as the driver throws it. */
export function wrapped(error: unknown, what: string): DriverError {
  if (error instanceof DriverError) return error;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const reason = error instanceof Error ? error.message : String(error);
  return new DriverError(codes[code] ?? 'Internal', `${what}: ${reason}`, {cause: error});
}
