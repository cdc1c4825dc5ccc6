import {commitId} from '../../api/v1alpha1/repository.ts';
import type {Inspection, RepositoryFacts} from './guest.ts';
import {GuestError} from './guest-error.ts';

const mostFiles = 1000;

// What holds for honest git and scripts is checked nevertheless: who is root inside can replace them.
const longestName = 255;
const longestReason = 500;
const largestFile = 262_144;

/** Of what `inspect.sh` prints. */
const lastLine = 'inspected yes';

/** Of the `name value` lines that the git scripts print. */
export function parseFacts(output: string): RepositoryFacts & {readonly notMerged?: string} {
  const fields = fieldsOf(output);
  const text = (name: string) => {
    const value = fields.get(name)?.[0];
    const content = value === undefined ? undefined : Buffer.from(value, 'base64');
    return content === undefined || content.length > largestFile ? undefined : content.toString();
  };
  const commit = fields.get('commit')?.[0];
  const branch = fields.get('branch')?.[0];
  const notMerged = fields.get('notMerged')?.[0];
  const nexusConfig = text('nexusConfig');
  const packageJson = text('packageJson');
  const files = (text('files') ?? '')
    .split('\0')
    .filter(name => name !== '' && name.length <= longestName)
    .sort();
  return {
    ...(commitId.safeParse(commit).success ? {commit} : {}),
    ...(branch && branch.length <= longestName ? {branch} : {}),
    ...(notMerged ? {notMerged: notMerged.slice(0, longestReason)} : {}),
    // In a clone that was just made there is no work yet.
    ...(fields.has('fresh') ? {unsaved: false} : {}),
    configuration: {
      files: files.slice(0, mostFiles),
      ...(nexusConfig === undefined ? {} : {nexusConfig}),
      ...(packageJson === undefined ? {} : {packageJson}),
    },
  };
}

/** Throws GuestError when the end of it is missing: no news would be good news. */
export function parseInspection(output: string): Inspection & {readonly reasons: readonly string[]} {
  if (!output.endsWith(`${lastLine}\n`)) {
    throw new GuestError('Internal', 'the look for unsaved work was cut off');
  }
  const reasons = fieldsOf(output).get('unsaved') ?? [];
  const unsaved = reasons.length > 0;
  return /^files /m.test(output)
    ? {unsaved, reasons, repository: {...parseFacts(output), unsaved}}
    : {unsaved, reasons};
}

function fieldsOf(output: string): Map<string, string[]> {
  const fields = new Map<string, string[]>();
  for (const line of output.split('\n')) {
    const space = line.indexOf(' ');
    if (space !== -1) {
      const name = line.slice(0, space);
      fields.set(name, [...(fields.get(name) ?? []), line.slice(space + 1)]);
    }
  }
  return fields;
}
