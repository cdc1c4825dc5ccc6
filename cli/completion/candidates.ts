import type {Command, Option} from 'commander';
import {kinds} from '../../api/v1alpha1/kinds.ts';
import type {ServedKind} from '../../api/v1alpha1/validate.ts';
import {servedKinds} from '../../api/v1alpha1/validate.ts';
import {formatNames} from '../output/format.ts';

/** Commands whose first argument is a kind, or KIND/NAME. */
const byKind = ['get', 'describe', 'delete', 'edit', 'wait'];

/** Commands whose argument is the name of a workspace. */
const byWorkspace = ['logs', 'exec', 'ssh', 'port-forward'];

export type WantedNames = {readonly kind: ServedKind; readonly prefix: string};

/** Subcommands, options and kinds that may stand in place of the last word. Pure. */
export function staticCandidates(program: Command, words: readonly string[]): string[] {
  const {command, rest} = commandOf(program, words.slice(0, -1));
  const present = words.at(-1) ?? '';
  const valued = valuedOption(command, words.at(-2));
  if (valued !== undefined) {
    if (valued.argChoices !== undefined) {
      return valued.argChoices.filter(choice => choice.startsWith(present));
    }

    // Which formats a command has is in the help of its option.
    return valued.long === '--output'
      ? formatNames
          .filter(name => valued.description.includes(name))
          .map(name => name.replace('PATH', ''))
          .filter(name => name.startsWith(present))
      : [];
  }

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
  if (present.startsWith('-') || valuedOption(command, words.at(-2)) !== undefined) {
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
    return first === undefined ||
      command.name() === 'create' ||
      present.includes('/') ||
      (rest.length > 0 && !first.variadic)
      ? undefined
      : {kind: 'Workspace', prefix: ''};
  }

  return parent === 'node' && first !== undefined && command.name() !== 'add' && rest.length === 0
    ? {kind: 'Node', prefix: ''}
    : undefined;
}

export type WantedServices = {readonly workspace: string; readonly prefix: string};

/** Of which workspace the services may stand in place of the last word: of the one before it, or of what is before a slash. Pure. */
export function wantedServices(program: Command, words: readonly string[]): WantedServices | undefined {
  const {command, rest} = commandOf(program, words.slice(0, -1));
  const present = words.at(-1) ?? '';
  const takesService = command.registeredArguments[1]?.name() === 'service';
  if (!takesService || present.startsWith('-') || valuedOption(command, words.at(-2)) !== undefined) {
    return undefined;
  }

  const [workspace = '', ...more] = rest.length === 0 ? present.split('/') : rest;
  if (rest.length === 0) {
    return command.name() === 'logs' && more.length === 1 ? {workspace, prefix: `${workspace}/`} : undefined;
  }

  return more.length === 0 && !workspace.includes('/') ? {workspace, prefix: ''} : undefined;
}

/** The option that `word` is, if what follows it is its value. */
function valuedOption(command: Command, word: string | undefined): Option | undefined {
  return command.options.find(option => (option.short === word || option.long === word) && option.required);
}

/** The command that words lead to, and what follows it that is no option. */
function commandOf(program: Command, words: readonly string[]): {command: Command; rest: string[]} {
  let command = program;
  const rest: string[] = [];
  for (const [index, word] of words.entries()) {
    if (valuedOption(command, words[index - 1]) !== undefined) {
      continue;
    }

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
