import {DriverError} from './driver.ts';

/** A login of an instance, as its /etc/passwd has it. */
export type Account = {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
};

/** Throws DriverError NotFound for a name that the file lacks. */
export function accountIn(passwd: string, name: string): Account {
  const line = passwd.split('\n').find(each => each.startsWith(`${name}:`));
  const [, , uid, gid, , home] = line?.split(':') ?? [];
  if (uid === undefined || gid === undefined || home === undefined) {
    throw new DriverError('NotFound', `the instance has no user "${name}"`);
  }

  return {name, uid: Number(uid), gid: Number(gid), home};
}
