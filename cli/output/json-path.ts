import {CliError} from '../exit-code.ts';

type Step =
  | {readonly type: 'Field'; readonly name: string}
  | {readonly type: 'Index'; readonly index: number}
  | {readonly type: 'All'}
  | {readonly type: 'Filter'; readonly path: readonly Step[]; readonly value: string};

/**
 * All values at a path as kubectl writes them: `{.status.ssh.port}`, `.items[*].metadata.name`, `.spec.services[0]`,
 * `.status.conditions[?(@.type=="Ready")].status`, `.metadata.labels['example.com/app']`. Pure; throws CliError for any other.
 */
export function evaluateJsonPath(path: string, root: unknown): unknown[] {
  return walk(parseJsonPath(path), root);
}

export function parseJsonPath(path: string): Step[] {
  const inner = /^\{(?<inner>.*)\}$/.exec(path)?.groups?.inner ?? path;
  const text = inner.startsWith('$') ? inner.slice(1) : inner;
  return parseSteps(text, path);
}

const step =
  /^(?:\.(?<field>[A-Za-z_][\w-]*)|\.(?<star>\*)|\[(?<index>-?\d+)\]|\[(?<all>\*)\]|\[(?<quote>['"])(?<quoted>[^'"]*)\k<quote>\]|\[\?\(\s*@(?<filter>[^=\s]+)\s*==\s*(?<valueQuote>['"]?)(?<value>[^'")]*)\k<valueQuote>\s*\)\])/;

function parseSteps(text: string, whole: string): Step[] {
  const steps: Step[] = [];
  let rest = text;
  while (rest !== '' && rest !== '.') {
    const match = step.exec(rest);
    if (match?.groups === undefined) {
      throw new CliError('usage', `"${whole}" is no path that is understood, from "${rest}" on`, {
        hint: 'Write it as kubectl does: {.status.ssh.port} or {.status.conditions[?(@.type=="Ready")].status}.',
      });
    }

    const {field, quoted, index, filter, value = ''} = match.groups;
    if (field !== undefined || quoted !== undefined) {
      steps.push({type: 'Field', name: field ?? quoted ?? ''});
    } else if (index !== undefined) {
      steps.push({type: 'Index', index: Number(index)});
    } else if (filter === undefined) {
      steps.push({type: 'All'});
    } else {
      steps.push({type: 'Filter', path: parseSteps(filter, whole), value});
    }

    rest = rest.slice(match[0].length);
  }

  return steps;
}

function walk(steps: readonly Step[], root: unknown): unknown[] {
  let values: unknown[] = [root];
  for (const each of steps) {
    values = values.flatMap(value => take(each, value)).filter(value => value !== undefined);
  }

  return values;
}

function take(each: Step, value: unknown): unknown[] {
  switch (each.type) {
    case 'Field': {
      return typeof value === 'object' && value !== null && Object.hasOwn(value, each.name)
        ? [new Map<string, unknown>(Object.entries(value)).get(each.name)]
        : [];
    }

    case 'Index': {
      return Array.isArray(value) ? [value.at(each.index)] : [];
    }

    case 'All': {
      return typeof value === 'object' && value !== null ? Object.values(value) : [];
    }

    case 'Filter': {
      return Array.isArray(value)
        ? value.filter(item => walk(each.path, item).some(found => String(found) === each.value))
        : [];
    }
  }
}
