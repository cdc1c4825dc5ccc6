import {kinds} from '../api/v1alpha1/kinds.ts';
import {nearestName} from '../api/v1alpha1/nearest-name.ts';
import type {ServedKind} from '../api/v1alpha1/validate.ts';
import {servedKinds} from '../api/v1alpha1/validate.ts';
import {CliError} from './exit-code.ts';

export type Target = {readonly kind: ServedKind; readonly name: string};

/** The kind that people call `workspaces`, `workspace`, `ws` or `Workspace`. Throws CliError. */
export function parseKind(text: string): ServedKind {
  const wanted = text.toLowerCase();
  const kind = servedKinds.find(candidate => namesOf(candidate).includes(wanted));
  if (kind !== undefined) {
    return kind;
  }

  const near = nearestName(wanted, servedKinds.flatMap(namesOf));
  throw new CliError('usage', `there is no kind of resource called "${text}"`, {
    hint:
      near === undefined
        ? `Kinds are ${servedKinds.map(candidate => kinds[candidate].plural).join(', ')}.`
        : `Did you mean ${near}?`,
  });
}

/**
 * What `KIND NAME…` and `KIND/NAME…` on a command line name, in order. `kinds` without a name stand for all of that kind.
 * Throws CliError when forms are mixed.
 */
export function parseTargets(words: readonly string[]): {kinds: ServedKind[]; targets: Target[]} {
  if (words.some(word => word.includes('/'))) {
    return {kinds: [], targets: words.map(parseTarget)};
  }

  const [first = '', ...names] = words;
  const kindsGiven = first.split(',').map(parseKind);
  return names.length === 0
    ? {kinds: kindsGiven, targets: []}
    : {kinds: [], targets: kindsGiven.flatMap(kind => names.map(name => ({kind, name})))};
}

/** `workspace/x`. Throws CliError. */
export function parseTarget(word: string): Target {
  const [kind = '', name = '', ...rest] = word.split('/');
  if (name === '' || rest.length > 0) {
    throw new CliError('usage', `"${word}" names no resource`, {
      hint: 'Write it as KIND/NAME, such as workspace/my-project.',
    });
  }

  return {kind: parseKind(kind), name};
}

/** The name of a workspace, as `my-project` or `workspace/my-project`. Throws CliError. */
export function workspaceName(word: string): string {
  return nameOfKind('Workspace', word);
}

/** `NAME`, or `node/NAME` as other commands print it. Throws CliError. */
export function nodeName(word: string): string {
  return nameOfKind('Node', word);
}

function nameOfKind(wanted: ServedKind, word: string): string {
  if (!word.includes('/')) {
    return word;
  }

  const {kind, name} = parseTarget(word);
  if (kind !== wanted) {
    throw new CliError('usage', `"${word}" is no ${kinds[wanted].singular}`);
  }

  return name;
}

export function nameOf({kind, name}: Target): string {
  return `${kinds[kind].singular}/${name}`;
}

function namesOf(kind: ServedKind): string[] {
  return [kinds[kind].plural, kinds[kind].singular, ...kinds[kind].shortNames];
}
