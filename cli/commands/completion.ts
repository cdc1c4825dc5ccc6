import type {Command} from 'commander';
import type {Cli} from '../cli.ts';
import {staticCandidates, wantedNames, wantedServices} from '../completion/candidates.ts';
import {bashScript, fishScript, zshScript} from '../completion/scripts.ts';
import {CliError} from '../exit-code.ts';

/** Milliseconds: whoever presses Tab does not wait longer. */
const patience = 1500;

/** Throws CliError for a shell that is not known. */
export function completionScript(shell: string): string {
  const script = {bash: bashScript, zsh: zshScript, fish: fishScript}[shell];
  if (script === undefined) {
    throw new CliError('usage', `there is no completion for "${shell}"`, {
      hint: 'There is for bash, zsh and fish.',
    });
  }

  return script;
}

/** Prints what may stand in place of the last of `words`, one a line. Says nothing when the server can't be asked. */
export async function complete(cli: Cli, program: Command, words: readonly string[]): Promise<void> {
  for (const candidate of staticCandidates(program, words)) {
    cli.print(candidate);
  }

  const wanted = wantedNames(program, words);
  const services = wantedServices(program, words);
  if (wanted === undefined && services === undefined) {
    return;
  }

  try {
    const {connect} = await import('../connect.ts');
    await using client = await connect(cli);
    const signal = AbortSignal.any([cli.signal, AbortSignal.timeout(patience)]);
    const names =
      wanted === undefined
        ? []
        : (await client.list(wanted.kind, {signal})).items.map(
            ({metadata}) => `${wanted.prefix}${metadata.name}`,
          );
    const serviceNames =
      services === undefined
        ? []
        : (await client.workspaces.services(services.workspace, {signal})).map(
            ({name}) => `${services.prefix}${name}`,
          );
    for (const candidate of [...names, ...serviceNames]) {
      if (candidate.startsWith(words.at(-1) ?? '')) {
        cli.print(candidate);
      }
    }
  } catch {
    // Completion is a help: an error message in the middle of a line is none.
  }
}
