import {cpus, release, totalmem} from 'node:os';

/** On what the figures were taken, in one line. */
export function describeMachine(): string {
  const processors = cpus();
  const model = processors[0]?.model.trim().replace(/\s+/g, ' ') || 'processors of unknown make';
  const memory = Math.round(totalmem() / 2 ** 30);
  return `${processors.length} × ${model}, ${memory} GiB of memory, Linux ${release()}, Node.js ${process.version}`;
}
