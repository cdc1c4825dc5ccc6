import {createHash} from 'node:crypto';
import {Readable} from 'node:stream';
import {z} from 'zod';
import {instanceRecord} from '../instances/instance-record.ts';

/** What goes before the content of an instance on its way. */
const archiveHeader = z.object({
  version: z.literal(1),
  uid: z.string(),
  transfer: z.string(),
  format: z.string(),
  attributes: z.record(z.string(), z.string()),
  /** Bytes of the content, where known. */
  size: z.int().optional(),
  sourceStartedAt: z.string().optional(),
  record: instanceRecord,
});

export type ArchiveHeader = z.infer<typeof archiveHeader>;

/** Bytes of a header at most: a record with the largest configuration is well below. */
const headerLimit = 4 * 2 ** 20;

/** Bytes of the SHA-256 at the end. */
const digestLength = 32;

/**
 * An instance as it travels: one line of JSON, the content, and the SHA-256 of all before it. `confirm` is called after the content and before the digest:
 * when it throws, the archive fails, and no one will take it for whole.
 */
export function packArchive(
  header: ArchiveHeader,
  content: Readable,
  confirm: () => Promise<void>,
): Readable {
  async function* parts() {
    const hash = createHash('sha256');
    const line = Buffer.from(`${JSON.stringify(header)}\n`);
    hash.update(line);
    yield line;
    for await (const chunk of content as AsyncIterable<Buffer>) {
      hash.update(chunk);
      yield chunk;
    }
    await confirm();
    yield hash.digest();
  }
  const packed = Readable.from(parts(), {objectMode: false});
  packed.once('close', () => content.destroy());
  return packed;
}

/** Resolves once the header is read. `content` fails instead of ending when the digest does not fit. Rejects when it is no archive. */
export async function unpackArchive(
  archive: Readable,
): Promise<{readonly header: ArchiveHeader; readonly content: Readable}> {
  const chunks = archive[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  const hash = createHash('sha256');
  let held: Buffer = Buffer.alloc(0);
  let end = -1;
  while (end < 0) {
    const {value, done} = await chunks.next();
    if (done === true || held.length > headerLimit) {
      archive.destroy();
      throw new Error('what arrived is no archive of an instance');
    }
    held = Buffer.concat([held, value]);
    end = held.indexOf('\n');
  }
  const line = held.subarray(0, end + 1);
  hash.update(line);
  const header = archiveHeader.parse(JSON.parse(line.toString('utf8')));

  async function* content() {
    let rest = held.subarray(end + 1);
    for (;;) {
      const known = rest.length - digestLength;
      if (known > 0) {
        const piece = rest.subarray(0, known);
        hash.update(piece);
        yield piece;
        rest = rest.subarray(known);
      }
      const {value, done} = await chunks.next();
      if (done === true) {
        break;
      }
      rest = rest.length === 0 ? value : Buffer.concat([rest, value]);
    }
    if (!rest.equals(hash.digest())) {
      throw new Error('what arrived is not what was sent: its SHA-256 differs');
    }
  }
  const unpacked = Readable.from(content(), {objectMode: false});
  unpacked.once('close', () => archive.destroy());
  return {header, content: unpacked};
}
