import type {Stored} from '../../api/v1alpha1/kinds.ts';
import type {AgentInstaller} from '../agent-client/agent-installer.ts';
import {createSshRunner} from '../agent-client/ssh-runner.ts';
import {complaintOf} from './complaint.ts';
import {machineScript} from './machine-script.ts';
import type {OpenLoginOptions} from './open-login.ts';
import {openLogin} from './open-login.ts';
import {probeMachine} from './probe-machine.ts';
import {StepError} from './steps.ts';
import {targetOf} from './test-node.ts';

export type PurgeMachineOptions = OpenLoginOptions & {readonly installer: AgentInstaller};

/** Milliseconds. Every instance is stopped and removed. */
const purgeTimeout = 600_000;
const scriptTimeout = 30_000;

/** Takes everything away that a setup has put there; the key last, since all else needs it. Safe to repeat. Throws StepError. */
export async function purgeMachine(node: Stored<'Node'>, options: PurgeMachineOptions): Promise<void> {
  const {steps, installer, clock, signal} = options;
  const target = targetOf(node);
  const {session} = await openLogin(target, options);
  await using _ = session;
  const run = createSshRunner(session, clock);
  await steps.take('Backend', async tell => {
    // Tells first of an account that runs no programs.
    await probeMachine(session, options);
    const {command} = await installer.install(session, {
      progress: (done, total) => tell('the agent is needed for that', {done, total}),
      signal,
    });
    const result = await run([...command, 'agent', 'purge'], {
      onErrorLine: line => tell(line),
      silence: purgeTimeout,
      signal,
    });
    if (result.code !== 0) {
      throw new StepError('BackendFailed', complaintOf(result), {
        cure: [
          'Remove it by hand there: nexus agent purge, or the project, storage pool and bridge nexus-… of the backend.',
        ],
      });
    }
    return {
      outcome: 'changed',
      message: 'workspaces, images, project, storage pool and bridge are gone',
      value: undefined,
    };
  });
  await steps.take('Program', async () => {
    await installer.uninstall(session, signal);
    const result = await run(machineScript('remove-home'), {silence: scriptTimeout, signal});
    if (result.code !== 0) {
      throw new StepError('AgentFailed', `not all of the agent's files are gone: ${complaintOf(result)}`, {
        cure: ['Remove ~/.nexus there by hand.'],
      });
    }
    return {outcome: 'changed', message: 'the agent is gone', value: undefined};
  });
  await steps.take('Key', async () => {
    const {publicKey} = await options.identity(target.identityFile, signal);
    const result = await run(machineScript('revoke-key', publicKey), {
      silence: scriptTimeout,
      signal,
    });
    if (result.code !== 0) {
      throw new StepError('LoginRefused', `the server's key is still there: ${complaintOf(result)}`, {
        cure: [`Take it out of ~${target.user}/.ssh/authorized_keys by hand: ${publicKey}`],
      });
    }
    const outcome = result.stdout.startsWith('removed') ? 'changed' : 'ok';
    return {outcome, message: `the server's key is not in authorized_keys`, value: undefined};
  });
}
