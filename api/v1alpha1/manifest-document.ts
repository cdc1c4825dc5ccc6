import type {Document, Node} from 'yaml';
import {isAlias, isMap, isNode, isScalar, isSeq, LineCounter, parseAllDocuments, visit} from 'yaml';
import {depthLimit, nestsTooDeep} from './manifest-depth.ts';

/** Longer text is refused before it is parsed. */
export const manifestLimit = 1_048_576;

/** So many are told; whoever has more begins with these. */
export const issueLimit = 20;

export type Position = {readonly line: number; readonly column: number};

/** What is wrong with a text, and where. Lines and columns count from 1. */
export type TextIssue = Partial<Position> & {readonly path: string; readonly message: string};

export type ManifestDocument = {
  readonly value: unknown;
  /** Where the value at `path` is written, or the nearest thing around it that is; for a key that is there, the key. */
  locate(path: readonly PropertyKey[]): Position;
  /** How the scalar at `path` is written, such as `1.10` for the number 1.1. */
  source(path: readonly PropertyKey[]): string | undefined;
};

export type ParsedText =
  | {readonly ok: true; readonly documents: readonly ManifestDocument[]}
  | {readonly ok: false; readonly issues: readonly TextIssue[]};

/**
 * The YAML (or JSON) documents in `text`, empty ones left out. Hostile input (too long, too deep, aliases that multiply, unknown
 * tags) is refused with an issue, never thrown.
 */
export function parseDocuments(text: string): ParsedText {
  const refuse = (message: string): ParsedText => ({ok: false, issues: [{path: '', message}]});
  if (text.length > manifestLimit) {
    return refuse(`is ${text.length} characters long; at most ${manifestLimit} are accepted`);
  }

  if (nestsTooDeep(text)) {
    return refuse(`is nested deeper than ${depthLimit} levels`);
  }

  const lines = new LineCounter();
  // The parser's own check for repeated keys takes time by the square of their number.
  const parsed = parseAllDocuments(text, {lineCounter: lines, prettyErrors: false, uniqueKeys: false});
  if (!Array.isArray(parsed)) {
    return {ok: true, documents: []};
  }

  const at = (offset: number): Position => {
    const {line, col} = lines.linePos(offset);
    return {line, column: col};
  };
  const issues = parsed.flatMap(document => [
    ...[...document.errors, ...document.warnings].map(({message, pos}) => ({
      path: '',
      message,
      ...at(pos[0]),
    })),
    ...repeatedKeys(document, at),
  ]);
  if (issues.length > 0) {
    return {ok: false, issues: issues.slice(0, issueLimit)};
  }

  try {
    return {
      ok: true,
      documents: parsed
        .map(document => toManifestDocument(document, at))
        .filter(({value}) => value !== null && value !== undefined),
    };
  } catch (error) {
    // The parser throws for aliases that would multiply beyond its limit.
    return refuse(error instanceof Error ? error.message : String(error));
  }
}

function toManifestDocument(document: Document.Parsed, at: (offset: number) => Position): ManifestDocument {
  return {
    value: document.toJS({maxAliasCount: 100}),
    locate: path => at(find(document, path).offset),
    source(path) {
      const {node} = find(document, path);
      return isScalar(node) ? node.source : undefined;
    },
  };
}

function repeatedKeys(document: Document.Parsed, at: (offset: number) => Position): TextIssue[] {
  const issues: TextIssue[] = [];
  visit(document, {
    Map(_key, map) {
      const seen = new Set<unknown>();
      for (const {key} of map.items) {
        if (isScalar(key) && seen.has(key.value)) {
          issues.push({
            path: '',
            message: `the key ${String(key.value)} is given twice`,
            ...at(key.range?.[0] ?? 0),
          });
        }

        seen.add(isScalar(key) ? key.value : key);
      }
    },
  });
  return issues;
}

/** The deepest node on the way to `path`; its offset is that of its key when it has one. */
function find(document: Document.Parsed, path: readonly PropertyKey[]): {node: Node | null; offset: number} {
  let node: Node | null = document.contents;
  let offset = node?.range?.[0] ?? 0;
  for (const step of path) {
    if (isAlias(node)) {
      node = node.resolve(document) ?? null;
    }

    if (isMap<Node, Node | null>(node)) {
      const pair = node.items.find(({key}) => isScalar(key) && String(key.value) === String(step));
      if (pair === undefined) {
        return {node: null, offset};
      }

      offset = pair.key.range?.[0] ?? offset;
      node = pair.value;
    } else {
      const item = sequenceItem(node, step);
      if (item === undefined) {
        return {node: null, offset};
      }

      node = item;
      offset = node.range?.[0] ?? offset;
    }
  }

  return {node, offset};
}

function sequenceItem(node: Node | null, step: PropertyKey): Node | undefined {
  const item = isSeq(node) ? node.items[Number(step)] : undefined;
  return isNode(item) ? item : undefined;
}
