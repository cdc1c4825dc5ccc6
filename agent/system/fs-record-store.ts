import {mkdir, readdir, readFile, rm} from 'node:fs/promises';
import {join} from 'node:path';
import type {Logger} from '../../api/effects/logger.ts';
import type {InstanceRecord} from '../instances/instance-record.ts';
import {instanceRecord} from '../instances/instance-record.ts';
import type {RecordStore} from '../instances/record-store.ts';
import {writeFileAtomically} from './atomic-file.ts';

/** A JSON file for each instance, for its owner's eyes only. */
export async function openFsRecordStore({folder, log}: {folder: string; log: Logger}): Promise<RecordStore> {
  await mkdir(folder, {recursive: true, mode: 0o700});
  const pathOf = (uid: string) => join(folder, `${encodeURIComponent(uid)}.json`);

  const read = async (name: string): Promise<InstanceRecord | undefined> => {
    try {
      return instanceRecord.parse(JSON.parse(await readFile(join(folder, name), 'utf8')));
    } catch (error) {
      log.error({error, name}, 'a record of an instance can not be read; the server will declare it anew');
      return undefined;
    }
  };

  return {
    async load() {
      const names = (await readdir(folder)).filter(name => name.endsWith('.json'));
      const records = await Promise.all(names.map(read));
      return records.filter(record => record !== undefined);
    },
    save: record => writeFileAtomically(pathOf(record.uid), `${JSON.stringify(record)}\n`),
    remove: uid => rm(pathOf(uid), {force: true}),
  };
}
