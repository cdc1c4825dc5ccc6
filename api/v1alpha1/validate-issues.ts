import {z} from 'zod';
import type {InvalidIssue} from '../storage/storage-error.ts';
import {nearestName} from './nearest-name.ts';

type Path = readonly PropertyKey[];

/** `spec.services[0].port`; keys that are no plain words are quoted: `metadata.labels["example.com/app"]`. */
export function formatPath(path: Path): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') {
      text += `[${part}]`;
    } else if (/^[A-Za-z_][A-Za-z0-9_-]*$/.test(String(part))) {
      text += text === '' ? String(part) : `.${String(part)}`;
    } else {
      text += `[${JSON.stringify(String(part))}]`;
    }
  }

  return text;
}

/** All that is wrong, each at its path, in words for people. `schema` is what was parsed with: it knows the names that were meant. */
export function issuesOf(error: z.ZodError, schema: z.ZodType): InvalidIssue[] {
  return error.issues.flatMap((issue): InvalidIssue[] => {
    if (issue.code === 'unrecognized_keys') {
      const known = knownKeys(schema, issue.path);
      return issue.keys.map(key => ({
        path: formatPath([...issue.path, key]),
        message: unknownField(key, known),
      }));
    }

    const path = formatPath(issue.path);
    return issue.code === 'invalid_key'
      ? [{path, message: `the key ${issue.issues[0]?.message ?? 'is not allowed'}`}]
      : [{path, message: issue.message}];
  });
}

/** For zod's `error` option: words where the schema gives none. */
export function explainIssue(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type': {
      return issue.input === undefined
        ? `is required (${describeType(issue.expected)})`
        : `must be ${describeType(issue.expected)}, not ${describeValue(issue.input)}`;
    }

    case 'invalid_value': {
      if (issue.input === undefined) {
        return `is required: ${issue.values.join(', ')}`;
      }

      const near = nearestName(String(issue.input), issue.values.map(String));
      const options =
        issue.values.length === 1 ? String(issue.values[0]) : `one of ${issue.values.join(', ')}`;
      return `must be ${options}, not ${describeValue(issue.input)}${near === undefined ? '' : `; did you mean ${near}?`}`;
    }

    case 'too_big': {
      return `must be at most ${issue.maximum}${unitOf(issue.origin)}`;
    }

    case 'too_small': {
      return issue.origin === 'number' && issue.inclusive === false
        ? `must be more than ${issue.minimum}`
        : `must be at least ${issue.minimum}${unitOf(issue.origin)}`;
    }

    case 'invalid_format': {
      return issue.format === 'datetime'
        ? 'must be a time such as 2026-01-31T12:00:00Z'
        : `must be a valid ${issue.format}`;
    }

    default: {
      return undefined;
    }
  }
}

function unknownField(key: string, known: readonly string[]): string {
  const near = nearestName(key, known);
  if (near !== undefined) {
    return `unknown field; did you mean ${near}?`;
  }

  return known.length === 0 ? 'unknown field' : `unknown field; there are: ${known.join(', ')}`;
}

function unitOf(origin: string): string {
  return origin === 'string' ? ' characters' : origin === 'array' ? ' items' : '';
}

const typeNames: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a mapping of fields',
  record: 'a mapping of names to values',
};

function describeType(expected: string): string {
  return typeNames[expected] ?? expected;
}

function describeValue(value: unknown): string {
  if (value === null) {
    return 'null (empty)';
  }

  if (Array.isArray(value)) {
    return 'a list';
  }

  if (typeof value === 'object') {
    return 'a mapping';
  }

  const text = JSON.stringify(value) ?? typeof value;
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

/** Names of the fields that the schema knows at `path`, by way of its JSON Schema. */
function knownKeys(schema: z.ZodType, path: Path): string[] {
  let at: unknown = z.toJSONSchema(schema, {io: 'input', unrepresentable: 'any'});
  for (const part of path) {
    at =
      typeof part === 'number'
        ? member(at, 'items')
        : (member(member(at, 'properties'), String(part)) ?? member(at, 'additionalProperties'));
  }

  const properties = member(at, 'properties');
  return typeof properties === 'object' && properties !== null ? Object.keys(properties) : [];
}

function member(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null
    ? new Map<string, unknown>(Object.entries(value)).get(key)
    : undefined;
}
