import type {StorageFaults} from './faulty-storage.ts';
import {noStorageFaults} from './faulty-storage.ts';
import type {SeededRandom} from './seeded-random.ts';
import type {Conditions} from './simulated-network.ts';
import {goodConditions} from './simulated-network.ts';
import type {NodeFaults, SimulatedNode} from './simulated-node.ts';
import {noNodeFaults} from './simulated-node.ts';
import type {World} from './world.ts';

/** How bad things are, drawn anew for each run: some runs are bad in one way, some in all. */
export type Climate = {
  readonly storage: StorageFaults;
  readonly node: NodeFaults;
  readonly network: Conditions;
  /** Probabilities that the next thing to happen is of this kind. */
  readonly hand: number;
  readonly outage: number;
};

export function drawClimate(random: SeededRandom): Climate {
  const some = (most: number) => (random.chance(0.4) ? random.fraction() * most : 0);
  // One or the other: the controller counts what it is told, and a change that came twice would make up for one that never came.
  const loses = random.chance(0.5);
  return {
    storage: {
      dieBefore: some(0.02),
      dieAfter: some(0.02),
      fail: some(0.1),
      loseAnswer: some(0.05),
      lag: some(0.8),
      longestLag: random.between(10, 5000),
      breakWatch: some(0.05),
    },
    node: {
      fail: some(0.2),
      loseAnswer: some(0.1),
      die: some(0.01),
      loseEvent: some(0.8),
      failInside: some(0.4),
    },
    network: {
      delay: {least: 0, most: random.between(1, 300)},
      lose: some(0.1),
      vanish: loses ? some(0.1) : 0,
      double: loses ? 0 : some(0.2),
      reorder: loses ? 0 : some(0.2),
      partitioned: false,
    },
    hand: some(0.5),
    outage: some(0.5),
  };
}

export function applyClimate(world: World, climate: Climate): void {
  world.storageFaults = climate.storage;
  for (const node of world.nodes) {
    node.faults = climate.node;
    world.network.setConditions(node.name, climate.network);
  }
}

/** Something breaks, or is mended. */
export function strike(world: World, climate: Climate, random: SeededRandom): void {
  const node = random.pickAny(world.nodes);
  if (node === undefined) {
    return;
  }

  const say = (text: string) => world.trace.add(`misfortune: ${text}`);
  switch (
    random.pick([
      'kill agent',
      'reboot',
      'backend',
      'partition',
      'partition',
      'cut',
      'kill server',
      'second server',
      'port',
      'store',
    ])
  ) {
    case 'kill agent':
      say(`${node.name}'s agent is killed`);
      node.killAgent();
      break;
    case 'reboot':
      say(`${node.name} reboots`);
      node.powerOff();
      break;
    case 'backend': {
      const {backend} = node.driver;
      backend.down = !backend.down;
      say(`the backend of ${node.name} is ${backend.down ? 'down' : 'up'}`);
      if (!backend.down) {
        backend.tell(undefined);
      }

      break;
    }
    case 'partition': {
      const partitioned = random.chance(0.5);
      say(`${node.name} is ${partitioned ? 'cut off' : 'reachable'}`);
      world.network.setConditions(node.name, {...climate.network, partitioned});
      break;
    }
    case 'cut':
      say(`connections to ${node.name} break`);
      world.network.cut(node.name);
      break;
    case 'kill server':
      say('the server is killed');
      for (const {process} of world.servers) {
        process.kill();
      }

      break;
    case 'second server':
      say('a second server starts');
      world.startServer();
      break;
    case 'port':
      node.foreignPorts.add(random.pick([2222, 2223, 2224, 23_000, 23_001]));
      break;
    case 'store':
      void world.storage.compact();
      break;
  }
}

/** What systemd and people with a console do in time: dead things are started again. */
export async function revive(world: World, random: SeededRandom): Promise<void> {
  for (const node of world.nodes) {
    if (!node.agentAlive && random.chance(0.3)) {
      await node.startAgent();
    }
  }

  if (world.server === undefined && random.chance(0.5)) {
    world.startServer();
  } else if (world.servers.length > 1 && random.chance(0.1)) {
    world.servers[0]?.process.kill();
  }
}

/** Everything works from now on, and one server is there. */
export async function calm(world: World): Promise<void> {
  world.trace.add('calm');
  world.storageFaults = noStorageFaults;
  for (const node of world.nodes) {
    node.faults = noNodeFaults;
    world.network.setConditions(node.name, goodConditions);
    mendBackend(node);
    if (!node.agentAlive) {
      await node.startAgent();
    }
  }

  for (const {process} of world.servers.slice(0, -1)) {
    process.kill();
  }

  if (world.server === undefined) {
    world.startServer();
  }
}

function mendBackend(node: SimulatedNode): void {
  const {backend} = node.driver;
  if (backend.down) {
    backend.down = false;
    backend.tell(undefined);
  }
}
