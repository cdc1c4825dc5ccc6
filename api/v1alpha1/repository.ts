import {z} from 'zod';

/**
 * Only https, http, ssh, git and scp-like addresses. Refused: local paths, `ext::` and other transports that run
 * commands, a leading `-` that git would read as an option, and credentials inside the address.
 */
const repositoryUrl = z
  .string()
  .max(2048)
  .regex(
    /^(?:(?:https?|git|ssh):\/\/(?:[A-Za-z0-9][-A-Za-z0-9._]*@)?[A-Za-z0-9][-A-Za-z0-9.]*(?::[0-9]{1,5})?\/[A-Za-z0-9~_.][-A-Za-z0-9._~/+%]*|[A-Za-z0-9][-A-Za-z0-9._]*@[A-Za-z0-9][-A-Za-z0-9.]*:[A-Za-z0-9~_.][-A-Za-z0-9._~/+]*)$/,
    'must be a repository address such as https://github.com/owner/name.git or git@github.com:owner/name.git, without a password in it',
  );

/** What `git check-ref-format` allows, less what could be read as an option or a revision expression. */
const branchName = z
  .string()
  .min(1)
  .max(255)
  .regex(
    /^(?![-/.])(?!.*(?:\.\.|\/\/|\/\.|@\{|\.lock(?:\/|$)))[A-Za-z0-9._/+@#-]+(?<![/.])$/,
    'must be a branch name',
  );

const directoryName = z
  .string()
  .min(1)
  .max(100)
  .regex(/^(?!\.{1,2}$)[A-Za-z0-9._-]+$/, "must consist of letters, digits, '.', '_' and '-'")
  .refine(name => !name.startsWith('-') && name.toLowerCase() !== '.git', 'must not be .git or start with -');

export const commitId = z.string().regex(/^[0-9a-f]{40}(?:[0-9a-f]{24})?$/, 'must be a full commit id');

/** Commits that were uploaded because no remote holds them: a git bundle, named by the SHA-256 of its bytes. */
export const bundleReference = z.strictObject({
  digest: z
    .string()
    .regex(/^[0-9a-f]{64}$/, 'must be a SHA-256 in hexadecimal')
    .describe('SHA-256 of the bundle.'),
  commit: commitId.describe('The tip of the branch in the bundle.'),
});

export const repository = z
  .strictObject({
    owner: z
      .string()
      .regex(/^[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})$/, 'must be an account name')
      .optional()
      .describe('Account that owns it, where it is hosted.'),
    name: directoryName.describe('Also the folder in /home/dev that it is cloned to.'),
    url: repositoryUrl
      .optional()
      .describe('Where it is cloned from: https, http, ssh or git, or user@host:path.'),
    branch: branchName.optional().describe("The remote's default branch when absent."),
    bundle: bundleReference
      .optional()
      .describe('Commits that nexus apply has uploaded because no remote holds them.'),
  })
  .refine(repo => repo.url !== undefined || repo.bundle !== undefined, {
    message: 'needs an address (url), or commits uploaded by nexus apply (bundle)',
    path: ['url'],
  });

export type Repository = z.infer<typeof repository>;
export type BundleReference = z.infer<typeof bundleReference>;
