import type {PreparedNode, SetupTarget} from '../../api/node-setup/node-setup.ts';
import type {AgentInstaller} from '../agent-client/agent-installer.ts';
import type {SshSession} from '../agent-client/ssh-session.ts';
import type {BaseImages} from './base-images.ts';
import {findImages} from './base-images.ts';
import type {MachineAgentOptions} from './machine-agent.ts';
import {setUpBackend} from './machine-agent.ts';
import {checkClock, checkDisk, checkProviders, checkShell} from './machine-checks.ts';
import type {OpenLoginOptions} from './open-login.ts';
import {openLogin} from './open-login.ts';
import {probeMachine} from './probe-machine.ts';
import {fittingImages, sendImages} from './send-images.ts';

export type PrepareMachineOptions = OpenLoginOptions & {
  readonly installer: AgentInstaller;
  readonly installation: string;
  readonly images: BaseImages;
};

/** All steps from a name to a machine that lacks nothing of a node. Each looks first, and leaves what is there as it is. Throws StepError. */
export async function prepareMachine(
  target: SetupTarget,
  options: PrepareMachineOptions,
): Promise<PreparedNode> {
  const {steps, clock, signal} = options;
  const {session, hostKey} = await openLogin(target, options);
  await using _ = session;
  const {report, reading} = await steps.take('Shell', async () => {
    const probed = await probeMachine(session, options);
    return {...checkShell(probed.before, probed.report), value: probed};
  });
  await steps.take('Disk', async () => checkDisk(report));
  await steps.take('Clock', async () => checkClock(report, reading));
  await steps.take('Provider', async () => checkProviders(report));
  const command = await installAgent(session, options);
  const machine = {session, command, clock, signal};
  const {architecture} = report;
  const images = await findImages(options.images);
  const backend = await steps.take('Backend', tell =>
    setUpBackend(
      machine,
      {installation: options.installation, images: fittingImages(images, architecture)},
      tell,
    ),
  );
  await sendImages(machine, backend, {steps, target, architecture, images});

  const {address, user, port, identityFile} = target;
  return {
    address,
    user,
    port,
    hostKey,
    ...(identityFile === undefined ? {} : {identityFile}),
  };
}

async function installAgent(
  session: SshSession,
  {steps, installer, signal}: PrepareMachineOptions,
): Promise<MachineAgentOptions['command']> {
  return await steps.take('Agent', async tell => {
    const {outcome, version, command} = await installer.install(session, {
      progress: (done, total) => tell('sending the agent', {done, total}),
      signal,
    });
    const texts = {
      Installed: `version ${version} is installed`,
      Upgraded: `upgraded to version ${version}`,
      Current: `version ${version} is there`,
    };
    return {outcome: outcome === 'Current' ? 'ok' : 'changed', message: texts[outcome], value: command};
  });
}
