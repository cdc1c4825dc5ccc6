import {startChild} from '../child.ts';
import type {Figure, Row} from '../figure.ts';
import type {NodesCosts} from '../nodes-process.ts';
import {summarise} from '../statistics.ts';

const nodes = 200;
const instances = 20;

/** What it costs a server to be connected to many nodes, which are simulated by another process. */
export const nodesFigure: Figure = {
  name: 'nodes',
  async measure({quick, say}) {
    await using child = await startChild(
      'nodes-process.ts',
      String(nodes),
      String(instances),
      quick ? '20' : '60',
    );
    // What the child prints; its own type says what that is.
    const {connected, idle, storm} = child.answer as NodesCosts;
    say(`${nodes} nodes connected after ${connected.seconds.toFixed(1)} s`);
    const one = (what: string, unit: Row['unit'], value: number): Row => ({
      what,
      unit,
      nexus: summarise([value]),
    });
    return [
      one(`${nodes} nodes with ${instances} instances each → all connected`, 's', connected.seconds),
      one(`${nodes} nodes idle: processor time a second`, 'ms', idle.cpuShare * 1000),
      one('processor time a heartbeat', 'ms', idle.cpuMillisecondsOfHeartbeat),
      one(`${nodes} nodes idle: resident memory of the server`, 'bytes', idle.residentBytes),
      one('memory a node with its instances', 'bytes', idle.bytes),
      one(`${nodes} connections cut at once → all connected`, 's', storm.seconds),
      one('processor time of that', 's', storm.cpuSeconds),
      one('status writes of that', 'count', storm.writes),
      one('resident memory at its peak', 'bytes', storm.residentBytes),
    ];
  },
};
