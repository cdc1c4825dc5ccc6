import {DriverError} from '../driver.ts';
import {marks} from './instance-config.ts';
import type {RawInstance} from './observe.ts';

/** A login of an instance, as its /etc/passwd has it. */
export type Account = {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
};

const root: Account = {name: 'root', uid: 0, gid: 0, home: '/root'};

/** Of the logins that every instance of ours has, without looking inside. */
export function knownAccount(name: string, {config}: Pick<RawInstance, 'config'>): Account | undefined {
  if (name === 'root') return root;
  if (name !== 'dev') return undefined;

  // Of an image of our own: hack/build-image.
  const [uid = 1000, gid = 1000] = (config[marks.provisioned] || '1000:1000').split(':').map(Number);
  return {name, uid, gid, home: '/home/dev'};
}

export function accountIn(passwd: string, name: string): Account {
  const line = passwd.split('\n').find(each => each.startsWith(`${name}:`));
  const [, , uid, gid, , home] = line?.split(':') ?? [];
  if (uid === undefined || gid === undefined || home === undefined) {
    throw new DriverError('NotFound', `the instance has no user "${name}"`);
  }

  return {name, uid: Number(uid), gid: Number(gid), home};
}
