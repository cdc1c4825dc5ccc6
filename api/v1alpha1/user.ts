import {z} from 'zod';
import {apiVersion, objectMeta, timestamp} from './metadata.ts';

/** One line of authorized_keys: type, base64, optional comment; no options, no line breaks. */
export const sshPublicKey = z
  .string()
  .max(16_384)
  .regex(
    /^(?:ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(?:256|384|521)|sk-ssh-ed25519@openssh\.com|sk-ecdsa-sha2-nistp256@openssh\.com) [A-Za-z0-9+/]+={0,3}(?: [^\r\n\0]*)?$/,
    'must be a public key such as "ssh-ed25519 AAAA… comment"',
  );

export const githubUsername = z
  .string()
  .max(39)
  .regex(/^[A-Za-z0-9](?:[A-Za-z0-9]|-(?=[A-Za-z0-9])){0,38}$/, 'must be a GitHub user name');

export const userSpec = z.strictObject({
  githubUsername: githubUsername.optional().describe('Account on GitHub.'),
  githubId: z.int().positive().optional().describe('Number of the account on GitHub, which never changes.'),
  sshKeys: z
    .array(
      z.strictObject({
        publicKey: sshPublicKey.describe('A line of authorized_keys, without options.'),
        fingerprint: z
          .string()
          .regex(/^SHA256:[A-Za-z0-9+/]{43}$/, 'must be a fingerprint such as SHA256:…')
          .describe('As ssh-keygen -l prints it.'),
      }),
    )
    .max(50)
    .default([])
    .describe("Keys that open the user's workspaces."),
  role: z.enum(['admin', 'user']).default('user').describe('An admin sees and changes everything.'),
});

export const userStatus = z.strictObject({
  observedGeneration: z.int().optional().describe('The generation of spec that this status answers.'),
  lastSeenAt: timestamp.optional().describe('When the user last made a request.'),
});

export const user = z.strictObject({
  apiVersion: z.literal(apiVersion),
  kind: z.literal('User'),
  metadata: objectMeta,
  spec: userSpec.prefault({}),
  status: userStatus.optional(),
});

export type UserSpec = z.infer<typeof userSpec>;
export type User = z.infer<typeof user>;
