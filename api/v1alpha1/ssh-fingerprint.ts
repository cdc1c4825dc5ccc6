import {createHash} from 'node:crypto';

/**
 * `SHA256:…` of one line of authorized_keys, as `ssh-keygen -l` prints it. Undefined when what is encoded is no key of the type
 * that the line names.
 */
export function sshFingerprint(publicKey: string): string | undefined {
  const [type = '', encoded = ''] = publicKey.split(' ');
  const blob = Buffer.from(encoded, 'base64');
  // RFC 4253: the blob starts with its own type, as a string with a length of four bytes.
  if (blob.length < 4 + type.length + 4 || blob.readUInt32BE(0) !== type.length) {
    return undefined;
  }

  return blob.toString('latin1', 4, 4 + type.length) === type
    ? `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`
    : undefined;
}
