import type {NodeFacts} from '../api/agent/v1alpha1/messages.ts';
import {systemClock} from '../api/effects/clock.ts';
import type {Logger} from '../api/effects/logger.ts';
import {systemRandom} from '../api/effects/random.ts';
import type {Agent} from './agent.ts';
import {createAgent} from './agent.ts';
import {createListenAddress} from './forwards/listen-address.ts';
import {createExecGuest} from './guest/exec-guest.ts';
import {generateHostKey} from './instances/host-key.ts';
import {openDrivers} from './open-drivers.ts';
import type {AgentHome} from './system/agent-home.ts';
import {ensureInstallation, readAgentConfig} from './system/agent-home.ts';
import {createFsAddressStore} from './system/fs-address-store.ts';
import {openFsBundleCache} from './system/fs-bundle-cache.ts';
import {createFsEpochStore} from './system/fs-epoch-store.ts';
import {openFsRecordStore} from './system/fs-record-store.ts';
import {raiseKernelLimits} from './system/kernel-limits.ts';
import {createLinuxMachine} from './system/linux-machine.ts';
import {createNetNodePorts} from './system/net-node-ports.ts';
import {connectTcp} from './system/tcp-connect.ts';
import type {ProbeConnect} from './system/tcp-probe.ts';
import {createTcpProbe} from './system/tcp-probe.ts';

export type NodeAgentOptions = {
  readonly home: AgentHome;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly agentVersion: string;
  readonly agentPackage?: NodeFacts['package'];
  readonly log: Logger;
};

/** The agent of this machine, on its real parts. */
export async function createNodeAgent(options: NodeAgentOptions): Promise<Agent> {
  const {home, env, agentVersion, agentPackage, log} = options;
  const config = await readAgentConfig(home);
  const installation = await ensureInstallation(home);
  const listenAddress = await createListenAddress({
    configured: config.listen,
    store: createFsAddressStore(home.addressFile),
  });
  log.info({installation, listen: listenAddress.current(), agentVersion, agentPackage}, 'the agent begins');

  await raiseKernelLimits({log});
  const bundles = await openFsBundleCache(home.bundles);
  const opened = await openDrivers({home, config, installation, env, log});
  const drivers = opened.map(({driver}) => driver);
  const connect: ProbeConnect = async (address, port, how) => {
    for (const {reach} of drivers) {
      const reaching = reach?.(address, port, how.signal);
      if (reaching !== undefined) return await reaching;
    }
    return await connectTcp(address, port, how);
  };
  const agent = await createAgent({
    clock: systemClock,
    random: systemRandom,
    log,
    installation,
    agentVersion,
    ...(agentPackage === undefined ? {} : {agentPackage}),
    drivers,
    createGuest: driverOf => createExecGuest({driverOf, bundles, log}),
    probe: createTcpProbe(connect),
    connect: (address, port, signal) => connect(address, port, {signal}),
    listenAddress,
    ports: createNetNodePorts({address: listenAddress.current, log}),
    records: await openFsRecordStore({folder: home.records, log}),
    epochs: createFsEpochStore(home.epochFile),
    bundles,
    hostKeys: generateHostKey,
    machine: createLinuxMachine({address: listenAddress.current}),
  });
  return {
    accept: agent.accept,
    async [Symbol.asyncDispose]() {
      await agent[Symbol.asyncDispose]();
      await Promise.all(drivers.map(driver => driver[Symbol.asyncDispose]()));
    },
  };
}
