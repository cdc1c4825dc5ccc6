import type {DataSource} from 'typeorm';
import type {Kind} from '../../v1alpha1/kinds.ts';
import {asStored, parseDocument} from '../document.ts';
import type {Revision} from '../storage.ts';
import {revisionEntity} from './entities.ts';

/** A cold read: by TypeORM, past the cache. */
export async function historyOf<K extends Kind>(
  orm: DataSource,
  kind: K,
  name: string,
): Promise<Revision<K>[]> {
  const rows = await orm.getRepository(revisionEntity).find({where: {kind, name}, order: {revision: 'ASC'}});
  return rows.map(({revision, time, type, doc}) => ({
    resourceVersion: String(revision),
    time,
    type,
    object: asStored<K>(parseDocument(doc)),
  }));
}
