import type {SetupTarget} from '../../api/node-setup/node-setup.ts';
import type {SshSession} from '../agent-client/ssh-session.ts';
import type {LogInOptions} from './log-in.ts';
import {logIn} from './log-in.ts';
import {checkHostKey, reachPort, resolveName} from './reach.ts';
import type {Steps} from './steps.ts';

export type OpenedLogin = {
  /** The caller disposes of it. */
  readonly session: SshSession;
  /** What the host has shown, and somebody has agreed to. */
  readonly hostKey: string;
};

export type OpenLoginOptions = Pick<LogInOptions, 'clock' | 'signal'> & {
  readonly steps: Steps;
  readonly identity: (file: string | undefined, signal: AbortSignal) => Promise<LogInOptions['identity']>;
};

/** The steps from a name to an open account. Throws StepError. */
export async function openLogin(
  target: SetupTarget,
  {steps, identity, clock, signal}: OpenLoginOptions,
): Promise<OpenedLogin> {
  const {name, address, user, port, password, identityFile} = target;
  await steps.take('Name', () => resolveName(address));
  await steps.take('Reach', () => reachPort({address, port}, signal));
  const hostKey = await steps.take('HostKey', () => checkHostKey(target, signal));
  const session = await steps.take('Login', async tell =>
    logIn(
      {
        name,
        target: {host: address, port, user, hostKey},
        identity: await identity(identityFile, signal),
        password,
        clock,
        signal,
      },
      tell,
    ),
  );
  return {session, hostKey};
}
