import {z} from 'zod';
import {gitCredential} from '../agent/v1alpha1/instance.ts';
import {resourceName, timestamp} from '../v1alpha1/metadata.ts';
import {githubUsername, sshPublicKey, userSpec} from '../v1alpha1/user.ts';

const fingerprint = z
  .string()
  .regex(/^SHA256:[A-Za-z0-9+/]{43}$/, 'must be a fingerprint such as SHA256:…')
  .describe('As `ssh-keygen -l` prints it; checked against the key.');

export const registerRequest = z.strictObject({
  name: resourceName,
  ssh_pubkey: sshPublicKey.optional(),
  ssh_pubkey_fingerprint: fingerprint.optional(),
  role: userSpec.shape.role.describe('admin only when an admin asks.'),
});

export const registerGithubRequest = z.strictObject({
  github_username: githubUsername,
  github_id: z.int().positive(),
  ssh_pubkey: sshPublicKey,
  ssh_pubkey_fingerprint: fingerprint,
});

export const registered = z.strictObject({
  user_id: z.string(),
  name: z.string().describe('What owns workspaces.'),
  registered_at: timestamp,
  workspaces: z.array(z.string()),
  token: z.string().describe('To call this API with, as a bearer token; shown only here.'),
});

export const userView = z.strictObject({
  user_id: z.string(),
  name: z.string(),
  role: z.enum(['admin', 'user']),
  github_username: z.string().nullable(),
  github_id: z.int().nullable(),
  ssh_keys: z.array(z.strictObject({public_key: z.string(), fingerprint: z.string()})),
  registered_at: timestamp,
  workspaces: z.array(z.string()).describe('Names of those that the user owns.'),
});

export const userList = z.strictObject({users: z.array(userView)});

export const setSshKeyRequest = z.strictObject({
  ssh_pubkey: sshPublicKey,
  ssh_pubkey_fingerprint: fingerprint.optional(),
});

export const createTokenRequest = z.strictObject({
  description: z.string().max(200).default(''),
  expires_in_seconds: z.int().min(60).max(315_360_000).optional().describe('Never, by default.'),
});

export const tokenView = z.strictObject({
  token_id: z.string(),
  description: z.string(),
  created_at: timestamp,
  expires_at: timestamp.nullable(),
});

export const tokenCreated = tokenView.extend({token: z.string().describe('Shown only here.')});
export const tokenList = z.strictObject({tokens: z.array(tokenView)});

/** A private repository's secret for one host: what git is given when it clones. */
export const setCredentialRequest = gitCredential;

export const credentialList = z.strictObject({
  credentials: z.array(z.strictObject({host: z.string(), created_at: timestamp})),
});

export type RegisterRequest = z.input<typeof registerRequest>;
export type RegisterGithubRequest = z.input<typeof registerGithubRequest>;
export type Registered = z.infer<typeof registered>;
export type UserView = z.infer<typeof userView>;
export type SetSshKeyRequest = z.input<typeof setSshKeyRequest>;
export type CreateTokenRequest = z.input<typeof createTokenRequest>;
export type TokenView = z.infer<typeof tokenView>;
export type TokenCreated = z.infer<typeof tokenCreated>;
export type SetCredentialRequest = z.input<typeof setCredentialRequest>;
