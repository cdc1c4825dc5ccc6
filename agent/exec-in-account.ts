import type {Account} from './account.ts';
import type {ExecOptions} from './driver.ts';

export const loginPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** What a login of the account has in its environment, and what the command is given besides. */
export function environmentOf(
  account: Account,
  {env, tty}: Pick<ExecOptions, 'env' | 'tty'>,
): Record<string, string> {
  return {
    PATH: loginPath,
    HOME: account.home,
    USER: account.name,
    LOGNAME: account.name,
    ...(tty === undefined ? {} : {TERM: tty.term}),
    ...env,
  };
}

const runIn = 'cd -- "$1" || exit 1; shift; command -v "$1" >/dev/null || exit 127; exec "$@"';

/** For backends that run a command in / when its folder is not there: a shell goes to the folder, or says that it can't, and is replaced by the command. */
export function commandIn(directory: string, command: readonly string[]): string[] {
  return ['/bin/sh', '-c', runIn, 'nexus', directory, ...command];
}
