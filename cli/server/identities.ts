import {readFile} from 'node:fs/promises';
import type {Identity} from '../../controller/node-setup/log-in.ts';
import {identityOf} from '../../controller/node-setup/log-in.ts';
import {StepError} from '../../controller/node-setup/steps.ts';
import {ensureOwnKey, ownKeyFile} from '../ssh/identity.ts';

export type IdentitiesOptions = {
  readonly home: string;
  /** Of this server; the comment of its key, so that people know whose it is. */
  readonly installation: string;
};

/** The key that the server logs in to nodes with: its own, which is made when there is none, or one in a file. Throws StepError `LoginRefused`. */
export function createIdentities({
  home,
  installation,
}: IdentitiesOptions): (file: string | undefined, signal: AbortSignal) => Promise<Identity> {
  return async (given, signal) => {
    const file = given ?? ownKeyFile(home);
    const {created} =
      given === undefined ? await ensureOwnKey({home, env: process.env, signal}, file) : {created: false};
    let privateKey: Buffer;
    try {
      privateKey = await readFile(file);
    } catch (cause) {
      throw new StepError(
        'LoginRefused',
        `the private key ${file} can not be read on the server's machine: ${cause instanceof Error ? cause.message : String(cause)}`,
        {
          cure: ["--identity names a file on the server's disk; without it the server uses its own key."],
          cause,
        },
      );
    }
    return identityOf(privateKey, {file, comment: `nexus-server-${installation}`, created});
  };
}
