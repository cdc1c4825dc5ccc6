import ssh2 from 'ssh2';

export type SignedLogin = {
  /** Type of the key, such as ssh-ed25519. */
  readonly algorithm: string;
  /** Of the signature, where the type of the key leaves it open; without one that is SHA-1 for RSA. */
  readonly hash: 'sha256' | 'sha512' | undefined;
  readonly key: Buffer;
  readonly signed: Buffer;
  readonly signature: Buffer;
};

/** Types of keys that may log in, RSA with SHA-2 only. Keys of security tokens are not among them: see docs/ssh.md. */
const loginKeys: ReadonlySet<string> = new Set([
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'ssh-rsa',
]);

/** Whether a key of this type may log in at all; `hash` as in {@link SignedLogin}. */
export function isLoginKey({algorithm, hash}: Pick<SignedLogin, 'algorithm' | 'hash'>): boolean {
  return loginKeys.has(algorithm) && (algorithm !== 'ssh-rsa' || hash !== undefined);
}

/** Whether the holder of the key's private half has signed this very login. */
export function verifySignature(login: SignedLogin): boolean {
  const parsed = ssh2.utils.parseKey(login.key);
  return (
    isLoginKey(login) &&
    !(parsed instanceof Error) &&
    parsed.type === login.algorithm &&
    parsed.verify(login.signed, login.signature, login.hash)
  );
}
