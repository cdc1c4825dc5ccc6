import {z} from 'zod';
import {apiVersion, objectMeta, timestamp} from './metadata.ts';

/** A bearer token of a user. Only its hash is kept. Internal: never served on the resource routes. */
export const token = z.strictObject({
  apiVersion: z.literal(apiVersion),
  kind: z.literal('Token'),
  metadata: objectMeta,
  spec: z.strictObject({
    user: z.string().describe('Name of the User that it is of.'),
    sha256: z.string().describe('Of the opaque token, in hexadecimal.'),
    description: z.string().default('').describe('What it is for.'),
    expiresAt: timestamp.optional().describe('When it ends to be accepted; never by default.'),
  }),
  status: z.strictObject({}).optional(),
});

/** A user's secret for a git host, encrypted with the server's key. Internal: never served on the resource routes. */
export const credential = z.strictObject({
  apiVersion: z.literal(apiVersion),
  kind: z.literal('Credential'),
  metadata: objectMeta,
  spec: z.strictObject({
    user: z.string().describe('Name of the User that it is of.'),
    host: z.string().describe('Of the git server, such as github.com.'),
    ciphertext: z.string().describe('AES-256-GCM: base64 of nonce (12 bytes), tag (16), ciphertext.'),
  }),
  status: z.strictObject({}).optional(),
});

export type Token = z.infer<typeof token>;
export type Credential = z.infer<typeof credential>;
