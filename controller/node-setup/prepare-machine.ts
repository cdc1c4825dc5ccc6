import type {PreparedNode, SetupTarget} from '../../api/node-setup/node-setup.ts';
import type {AgentInstaller} from '../agent-client/agent-installer.ts';
import type {SshSession} from '../agent-client/ssh-session.ts';
import type {BaseImage, MachineAgentOptions} from './machine-agent.ts';
import {sendImage, setUpBackend} from './machine-agent.ts';
import {checkClock, checkDisk, checkProviders, checkShell} from './machine-checks.ts';
import type {MachineReport} from './machine-report.ts';
import type {OpenLoginOptions} from './open-login.ts';
import {openLogin} from './open-login.ts';
import {probeMachine} from './probe-machine.ts';

export type PrepareMachineOptions = OpenLoginOptions & {
  readonly installer: AgentInstaller;
  readonly installation: string;
  readonly image: () => Promise<BaseImage | undefined>;
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
  await setUp({session, command, clock, signal}, report, options);

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

async function setUp(
  machine: MachineAgentOptions,
  {architecture}: MachineReport,
  options: PrepareMachineOptions,
): Promise<void> {
  const {steps, installation} = options;
  const image = await options.image();
  const fitting = image?.architecture === architecture ? image : undefined;
  const backend = await steps.take('Backend', tell =>
    setUpBackend(machine, {installation, image: fitting}, tell),
  );
  await steps.take('Image', async tell => {
    if (fitting === undefined) {
      return {
        outcome: 'warning',
        message:
          image === undefined
            ? 'the server has no image nexus/base to send'
            : `the server's image nexus/base is for ${image.architecture}, the machine is ${architecture}`,
        cure: [
          image === undefined
            ? "Bake it on the server's machine with hack/build-image, then run this again."
            : 'Bake it on a machine of that kind with hack/build-image, and import it there: nexus agent setup --image FILE',
        ],
        value: undefined,
      };
    }
    if (backend.image.present) {
      return {outcome: 'ok', message: 'nexus/base is there', value: undefined};
    }
    return await sendImage(machine, {image: fitting, received: backend.image.received}, tell);
  });
}
