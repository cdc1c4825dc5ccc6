import type {Readable, Writable} from 'node:stream';

export type Outputs = {
  readonly stdout: Writable;
  /** Missing with a terminal, which has one stream that is not framed. */
  readonly stderr?: Writable;
};

const headerLength = 8;

/**
 * Takes apart what Docker sends of a command: frames of a header (which stream, length) and as many bytes. Nothing is read ahead of who takes it.
 * Resolves at the end, with the outputs ended; a connection that breaks off is an end too.
 */
export async function demultiplex(source: Readable, {stdout, stderr}: Outputs): Promise<void> {
  let header = Buffer.alloc(0);
  let left = 0;
  let target = stdout;
  try {
    for await (const chunk of source as AsyncIterable<Buffer>) {
      if (stderr === undefined) {
        await give(stdout, chunk);
        continue;
      }
      let rest = chunk;
      while (rest.length > 0) {
        if (left === 0) {
          const missing = headerLength - header.length;
          header = Buffer.concat([header, rest.subarray(0, missing)]);
          rest = rest.subarray(missing);
          if (header.length < headerLength) break;
          target = header[0] === 2 ? stderr : stdout;
          left = header.readUInt32BE(4);
          header = Buffer.alloc(0);
        } else {
          const piece = rest.subarray(0, left);
          rest = rest.subarray(piece.length);
          left -= piece.length;
          await give(target, piece);
        }
      }
    }
  } catch {
    // The exit code tells whether anything was lost.
  } finally {
    stdout.end();
    stderr?.end();
  }
}

async function give(target: Writable, piece: Buffer): Promise<void> {
  if (target.destroyed || target.write(piece)) return;

  const {promise, resolve} = Promise.withResolvers<void>();
  target.once('drain', resolve);
  target.once('close', resolve);
  await promise;
  target.off('drain', resolve);
  target.off('close', resolve);
}
