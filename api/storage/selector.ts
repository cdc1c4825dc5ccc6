import type {LabelRequirement, Selector} from './storage.ts';
import {StorageError} from './storage-error.ts';

type Selectable = {readonly metadata: {readonly labels?: Readonly<Record<string, string>> | undefined}};

/** Whether `object` has all that `selector` asks for. An empty selector selects everything. */
export function matchesSelector(object: Selectable, selector: Selector): boolean {
  const labels = object.metadata.labels ?? {};
  return (
    (selector.labels ?? []).every(requirement => meets(labels, requirement)) &&
    Object.entries(selector.fields ?? {}).every(([path, value]) => fieldText(object, path) === value)
  );
}

export function isSelective(selector: Selector): boolean {
  return (selector.labels?.length ?? 0) > 0 || Object.keys(selector.fields ?? {}).length > 0;
}

/**
 * `a=b,c!=d,e in (x,y),f notin (z),g,!h` as in Kubernetes. `NotIn` and `!=` are also met by an object without the label.
 * Throws Invalid.
 */
export function parseLabelSelector(text: string): LabelRequirement[] {
  return splitTopLevel(text).map(term => {
    const set = /^(?<key>\S+)\s+(?<operator>in|notin)\s*\((?<values>[^()]*)\)$/.exec(term)?.groups;
    if (set?.key !== undefined && set.values !== undefined) {
      const values = set.values.split(',').map(value => checkValue(value.trim(), text));
      return {key: checkKey(set.key, text), operator: set.operator === 'in' ? 'In' : 'NotIn', values};
    }

    const equality = /^(?<key>[^=!\s]+)\s*(?<operator>==|=|!=)\s*(?<value>[^=!\s]*)$/.exec(term)?.groups;
    if (equality?.key !== undefined && equality.value !== undefined) {
      const values = [checkValue(equality.value, text)];
      return {
        key: checkKey(equality.key, text),
        operator: equality.operator === '!=' ? 'NotIn' : 'In',
        values,
      };
    }

    return term.startsWith('!')
      ? {key: checkKey(term.slice(1).trim(), text), operator: 'DoesNotExist'}
      : {key: checkKey(term, text), operator: 'Exists'};
  });
}

/** `spec.owner=ada,status.node=a`; a backslash takes the meaning from `,`, `=` and itself, as in Kubernetes. Throws Invalid. */
export function parseFieldSelector(text: string): Record<string, string> {
  const fields: Record<string, string> = {};
  for (const term of text.match(/(?:\\.|[^,\\]|\\$)+/gs) ?? []) {
    const match = /^(?<path>[A-Za-z0-9_.-]+)==?(?<value>(?:\\[\\,=]|[^\\=])*)$/s.exec(term.trim())?.groups;
    if (match?.path === undefined || match.value === undefined) {
      throw invalid('field', text, `"${term.trim()}" is not of the form field=value`);
    }

    const value = match.value.replaceAll(/\\(.)/gs, '$1');
    if (Object.hasOwn(fields, match.path) && fields[match.path] !== value) {
      throw invalid('field', text, `${match.path} can't have two values`);
    }

    Object.defineProperty(fields, match.path, {value, enumerable: true, configurable: true, writable: true});
  }

  return fields;
}

function meets(labels: Readonly<Record<string, string>>, requirement: LabelRequirement): boolean {
  const value = Object.hasOwn(labels, requirement.key) ? labels[requirement.key] : undefined;
  switch (requirement.operator) {
    case 'In':
      return value !== undefined && requirement.values.includes(value);
    case 'NotIn':
      return value === undefined || !requirement.values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
  }
}

/** The value at a dotted path as text; empty when there is none. Objects have no text, and equal nothing. */
function fieldText(object: object, path: string): string | undefined {
  let value: unknown = object;
  for (const part of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) {
      return '';
    }

    value = Reflect.get(value, part);
  }

  return typeof value === 'object' && value !== null ? undefined : String(value ?? '');
}

/** Terms between commas that are not in parentheses. */
function splitTopLevel(text: string): string[] {
  const terms = text.split(/,(?![^(]*\))/).map(term => term.trim());
  if (terms.length === 1 && terms[0] === '') {
    return [];
  }

  if (terms.includes('')) {
    throw invalid('label', text, 'it has an empty term');
  }

  return terms;
}

function checkKey(key: string, text: string): string {
  if (
    key.length > 317 ||
    !/^(?:[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?\/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?$/.test(key)
  ) {
    throw invalid('label', text, `"${key}" is not a label key such as app or example.com/app`);
  }

  return key;
}

function checkValue(value: string, text: string): string {
  if (value.length > 63 || !/^(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?)?$/.test(value)) {
    throw invalid('label', text, `"${value}" is not a label value`);
  }

  return value;
}

function invalid(kind: 'label' | 'field', text: string, reason: string): StorageError {
  return new StorageError(
    'Invalid',
    `The ${kind} selector ${JSON.stringify(text.slice(0, 200))} can't be read: ${reason}`,
  );
}
