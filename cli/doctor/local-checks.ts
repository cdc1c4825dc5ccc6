import {stat} from 'node:fs/promises';
import {sshFingerprint} from '../../api/v1alpha1/ssh-fingerprint.ts';
import {readSettings} from '../settings.ts';
import {runProgram} from '../spawned.ts';
import {findIdentity, readPublicKey} from '../ssh/identity.ts';
import type {Check, Finding} from './check.ts';

/** What must be right on the machine of the command line. */
export const localChecks: readonly Check[] = [
  {
    name: 'Node.js',
    // The entry has refused anything older.
    run: async () => ({state: 'ok', message: `${process.versions.node} (${process.execPath})`}),
  },
  {
    name: 'home',
    async run({home}) {
      let mode: number;
      try {
        ({mode} = await stat(home));
      } catch {
        return {
          state: 'warning',
          message: `${home} does not exist yet`,
          cure: 'nexus server, nexus ssh setup or hack/up make it.',
        };
      }

      return (mode & 0o077) === 0
        ? {state: 'ok', message: `${home}, closed to others`}
        : {state: 'bad', message: `${home} is open to other users`, cure: `chmod 700 ${home}`};
    },
  },
  {
    name: 'settings',
    async run({home}) {
      await readSettings(home);
      return {state: 'ok', message: 'valid'};
    },
  },
  programCheck('git', ['--version']),
  programCheck('ssh', ['-V']),
  {
    name: 'ssh key',
    async run(cli) {
      const identity = await findIdentity(cli);
      if (identity === undefined) {
        return {
          state: 'warning',
          message: 'none of its own: ssh tries what it has',
          cure: 'Make one and register it: nexus ssh setup',
        };
      }

      const {mode} = await stat(identity);
      if ((mode & 0o077) !== 0) {
        return {state: 'bad', message: `others can read ${identity}`, cure: `chmod 600 ${identity}`};
      }

      return {state: 'ok', message: `${identity} ${sshFingerprint(await readPublicKey(identity)) ?? ''}`};
    },
  },
];

function programCheck(program: string, args: readonly string[]): Check {
  return {
    name: program,
    async run({env, signal}): Promise<Finding> {
      const {stdout, stderr} = await runProgram(program, args, {env, signal, timeout: 10_000});
      return {state: 'ok', message: (stdout || stderr).trim().split('\n')[0] ?? ''};
    },
  };
}
