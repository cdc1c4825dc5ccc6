import {generateKeyPairSync, randomBytes} from 'node:crypto';

/** An ed25519 host key: the private half in OpenSSH's own format (unencrypted), the public half as `ssh-ed25519 AAAA…`. */
export type HostKey = {readonly privateKey: string; readonly publicKey: string};

export type HostKeySource = () => HostKey;

const keyType = 'ssh-ed25519';

/** Reads the raw 32 bytes out of node's JWK form: OpenSSH before 9.6 does not take PKCS#8 for ed25519. */
export function generateHostKey(): HostKey {
  const {privateKey} = generateKeyPairSync('ed25519');
  const {x, d} = privateKey.export({format: 'jwk'});
  if (x === undefined || d === undefined) {
    throw new TypeError('node exported an ed25519 key without its bytes');
  }
  return encodeHostKey(Buffer.from(d, 'base64url'), Buffer.from(x, 'base64url'), randomBytes(4));
}

/** OpenSSH's PROTOCOL.key. `check` is any four bytes: OpenSSH compares its two copies to tell a wrong passphrase. */
export function encodeHostKey(seed: Uint8Array, point: Uint8Array, check: Uint8Array): HostKey {
  const publicBlob = Buffer.concat([field(keyType), field(point)]);
  const secret = Buffer.concat([
    check,
    check,
    field(keyType),
    field(point),
    field(Buffer.concat([seed, point])),
    field(''),
  ]);
  const blob = Buffer.concat([
    Buffer.from('openssh-key-v1\0'),
    field('none'),
    field('none'),
    field(''),
    Buffer.from([0, 0, 0, 1]),
    field(publicBlob),
    field(Buffer.concat([secret, padding(secret.length)])),
  ]);
  const lines = blob.toString('base64').match(/.{1,70}/g) ?? [];
  return {
    privateKey: [
      '-----BEGIN OPENSSH PRIVATE KEY-----',
      ...lines,
      '-----END OPENSSH PRIVATE KEY-----',
      '',
    ].join('\n'),
    publicKey: `${keyType} ${publicBlob.toString('base64')}`,
  };
}

function field(content: string | Uint8Array): Buffer {
  const bytes = Buffer.from(content);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** 1, 2, 3 … up to the cipher's block of 8 bytes. */
function padding(length: number): Buffer {
  return Buffer.from(Array.from({length: (8 - (length % 8)) % 8}, (_, index) => index + 1));
}
