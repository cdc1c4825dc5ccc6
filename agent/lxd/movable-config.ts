import type {Config} from './instance-config.ts';
import {marks} from './instance-config.ts';

/**
 * What of an instance's config travels with it. Looked at on both sides: another node does not decide what an instance may do on this one. The backend
 * writes variables of the environment into a file of lines, where a value of two would be an option of its own, such as a program to be run by the
 * node's root.
 */
export function movableConfig(config: Config): Config {
  return Object.fromEntries(Object.entries(config).filter(([key, value]) => isMovable(key, value)));
}

/** One that is retired, or a copy, is not so where it arrives. */
const left: ReadonlySet<string> = new Set([
  marks.retiredAt,
  marks.retiredUntil,
  marks.incoming,
  marks.arrived,
]);

function isMovable(key: string, value: string): boolean {
  if (left.has(key)) return false;
  if (/^user\.nexus\.[a-z-]+$/.test(key)) return true;

  const isKnown = /^(?:environment\.[^\s=\0]+|volatile\.cloud-init\.[a-z-]+|limits\.(?:cpu|memory))$/.test(
    key,
  );
  return isKnown && !/[\n\r\0]/.test(value);
}
