import type {Command} from 'commander';
import {kinds} from '../../api/v1alpha1/kinds.ts';
import type {ServedKind} from '../../api/v1alpha1/validate.ts';
import {servedKinds} from '../../api/v1alpha1/validate.ts';

/** Commands whose first argument is a kind, or KIND/NAME. */
const byKind = ['get', 'describe', 'delete', 'edit', 'wait'];

/** Commands whose argument is the name of a workspace. */
const byWorkspace = ['logs', 'exec', 'ssh', 'port-forward'];

export type WantedNames = {readonly kind: ServedKind; readonly prefix: string};

/** Subcommands, options and kinds that may stand in place of the last word. Pure. */
export function staticCandidates(program: Command, words: readonly string[]): string[] {
  const {command, rest} = commandOf(program, words.slice(0, -1));
  const present = words.at(-1) ?? '';
  const candidates = present.startsWith('-')
    ? command.options.filter(({hidden}) => !hidden).map(({long, short}) => long ?? short ?? '')
    : [
        ...(rest.length === 0 ? subcommands(command) : []),
        ...(byKind.includes(command.name()) && rest.length === 0
          ? [
              ...servedKinds.map(kind => kinds[kind].plural),
              ...servedKinds.map(kind => `${kinds[kind].singular}/`),
            ]
          : []),
      ];
  return candidates.filter(
    candidate => candidate !== '' && candidate.startsWith(present) && candidate !== present,
  );
}

/** Of which resources the names may stand in place of the last word. Pure. */
export function wantedNames(program: Command, words: readonly string[]): WantedNames | undefined {
  const {command, rest} = commandOf(program, words.slice(0, -1));
  const present = words.at(-1) ?? '';
  if (present.startsWith('-')) {
    return undefined;
  }

  if (byKind.includes(command.name())) {
    const [kindWord] = present.includes('/') ? present.split('/') : rest;
    const kind = servedKinds.find(candidate =>
      [kinds[candidate].plural, kinds[candidate].singular, ...kinds[candidate].shortNames].includes(
        kindWord ?? '',
      ),
    );
    const prefix = present.includes('/') ? `${kindWord}/` : '';
    return kind === undefined ? undefined : {kind, prefix};
  }

  const [first] = command.registeredArguments;
  const parent = command.parent?.name();
  if (parent === 'workspace' || byWorkspace.includes(command.name())) {
    return first === undefined || command.name() === 'create' || (rest.length > 0 && !first.variadic)
      ? undefined
      : {kind: 'Workspace', prefix: ''};
  }

  return parent === 'node' && first !== undefined && command.name() !== 'add' && rest.length === 0
    ? {kind: 'Node', prefix: ''}
    : undefined;
}

/** The command that words lead to, and what follows it that is no option. */
function commandOf(program: Command, words: readonly string[]): {command: Command; rest: string[]} {
  let command = program;
  const rest: string[] = [];
  for (const word of words) {
    const next: Command | undefined =
      rest.length === 0
        ? command.commands.find(candidate => candidate.name() === word || candidate.aliases().includes(word))
        : undefined;
    if (next !== undefined) {
      command = next;
    } else if (!word.startsWith('-')) {
      rest.push(word);
    }
  }

  return {command, rest};
}

function subcommands(command: Command): string[] {
  return command
    .createHelp()
    .visibleCommands(command)
    .map(each => each.name());
}
