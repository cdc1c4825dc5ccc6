import {createHash} from 'node:crypto';
import type {Service} from '../../api/v1alpha1/service.ts';

/** Of what can't be changed on an existing instance; kept on it as a mark. */
export function specHash(parts: {provider: string; image: string}): string {
  return sha256(JSON.stringify([parts.provider, parts.image]));
}

export function setupHash(commands: readonly string[]): string {
  return sha256(JSON.stringify(commands));
}

export function servicesHash(parts: {
  directory: string;
  env: Readonly<Record<string, string>>;
  services: readonly Service[];
}): string {
  return sha256(canonicalJson([parts.directory, parts.env, parts.services]));
}

/** As the agent computes `authorizedKeysHash`. */
export function authorizedKeysHash(keys: readonly string[]): string {
  return sha256(keys.join('\n'));
}

/** JSON with keys in order, so that equal values have equal text however they were written or stored. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([left], [right]) => (left < right ? -1 : 1)))
      : part,
  );
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
