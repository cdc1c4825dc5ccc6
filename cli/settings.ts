import {readFile} from 'node:fs/promises';
import path from 'node:path';
import {z} from 'zod';
import {parseDocuments} from '../api/v1alpha1/manifest-document.ts';
import {explainIssue, issuesOf} from '../api/v1alpha1/validate-issues.ts';
import {CliError} from './exit-code.ts';
import {migrateSettings, settingsVersion} from './settings-migration.ts';

const port = z.int().min(1).max(65535);

/** `$NEXUS_HOME/config.yaml`. */
const settingsSchema = z.strictObject({
  version: z.literal(settingsVersion),
  server: z.string().min(1).optional().describe('Host name, or address such as https://nexus.example.com.'),
  server_port: port.default(3001),
  server_ca: z
    .string()
    .optional()
    .describe("PEM file of the authority that signed the server's certificate."),
  github_username: z.string().optional(),
  ssh_key: z.string().optional().describe('Private key for workspaces.'),
  ssh_key_type: z.enum(['ed25519', 'ecdsa', 'rsa']).optional(),
  editor: z.enum(['cursor', 'code', 'vim', 'ssh']).optional(),
});

export type Settings = z.infer<typeof settingsSchema>;

export function settingsFile(home: string): string {
  return path.join(home, 'config.yaml');
}

/** The settings, or the defaults when there are none. A file of an older version is read as it is now; it is not rewritten. Throws CliError. */
export async function readSettings(home: string): Promise<Settings> {
  const file = settingsFile(home);
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      return settingsSchema.parse({version: settingsVersion});
    }

    throw new CliError('failed', `${file} can't be read`, {cause: error});
  }

  return parseSettings(text, file);
}

export function parseSettings(text: string, file: string): Settings {
  const parsed = parseDocuments(text);
  const refuse = (details: readonly string[]) =>
    new CliError('usage', `${file} is not valid`, {
      details,
      hint: 'Correct it, or move it away to have the defaults.',
    });
  if (!parsed.ok) {
    throw refuse(parsed.issues.map(({message, line}) => `line ${line ?? 1}: ${message}`));
  }

  const result = settingsSchema.safeParse(migrateSettings(parsed.documents[0]?.value ?? {}), {
    error: explainIssue,
  });
  if (!result.success) {
    throw refuse(issuesOf(result.error, settingsSchema).map(issue => `${issue.path}: ${issue.message}`));
  }

  return result.data;
}
