import type {Answer, Side} from './sides.ts';

/** What no two servers have alike: uids, times, resource versions, and tokens that continue lists. */
const masked: Readonly<Record<string, string>> = {
  uid: 'UID',
  resourceVersion: 'VERSION',
  creationTimestamp: 'TIME',
  deletionTimestamp: 'TIME',
  time: 'TIME',
  continue: 'CONTINUE',
};

const uid = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;

/** An answer with all that masked, and what has no order in order. */
export function mask({status, warnings, body}: Answer, {namespace}: Pick<Side, 'namespace'>): Answer {
  return {status, warnings: warnings.toSorted(), body: maskValue(body, namespace)};
}

function maskValue(value: unknown, namespace: string): unknown {
  if (typeof value === 'string') {
    return maskText(value, namespace);
  }

  if (Array.isArray(value)) {
    return value.map(item => maskValue(item, namespace));
  }

  if (typeof value !== 'object' || value === null) {
    return value;
  }

  const entries = Object.entries(value).map(([name, part]): [string, unknown] => {
    const stand = Object.hasOwn(masked, name) ? masked[name] : undefined;
    if (stand !== undefined && typeof part === 'string' && part !== '') {
      return [name, stand];
    }

    const inner = maskValue(part, namespace);
    return [name, isUnordered(name, inner) ? inner.toSorted(byText) : inner];
  });
  const object = Object.fromEntries(entries.sort(([left], [right]) => (left < right ? -1 : 1)));
  return withoutRepetition(object);
}

/** Ages in tables, versions in messages, and objects that messages repeat. */
function maskText(text: string, namespace: string): string {
  return text
    .replaceAll(namespace, 'default')
    .replaceAll(uid, 'UID')
    .replace(/^\d+s$/, 'AGE')
    .replace(/in record \(\d+\)/, 'in record (VERSION)')
    .replace(/, current: \d+/, ', current: VERSION')
    .replace(/(Invalid value: ")\{.*\}(": (?:strict|unrecognized))/s, '$1OBJECT$2');
}

function isUnordered(name: string, value: unknown): value is unknown[] {
  return (name === 'managedFields' || name === 'causes') && Array.isArray(value);
}

/** The message of several faults repeats them in any order. */
function withoutRepetition(value: Record<string, unknown>): Record<string, unknown> {
  const {message} = value;
  return value.kind === 'Status' && typeof message === 'string' && message.includes(' is invalid: [')
    ? {...value, message: message.replace(/ is invalid: \[.*$/s, ' is invalid: […]')}
    : value;
}

function byText(left: unknown, right: unknown): number {
  return JSON.stringify(left) < JSON.stringify(right) ? -1 : 1;
}
