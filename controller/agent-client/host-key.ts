import {createHash} from 'node:crypto';
import type {ServerHostKeyAlgorithm} from 'ssh2';

/** A public host key as `ssh-keyscan` prints it, without the host: `ssh-ed25519 AAAA…`. */
export type HostKey = {
  readonly bytes: Buffer;
  /** How the server is to prove that it has the key; nothing that needs SHA-1. */
  readonly algorithms: ServerHostKeyAlgorithm[];
};

const algorithmsByType: Readonly<Record<string, ServerHostKeyAlgorithm[]>> = {
  'ssh-ed25519': ['ssh-ed25519'],
  'ecdsa-sha2-nistp256': ['ecdsa-sha2-nistp256'],
  'ecdsa-sha2-nistp384': ['ecdsa-sha2-nistp384'],
  'ecdsa-sha2-nistp521': ['ecdsa-sha2-nistp521'],
  'ssh-rsa': ['rsa-sha2-512', 'rsa-sha2-256'],
};

/** Undefined when the text is no key of a type that is accepted. */
export function parseHostKey(text: string): HostKey | undefined {
  const [type = '', encoded = ''] = text.split(' ');
  const algorithms = Object.hasOwn(algorithmsByType, type) ? algorithmsByType[type] : undefined;
  const bytes = Buffer.from(encoded, 'base64');
  return algorithms === undefined || bytes.length === 0 ? undefined : {bytes, algorithms};
}

/** As OpenSSH shows it: `SHA256:…`. */
export function fingerprint(key: Buffer): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
}
