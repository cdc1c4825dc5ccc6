import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import path from 'node:path';
import Database from 'better-sqlite3';
import {systemClock} from '../../../api/effects/clock.ts';
import {systemRandom} from '../../../api/effects/random.ts';
import {openSqliteStorage} from '../../../api/storage/sqlite/sqlite-storage.ts';
import {apiVersion} from '../../../api/v1alpha1/metadata.ts';
import {workspace} from '../../../api/v1alpha1/workspace.ts';
import type {Figure} from '../figure.ts';
import {ratios, summarise} from '../statistics.ts';
import {typicalStatus} from '../typical-status.ts';

/** Status writes of one workspace after the other, against bare inserts of as many bytes, each as durable as the other. */
export const storeFigure: Figure = {
  name: 'store',
  async measure({quick}) {
    await using stack = new AsyncDisposableStack();
    const folder = await mkdtemp(path.join(tmpdir(), 'nexus-bench-'));
    stack.defer(() => rm(folder, {recursive: true, force: true}));
    const storage = stack.use(
      await openSqliteStorage({
        path: path.join(folder, 'nexus.sqlite'),
        clock: systemClock,
        random: systemRandom,
      }),
    );
    const database = new Database(path.join(folder, 'bare.sqlite'));
    stack.defer(() => void database.close());
    database.pragma('journal_mode = WAL');
    database.pragma('synchronous = FULL');
    database.exec('CREATE TABLE documents (id INTEGER PRIMARY KEY, text TEXT NOT NULL)');
    const insert = database.prepare<[string]>('INSERT INTO documents (text) VALUES (?)');

    const batch = quick ? 200 : 1000;
    const objects = await Promise.all(
      Array.from({length: batch}, (_, index) =>
        storage.create(
          'Workspace',
          workspace.parse({
            apiVersion,
            kind: 'Workspace',
            metadata: {name: `w-${index}`},
            spec: {owner: 'ada'},
          }),
        ),
      ),
    );
    const ours: number[] = [];
    const bare: number[] = [];
    for (let round = 0; round < (quick ? 3 : 9); round += 1) {
      const status = typicalStatus(round);
      const text = JSON.stringify({...objects[0], status});
      let begin = performance.now();
      for (let index = 0; index < batch; index += 1) {
        insert.run(text);
      }
      bare.push(batch / ((performance.now() - begin) / 1000));
      begin = performance.now();
      for (const {metadata, ...object} of objects) {
        const {resourceVersion: _, ...current} = metadata;
        await storage.updateStatus('Workspace', {...object, metadata: current, status});
      }
      ours.push(batch / ((performance.now() - begin) / 1000));
    }

    return [
      {
        what: 'status writes to the store',
        unit: 'per second',
        nexus: summarise(ours),
        reference: {what: 'bare inserts', summary: summarise(bare)},
        ratio: ratios(ours, bare),
      },
    ];
  },
};
