import {z} from 'zod';
import {parseWith} from '../v1alpha1/validate.ts';
import {depthLimit, documentLimit} from './request-body.ts';
import {RequestError} from './request-error.ts';

/** RFC 7386: null removes, mappings merge, everything else replaces. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isMapping(patch)) {
    return patch;
  }

  const merged = new Map<string, unknown>(isMapping(target) ? Object.entries(target) : []);
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) {
      merged.delete(key);
    } else {
      merged.set(key, mergePatch(merged.get(key), value));
    }
  }

  // Makes own properties of whatever they are called, also `__proto__`.
  return Object.fromEntries(merged);
}

const pointer = z.string().regex(/^(?:\/(?:[^~/]|~[01])*)*$/, 'must be a JSON pointer such as /spec/running');

const operations = z
  .array(
    z.discriminatedUnion('op', [
      z.object({op: z.enum(['add', 'replace', 'test']), path: pointer, value: z.unknown()}),
      z.object({op: z.literal('remove'), path: pointer}),
      z.object({op: z.enum(['move', 'copy']), path: pointer, from: pointer}),
    ]),
  )
  .max(1000);

/**
 * RFC 6902, all or nothing. Throws StorageError `Invalid` for what is no patch, RequestError `Unprocessable` when it does not apply, `PayloadTooLarge` when what
 * it adds and copies is larger than a document may be, which a few copies of copies are.
 */
export function jsonPatch(target: unknown, patch: unknown): unknown {
  let document = structuredClone(target);
  let size = 0;
  const grow = (path: Path, value: unknown): void => {
    if (path.length > depthLimit) {
      throw inapplicable(path.slice(0, 3).join('/'), `it is deeper than ${depthLimit} fields`);
    }

    size += JSON.stringify(value)?.length ?? 0;
    if (size > documentLimit) {
      throw new RequestError(
        'PayloadTooLarge',
        `What the patch adds and copies is larger than ${documentLimit} bytes`,
      );
    }
  };
  for (const operation of parseWith(operations, patch, 'The patch')) {
    const path = segments(operation.path);
    switch (operation.op) {
      case 'add': {
        grow(path, operation.value);
        document = add(document, path, operation.value);
        break;
      }

      case 'replace': {
        read(document, path);
        document = add(path.length === 0 ? document : remove(document, path), path, operation.value);
        break;
      }

      case 'remove': {
        document = remove(document, path);
        break;
      }

      case 'test': {
        if (!sameJson(read(document, path), operation.value)) {
          throw inapplicable(operation.path, 'the test failed: there is another value');
        }

        break;
      }

      case 'copy': {
        const value = read(document, segments(operation.from));
        grow(path, value);
        document = add(document, path, structuredClone(value));
        break;
      }

      case 'move': {
        const from = segments(operation.from);
        const value = read(document, from);
        grow(path, undefined);
        if (operation.path.startsWith(`${operation.from}/`)) {
          throw inapplicable(operation.path, 'a value can not be moved into itself');
        }

        document = add(remove(document, from), path, value);
        break;
      }
    }
  }

  return document;
}

type Path = readonly string[];

function segments(text: string): Path {
  return text
    .split('/')
    .slice(1)
    .map(part => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function read(document: unknown, path: Path): unknown {
  let value = document;
  for (const part of path) {
    if (Array.isArray(value)) {
      value = value[indexIn(value, part, path)];
    } else if (isMapping(value) && Object.hasOwn(value, part)) {
      value = value[part];
    } else {
      throw inapplicable(path.join('/'), 'there is nothing there');
    }
  }

  return value;
}

/** A copy of `document` with `change` made to what holds the last part of `path`. */
function edit(document: unknown, path: Path, change: (parent: unknown, key: string) => unknown): unknown {
  const [part, ...rest] = path;
  if (part === undefined) {
    throw inapplicable('', 'the whole document can not be removed');
  }

  if (rest.length === 0) {
    return change(document, part);
  }

  if (Array.isArray(document)) {
    const index = indexIn(document, part, path);
    return document.with(index, edit(document[index], rest, change));
  }

  if (isMapping(document) && Object.hasOwn(document, part)) {
    return Object.fromEntries(
      Object.entries(document).map(([key, value]) => [key, key === part ? edit(value, rest, change) : value]),
    );
  }

  throw inapplicable(path.join('/'), 'there is nothing there');
}

function add(document: unknown, path: Path, value: unknown): unknown {
  return path.length === 0
    ? value
    : edit(document, path, (parent, key) => {
        if (Array.isArray(parent)) {
          return parent.toSpliced(
            key === '-' ? parent.length : indexIn([...parent, null], key, path),
            0,
            value,
          );
        }

        if (isMapping(parent)) {
          return Object.fromEntries([
            ...Object.entries(parent).filter(([name]) => name !== key),
            [key, value],
          ]);
        }

        throw inapplicable(path.join('/'), 'its parent holds no fields');
      });
}

function remove(document: unknown, path: Path): unknown {
  read(document, path);
  return edit(document, path, (parent, key) =>
    Array.isArray(parent)
      ? parent.toSpliced(indexIn(parent, key, path), 1)
      : Object.fromEntries(Object.entries(parent ?? {}).filter(([name]) => name !== key)),
  );
}

function indexIn(list: readonly unknown[], part: string, path: Path): number {
  const index = /^(?:0|[1-9][0-9]{0,8})$/.test(part) ? Number(part) : -1;
  if (index < 0 || index >= list.length) {
    throw inapplicable(path.join('/'), `"${part}" is no index of a list of ${list.length}`);
  }

  return index;
}

function sameJson(left: unknown, right: unknown): boolean {
  if (Array.isArray(left) && Array.isArray(right)) {
    return left.length === right.length && left.every((value, index) => sameJson(value, right[index]));
  }

  if (isMapping(left) && isMapping(right)) {
    const keys = Object.keys(left);
    return (
      keys.length === Object.keys(right).length &&
      keys.every(key => Object.hasOwn(right, key) && sameJson(left[key], right[key]))
    );
  }

  return left === right;
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function inapplicable(path: string, reason: string): RequestError {
  return new RequestError('Unprocessable', `The patch does not apply at "${path}": ${reason}`);
}
