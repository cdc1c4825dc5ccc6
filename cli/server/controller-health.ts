import type {ControllerHealth} from '../../api/server/app-options.ts';
import type {Standing} from '../../api/storage/term.ts';
import type {Caches} from '../../controller/caches.ts';
import type {Leadership} from './leadership.ts';

/** A server that does not lead is as well as one that does: it serves all the same. Without caches it is neither. */
export function controllerHealth({
  leadership,
  caches,
  standing,
}: {
  readonly leadership: Pick<Leadership, 'acts'>;
  readonly caches: Pick<Caches, 'hasSynced'>;
  readonly standing: Standing | undefined;
}): ControllerHealth {
  if (!caches.hasSynced()) {
    return {status: 'starting', message: 'its caches are not filled yet'};
  }

  if (standing === undefined) {
    return leadership.acts() ? {status: 'ok'} : {status: 'starting', message: 'it does not act yet'};
  }

  const {leading, leader} = standing;
  if (leading) {
    return {status: 'ok', role: 'leader'};
  }

  return leader === undefined
    ? {status: 'ok', role: 'follower', message: 'nobody leads at present'}
    : {status: 'ok', role: 'follower', leader};
}
