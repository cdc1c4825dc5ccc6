import {timestampAt} from '../../api/effects/clock.ts';
import type {SetupTarget} from '../../api/node-setup/node-setup.ts';
import {age} from '../../api/v1alpha1/age.ts';
import type {Stored} from '../../api/v1alpha1/kinds.ts';
import type {NodeViews} from '../agent-client/agents.ts';
import {checkClock, checkDisk, checkProviders, checkShell} from './machine-checks.ts';
import type {OpenLoginOptions} from './open-login.ts';
import {openLogin} from './open-login.ts';
import {probeMachine} from './probe-machine.ts';
import type {Verdict} from './steps.ts';
import {StepError} from './steps.ts';

export type TestNodeOptions = OpenLoginOptions & {
  readonly agents: NodeViews;
};

/** Milliseconds that a node which is being connected to is given. */
const patience = 10_000;
const interval = 100;

/** Looks at everything that can be looked at; what fails keeps nothing else from being looked at that does not need it. */
export async function testNode(node: Stored<'Node'>, options: TestNodeOptions): Promise<void> {
  const {steps} = options;
  if (!node.spec.local) {
    try {
      await testMachine(targetOf(node), options);
    } catch (error) {
      if (!(error instanceof StepError)) {
        throw error;
      }
    }
  }
  await steps.look('Agent', () => checkAgent(node, options));
  await steps.look('Backend', async () => checkBackends(node, options));
}

async function testMachine(target: SetupTarget, options: TestNodeOptions): Promise<void> {
  const {steps} = options;
  const {session} = await openLogin(target, options);
  await using _ = session;
  const probed = await steps.take('Shell', async () => {
    const found = await probeMachine(session, options);
    return {...checkShell(found.before, found.report), value: found};
  });
  await steps.look('Disk', async () => checkDisk(probed.report));
  await steps.look('Clock', async () => checkClock(probed.report, probed.reading));
  await steps.look('Provider', async () => checkProviders(probed.report));
}

async function checkAgent(
  {metadata: {name}, spec}: Stored<'Node'>,
  {agents, clock, signal}: TestNodeOptions,
): Promise<Verdict<undefined>> {
  const until = clock.now() + patience;
  let view = await agents.view(name);
  while (view?.connected !== true && clock.now() < until) {
    await clock.sleep(interval, signal);
    view = await agents.view(name);
  }
  const {heardAt} = view ?? {};
  const heard =
    heardAt === undefined
      ? 'it was never heard by this server'
      : `it was last heard ${age(timestampAt(heardAt), clock.now())} ago`;
  if (view?.connected !== true) {
    throw new StepError(
      'AgentFailed',
      `the agent does not answer: ${view?.lastError ?? 'connecting'}; ${heard}`,
      {
        cure: spec.local
          ? ['On the machine of the server: nexus agent status']
          : [
              `nexus node add ${name} ${spec.address} puts right what is missing there. Its log there: ~/.nexus/agent/agent.log`,
            ],
      },
    );
  }
  return {
    outcome: 'ok',
    message: `the agent ${view.facts?.agentVersion ?? ''} answers; ${heard}`,
    value: undefined,
  };
}

async function checkBackends(
  {metadata: {name}, spec}: Stored<'Node'>,
  {agents}: TestNodeOptions,
): Promise<Verdict<undefined>> {
  const view = await agents.view(name);
  const found = (view?.facts?.providers ?? []).filter(
    provider => spec.providers?.includes(provider.name) !== false,
  );
  const texts = found.map(({backend, version, ready, message}) =>
    ready ? `${backend} ${version}` : `${backend}: ${message ?? 'not ready'}`,
  );
  if (found.some(({ready}) => ready)) {
    return {
      outcome: found.every(({ready}) => ready) ? 'ok' : 'warning',
      message: `ready for workspaces: ${texts.join(', ')}`,
      value: undefined,
    };
  }
  throw new StepError(
    'BackendFailed',
    texts.length === 0
      ? `nothing is known of ${spec.providers?.join(' and ') ?? 'any backend'} there`
      : `nothing there can run workspaces: ${texts.join('; ')}`,
    {
      cure: [
        spec.local
          ? 'On the machine of the server: nexus doctor'
          : `nexus node add ${name} ${spec.address} puts right what is missing there.`,
      ],
    },
  );
}

export function targetOf({metadata: {name}, spec}: Stored<'Node'>): SetupTarget {
  const {address, user, port, hostKey, identityFile} = spec;
  return {
    name,
    address,
    user,
    port,
    replaceHostKey: false,
    ...(hostKey === undefined ? {} : {pinned: hostKey}),
    ...(identityFile === undefined ? {} : {identityFile}),
  };
}
