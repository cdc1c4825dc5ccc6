import {createPrivateKey, X509Certificate} from 'node:crypto';
import type {Clock} from '../../api/effects/clock.ts';
import type {Random} from '../../api/effects/random.ts';
import {loadSecretFile} from '../../api/storage/secret-file.ts';
import type {KeyedCertificate} from './self-signed-certificate.ts';
import {selfSignedCertificate} from './self-signed-certificate.ts';

const hour = 3_600_000;

/** Longer than anybody keeps a kubeconfig; a new one must be trusted anew by everybody. */
const lifetime = 25 * 365 * 24 * hour;

/**
 * The certificate by which kubectl knows the server of this home on loopback, and its key, in the file at `path`, mode 0600; made on the first call. kubectl
 * sends no token to a server that has none. Throws when the file holds something else.
 */
export async function loadOwnCertificate(
  path: string,
  {clock, random}: {clock: Clock; random: Random},
): Promise<KeyedCertificate> {
  const make = () => {
    const now = clock.now();
    const {certificate, key} = selfSignedCertificate({
      hosts: ['localhost', '127.0.0.1', '::1'],
      notBefore: now - hour,
      notAfter: now + lifetime,
      random,
    });
    return certificate + key;
  };
  return loadSecretFile(path, {make, parse, complaint}, random);
}

const complaint =
  'does not hold a certificate and its private key in PEM form; remove it to have new ones made, and run nexus kubeconfig again wherever it was used';

function parse(content: string): KeyedCertificate | undefined {
  const certificate = block(content, 'CERTIFICATE');
  const key = block(content, 'PRIVATE KEY');
  try {
    return new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key))
      ? {certificate, key}
      : undefined;
  } catch {
    return undefined;
  }
}

function block(content: string, label: string): string {
  return new RegExp(`-----BEGIN ${label}-----[^-]*-----END ${label}-----\n`).exec(content)?.[0] ?? '';
}
