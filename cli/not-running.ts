import type {Client} from '../api/client/client.ts';
import type {Stored} from '../api/v1alpha1/kinds.ts';
import {CliError} from './exit-code.ts';
import {phaseOf} from './output/rows/workspace-rows.ts';

/** Which phase keeps others out of a workspace, and what to do; undefined when it runs. Pure. */
export function notRunning(workspace: Stored<'Workspace'>): CliError | undefined {
  const {metadata, spec} = workspace;
  const {name} = metadata;
  const phase = phaseOf(workspace);
  if (phase === 'Running') {
    return undefined;
  }

  return new CliError('conflict', `workspace ${name} is ${phase}, not Running`, {
    hint:
      phase === 'Deleting'
        ? `nexus describe workspace ${name} says how far that is.`
        : spec.running
          ? `Wait for it: nexus wait workspace/${name} --for=condition=SshReady; nexus describe workspace ${name} says what it waits for.`
          : `Start it: nexus workspace start ${name}`,
  });
}

/** In place of the server's refusal of what only a running workspace can do. Anything else is thrown as it is. */
export async function explainRefusal(
  client: Client,
  {
    workspace,
    error,
    signal,
  }: {readonly workspace: string; readonly error: unknown; readonly signal: AbortSignal},
): Promise<never> {
  const refused = error instanceof Error && 'code' in error && error.code === 'NotPermittedNow';
  if (!refused) {
    throw error;
  }

  throw notRunning(await client.get('Workspace', workspace, {signal})) ?? error;
}
