import type {IncomingMessage} from 'node:http';
import type {YAMLMap} from 'yaml';
import {isScalar, parseDocument, visit} from 'yaml';
import {RequestError} from './request-error.ts';

/** Bytes of a JSON or YAML body. */
export const documentLimit = 1_048_576;

/** Mappings and lists within each other: no honest manifest comes near. */
export const depthLimit = 64;

/** Characters of YAML: its parser takes a second for a megabyte, and nobody else is served meanwhile. */
const yamlLimit = 262_144;

/** How often aliases may be followed in all; more is an attack ("billion laughs"). */
const aliasLimit = 100;

/**
 * All bytes of a body, if they are at most `limit`. Throws RequestError `PayloadTooLarge` without reading on, `BadRequest` when the
 * body ends before its time.
 */
export async function readBody(request: IncomingMessage, limit: number): Promise<Buffer> {
  const declared = Number(request.headers['content-length'] ?? 0);
  if (declared > limit) {
    throw tooLarge(limit);
  }

  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of request.iterator({destroyOnReturn: false})) {
      length += chunk.length;
      if (length > limit) {
        throw tooLarge(limit);
      }

      chunks.push(chunk);
    }
  } catch (error) {
    throw error instanceof RequestError ? error : cutOff(error);
  }

  if (!request.complete) {
    throw cutOff(undefined);
  }

  return Buffer.concat(chunks);
}

/** JSON or YAML, as `contentType` has it. Throws RequestError `BadRequest` or `UnsupportedMediaType`. */
export function parseBody(body: Buffer, contentType: string | undefined): unknown {
  const type = mediaType(contentType);
  const text = decode(body);
  const value =
    type === 'application/yaml' ||
    type === 'application/x-yaml' ||
    type === 'text/yaml' ||
    type.endsWith('+yaml')
      ? parseYaml(text)
      : type === 'application/json' || type.endsWith('+json')
        ? parseJson(text)
        : refuseType(type);
  checkDepth(value);
  return value;
}

export function mediaType(contentType: string | undefined): string {
  return (contentType ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
}

function refuseType(type: string): never {
  throw new RequestError('UnsupportedMediaType', `A body of type "${type}" is not understood here`, {
    hint: 'Send application/json or application/yaml, and say so in Content-Type.',
  });
}

function decode(body: Buffer): string {
  try {
    return new TextDecoder('utf-8', {fatal: true}).decode(body);
  } catch (cause) {
    throw new RequestError('BadRequest', 'The body is not UTF-8 text', {cause});
  }
}

function parseJson(text: string): unknown {
  if (text.trim() === '') {
    throw new RequestError('BadRequest', 'The body is empty', {hint: 'Send the object as JSON or YAML.'});
  }

  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new RequestError('BadRequest', `The body is not JSON: ${messageOf(cause)}`, {cause});
  }
}

function parseYaml(text: string): unknown {
  // JSON is YAML too, and what programs send: no need for the slower parser then.
  if (text.startsWith('{')) {
    try {
      return JSON.parse(text);
    } catch {
      // YAML's flow style looks alike.
    }
  }

  if (text.length > yamlLimit) {
    throw new RequestError(
      'PayloadTooLarge',
      `YAML may have ${yamlLimit} bytes here; send JSON, or less at once`,
    );
  }

  if (text.trim() === '') {
    throw new RequestError('BadRequest', 'The body is empty', {hint: 'Send the object as JSON or YAML.'});
  }

  try {
    // The parser's own check for keys that occur twice compares each with each: half a minute for a hostile megabyte.
    const document = parseDocument(text, {schema: 'core', uniqueKeys: false, logLevel: 'error'});
    const [error] = document.errors;
    if (error !== undefined) {
      throw error;
    }

    visit(document, {Map: checkKeys});
    return document.toJS({maxAliasCount: aliasLimit});
  } catch (cause) {
    const message = messageOf(cause);
    throw message.includes('call stack')
      ? tooDeep()
      : cause instanceof RequestError
        ? cause
        : new RequestError('BadRequest', `The body is not YAML: ${message}`, {cause});
  }
}

function checkKeys(_: unknown, map: YAMLMap): void {
  const seen = new Set<unknown>();
  for (const {key} of map.items) {
    const name = isScalar(key) ? key.value : key;
    if (typeof name === 'object' && name !== null) {
      throw new RequestError('BadRequest', 'The body has a key that is no text, which JSON can not say');
    }

    if (seen.has(name)) {
      throw new RequestError('BadRequest', `The body has the key "${String(name)}" twice in one mapping`);
    }

    seen.add(name);
  }
}

function checkDepth(value: unknown): void {
  const pending: {value: unknown; depth: number}[] = [{value, depth: 1}];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (typeof next.value !== 'object' || next.value === null) {
      continue;
    }

    if (next.depth > depthLimit) {
      throw tooDeep();
    }

    for (const inner of Object.values(next.value)) {
      pending.push({value: inner, depth: next.depth + 1});
    }
  }
}

function tooDeep(): RequestError {
  return new RequestError('BadRequest', `The body nests deeper than ${depthLimit} levels`);
}

function tooLarge(limit: number): RequestError {
  return new RequestError(
    'PayloadTooLarge',
    `The body is larger than ${limit} bytes, which is the limit here`,
  );
}

function cutOff(cause: unknown): RequestError {
  return new RequestError('BadRequest', 'The body ended before all of it had arrived; nothing was changed', {
    cause,
  });
}

function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0]?.slice(0, 300) ?? '';
}
