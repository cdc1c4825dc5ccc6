import {Transform} from 'node:stream';

export type WithoutFirstLine = {
  /** Never resolves when there is none. */
  readonly firstLine: Promise<string>;
  /** What comes after it. */
  readonly rest: Transform;
};

/** Bytes; a process id and its end are fewer. */
const longest = 64;

/** Takes the first line off a stream. What begins with a longer one is passed on whole. */
export function withoutFirstLine(): WithoutFirstLine {
  const {promise, resolve} = Promise.withResolvers<string>();
  let head: Buffer | undefined = Buffer.alloc(0);
  const rest = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      if (head === undefined) {
        done(null, chunk);
        return;
      }
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf('\n');
      if (end === -1 && head.length <= longest) {
        done();
        return;
      }
      if (end !== -1) resolve(head.subarray(0, end).toString().trim());
      const tail = head.subarray(end + 1);
      head = undefined;
      if (tail.length > 0) this.push(tail);
      done();
    },
  });
  return {firstLine: promise, rest};
}
