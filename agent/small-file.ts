import type {Readable} from 'node:stream';
import {DriverError} from './driver.ts';

/** Bytes. What the agent reads of an instance is small; whoever is root inside decides how large it really is. */
export const longestFile = 16 * 2 ** 20;

/** All of a file of an instance. Rejects with DriverError Internal, and asks for no more, when it is longer than {@link longestFile}. */
export async function readSmallFile(content: Readable, path: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of content as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > longestFile) {
      throw new DriverError('Internal', `${path} has more than ${longestFile} bytes, which are not read`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length);
}
