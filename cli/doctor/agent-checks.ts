import {readFile} from 'node:fs/promises';
import {baseImage} from '../../agent/instance-name.ts';
import type {OpenedDriver} from '../../agent/open-drivers.ts';
import {openDrivers} from '../../agent/open-drivers.ts';
import {providerKinds} from '../../agent/provider-kinds.ts';
import type {AgentConfig} from '../../agent/system/agent-home.ts';
import {agentHome, readAgentConfig} from '../../agent/system/agent-home.ts';
import {silentLogger} from '../../api/effects/logger.ts';
import type {Cli} from '../cli.ts';
import type {Check, Finding} from './check.ts';

const setup = 'Make it: nexus agent setup --image FILE (hack/up does all of it)';
/** Share of the storage that must be free. */
const enough = 0.1;

/** What must be right on a machine that workspaces run on, for each backend that it has. Whoever calls disposes of them. */
export type AgentChecks = AsyncDisposable & {readonly checks: readonly Check[]};

export async function openAgentChecks({home, env}: Pick<Cli, 'home' | 'env'>): Promise<AgentChecks> {
  const paths = agentHome(home);
  const installation = await readFile(paths.installationFile, 'utf8').catch(() => undefined);
  if (installation === undefined) {
    return only({state: 'skipped', message: 'this machine is no node of this installation'});
  }

  let config: AgentConfig;
  try {
    config = await readAgentConfig(paths);
  } catch (error) {
    return only({state: 'bad', message: error instanceof Error ? error.message : String(error)});
  }

  const opened = await openDrivers({
    home: paths,
    config,
    installation: installation.trim(),
    env,
    log: silentLogger,
  });
  const there = opened.filter(({driver}) => driver.presence?.present === true);
  const close = async () => {
    await Promise.all(opened.map(({driver}) => driver[Symbol.asyncDispose]()));
  };
  if (there.length === 0) {
    await close();
    return only({
      state: 'bad',
      message: `there is none; looked for: ${providerKinds.map(({title}) => title).join(', ')}`,
      cure: 'Start one: hack/backend start. Where its socket is can be said in $NEXUS_HOME/agent/config.json.',
    });
  }

  return {checks: there.flatMap(checksOf), [Symbol.asyncDispose]: close};
}

function only(finding: Finding): AgentChecks {
  return {
    checks: [{name: 'backend of workspaces', run: async () => finding}],
    async [Symbol.asyncDispose]() {},
  };
}

function checksOf({kind, driver}: OpenedDriver): readonly Check[] {
  return [
    {
      name: `${kind.provider}: backend`,
      async run() {
        const {backend, version, ready, message} = await driver.probeBackend();
        if (!ready) {
          return {state: 'bad', message: message ?? `nothing answers at ${driver.place}`, cure: kind.cure};
        }
        const found = `${backend} ${version} at ${driver.place}`;
        return message === undefined
          ? {state: 'ok', message: found}
          : {state: 'warning', message: `${found}: ${message}`};
      },
    },
    {
      name: `${kind.provider}: ${kind.makes}`,
      async run() {
        const {ready, message} = await driver.probe();
        return ready
          ? {state: 'ok', message: 'present'}
          : {state: 'bad', message: message ?? 'not ready', cure: setup};
      },
    },
    {
      name: `${kind.provider}: image ${baseImage}`,
      async run() {
        return (await driver.imagePresent(baseImage))
          ? {state: 'ok', message: 'present'}
          : {state: 'bad', message: 'missing', cure: setup};
      },
    },
    {
      name: `${kind.provider}: storage`,
      async run() {
        const {capacity, allocatable} = await driver.capacity();
        const free = capacity.disk === 0 ? 0 : allocatable.disk / capacity.disk;
        const message = `${(allocatable.disk / 2 ** 30).toFixed(1)} of ${(capacity.disk / 2 ** 30).toFixed(1)} GiB free`;
        return free >= enough
          ? {state: 'ok', message}
          : {state: 'bad', message, cure: 'Delete workspaces that nobody needs, or enlarge the storage.'};
      },
    },
  ];
}
