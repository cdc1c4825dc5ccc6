import type {Readable} from 'node:stream';
import {z} from 'zod';
import {timestamp} from '../../v1alpha1/metadata.ts';
import type {StoreRecord} from './store-record.ts';
import {parseRecord, plain} from './store-record.ts';

/** The first line of a store in a file. */
const header = z.object({
  format: z.literal('nexus-store'),
  version: z.literal(1),
  id: z.string().min(1).describe('Of this copy.'),
  installation: z
    .string()
    .regex(/^[0-9a-f]{6}$/)
    .describe('What everything on the nodes is named after.'),
  epoch: z.int().nonnegative(),
  from: z.string().describe('The store that it is a copy of.'),
  createdAt: timestamp,
  nexus: z.string().describe('The version that wrote it.'),
});

export type StoreFileHeader = Omit<z.infer<typeof header>, 'format' | 'version'>;

/** The last line: without it the file was cut off. */
const end = z.strictObject({type: z.literal('end'), records: z.int()});

/** What is not, or not wholly, a store in a file. */
export class StoreFileInvalid extends Error {
  override readonly name = 'StoreFileInvalid';
}

/** A store as lines of JSON: a header, one for each record, an end. Secrets are as the store has them: hashed, or encrypted with the server's key. */
export async function* formatStoreFile(
  about: StoreFileHeader,
  records: AsyncIterable<StoreRecord>,
): AsyncGenerator<string, void, undefined> {
  yield `${JSON.stringify({format: 'nexus-store', version: 1, ...about})}\n`;
  let count = 0;
  for await (const record of records) {
    count += 1;
    yield `${JSON.stringify(plain(record))}\n`;
  }

  yield `${JSON.stringify({type: 'end', records: count})}\n`;
}

export type StoreFile = {
  readonly header: StoreFileHeader;
  /** Throws StoreFileInvalid at a line that is no record, and where the file ends too early. */
  readonly records: AsyncIterable<StoreRecord>;
};

/** Reads no further than the header. Throws StoreFileInvalid when there is none that this version knows. */
export async function readStoreFile(input: Readable): Promise<StoreFile> {
  const lines = linesOf(input);
  const first = await lines.next();
  const about = parseHeader(first.done === true ? '' : first.value);
  return {header: about, records: readRecords(lines)};
}

/** A line feed alone ends a line: readline has more that do (U+2028), and JSON leaves those as they are. */
async function* linesOf(input: Readable): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder('utf-8', {fatal: true});
  const decode = (bytes: Uint8Array | undefined): string => {
    try {
      return decoder.decode(bytes, {stream: bytes !== undefined});
    } catch (cause) {
      throw new StoreFileInvalid('it is not UTF-8', {cause});
    }
  };
  let rest = '';
  for await (const chunk of input) {
    rest += typeof chunk === 'string' ? chunk : decode(chunk);
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }

  rest += decode(undefined);
  if (rest !== '') {
    yield rest;
  }
}

function parseHeader(line: string): StoreFileHeader {
  const value = parseLine(line, 1);
  const parsed = header.safeParse(value);
  if (parsed.success) {
    const {format: _, version: __, ...about} = parsed.data;
    return about;
  }

  const named = z.looseObject({format: z.literal('nexus-store'), version: z.int()}).safeParse(value);
  throw new StoreFileInvalid(
    named.success && named.data.version !== 1
      ? `its version is ${named.data.version}, and this nexus knows 1: use the one that wrote it, or a later one`
      : 'its first line does not say that it is a store: was it made by nexus store export?',
    {cause: parsed.error},
  );
}

async function* readRecords(
  lines: AsyncIterator<string, unknown, unknown>,
): AsyncGenerator<StoreRecord, void, undefined> {
  let count = 0;
  for (let number = 2; ; number += 1) {
    const next = await lines.next();
    if (next.done === true) {
      throw new StoreFileInvalid(
        `it ends after line ${number - 1}, too early: it was not written to its end`,
      );
    }

    const value = parseLine(next.value, number);
    const last = end.safeParse(value);
    if (last.success) {
      if (last.data.records !== count) {
        throw new StoreFileInvalid(
          `it has ${count} records, and had ${last.data.records} when it was written`,
        );
      }

      return;
    }

    yield toRecord(value, number);
    count += 1;
  }
}

function toRecord(value: unknown, number: number): StoreRecord {
  try {
    return parseRecord(value);
  } catch (cause) {
    const [issue] = cause instanceof z.ZodError ? cause.issues : [];
    throw new StoreFileInvalid(
      `line ${number} is not a record: ${issue?.path.map(String).join('.') ?? ''} ${issue?.message ?? ''}`,
      {cause},
    );
  }
}

function parseLine(line: string, number: number): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw new StoreFileInvalid(`line ${number} is not JSON`, {cause});
  }
}
