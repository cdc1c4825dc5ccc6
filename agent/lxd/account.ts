import type {Account} from '../account.ts';
import {marks} from './instance-config.ts';
import type {RawInstance} from './observe.ts';

const root: Account = {name: 'root', uid: 0, gid: 0, home: '/root'};

/** Of the logins that every instance of ours has, without looking inside. */
export function knownAccount(name: string, {config}: Pick<RawInstance, 'config'>): Account | undefined {
  if (name === 'root') return root;
  if (name !== 'dev') return undefined;

  // Of an image of our own: hack/build-image.
  const [uid = 1000, gid = 1000] = (config[marks.provisioned] || '1000:1000').split(':').map(Number);
  return {name, uid, gid, home: '/home/dev'};
}
