import {startChild} from '../child.ts';
import type {Figure, Row} from '../figure.ts';
import type {FleetCosts} from '../fleet-process.ts';
import {summarise} from '../statistics.ts';

/** What the controller costs with very many workspaces, on simulated nodes. */
export const fleetFigure: Figure = {
  name: 'fleet',
  async measure({quick, say}) {
    const count = quick ? 1000 : 10_000;
    const workspaces = `${count.toLocaleString('en')} workspaces`;
    await using child = await startChild('fleet-process.ts', String(count));
    // What the child prints; its own type says what that is.
    const {converged, restarted, resynced} = child.answer as FleetCosts;
    say(`${workspaces} Ready after ${converged.seconds.toFixed(1)} s`);
    const one = (what: string, unit: Row['unit'], value: number): Row => ({
      what,
      unit,
      nexus: summarise([value]),
    });
    return [
      one(`${workspaces} declared → all Ready`, 's', converged.seconds),
      one('reconciles while they come', 'per second', converged.reconciles / converged.seconds),
      one('memory a workspace', 'bytes', restarted.bytes),
      one(`restart with ${workspaces} → all looked at`, 's', restarted.seconds),
      one(
        'reconciles of a full resync, by processor time',
        'per second',
        resynced.reconciles / resynced.cpuSeconds,
      ),
      {...one('writes of a full resync', 'count', resynced.writes), aim: {of: 'median', atMost: 0}},
      {...one('agent calls of a full resync', 'count', resynced.calls), aim: {of: 'median', atMost: 0}},
      {...one('writes of a restart', 'count', restarted.writes)},
      {...one('agent calls of a restart', 'count', restarted.calls), aim: {of: 'median', atMost: 0}},
    ];
  },
};
