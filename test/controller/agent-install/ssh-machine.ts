import {mkdtemp, readFile, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {systemClock} from '../../../api/effects/clock.ts';
import type {SshSession} from '../../../controller/agent-client/ssh-session.ts';
import {openSshSession} from '../../../controller/agent-client/ssh-session.ts';
import type {Machine} from '../../../controller/agent-install/machine.ts';
import {createMachine} from '../../../controller/agent-install/machine.ts';
import type {SshServer} from '../../fakes/ssh-server.ts';
import {startSshServer} from '../../fakes/ssh-server.ts';

/** A real sshd whose sessions have a `NEXUS_HOME` of their own and no Node.js on their PATH. */
export type SshMachine = AsyncDisposable & {
  readonly server: SshServer;
  /** `NEXUS_HOME` there. */
  readonly home: string;
  open(): Promise<SshSession & {readonly machine: Machine}>;
};

/** `path`: a folder below its home that is first on the PATH. */
export async function startSshMachine({path = ''}: {readonly path?: string} = {}): Promise<SshMachine> {
  const home = await mkdtemp(join(tmpdir(), 'nexus-machine-'));
  const server = await startSshServer({
    config: [`SetEnv NEXUS_HOME=${home} PATH=${path === '' ? '' : `${home}/${path}:`}/usr/bin:/bin`],
  });
  return {
    server,
    home,
    async open() {
      const session = await openSshSession(
        {
          host: '127.0.0.1',
          port: server.port,
          user: server.user,
          hostKey: server.hostKey,
          login: {privateKey: await readFile(server.identityFile)},
        },
        new AbortController().signal,
      );
      return {...session, machine: createMachine(session, systemClock)};
    },
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await rm(home, {recursive: true, force: true});
    },
  };
}
