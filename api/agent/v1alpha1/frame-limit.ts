/** A node with a thousand instances, each with the largest configuration it may report, stays well below. Bytes. */
const messageLimit = 64 * 1024 * 1024;

/** Of one message, in bytes. What is not the protocol at all, such as the greeting of a login shell, is soon longer. */
const headerLimit = 4096;

/**
 * Looks at the bytes of a connection as they pass, and throws as soon as they are no frames of JSON-RPC or a message says that it is longer than
 * one may be: vscode-jsonrpc would go on collecting it in memory.
 */
export function createFrameLimit(): (chunk: Buffer) => void {
  let header = '';
  let bodyLeft = 0;

  return chunk => {
    let offset = 0;
    while (offset < chunk.length) {
      if (bodyLeft > 0) {
        const skipped = Math.min(bodyLeft, chunk.length - offset);
        bodyLeft -= skipped;
        offset += skipped;
        continue;
      }
      const before = header.length;
      header += chunk.toString('latin1', offset, Math.min(chunk.length, offset + headerLimit - before + 1));
      const end = header.indexOf('\r\n\r\n');
      if (end < 0) {
        if (header.length > headerLimit) {
          throw new Error(`no message begins with ${JSON.stringify(header.slice(0, 80))}`);
        }
        return;
      }
      offset += end + 4 - before;
      bodyLeft = contentLength(header.slice(0, end));
      header = '';
    }
  };
}

function contentLength(header: string): number {
  const length = /^content-length: *([0-9]{1,15})$/im.exec(header)?.[1];
  if (length === undefined) {
    throw new Error(`no message begins with ${JSON.stringify(header.slice(0, 80))}`);
  }
  if (Number(length) > messageLimit) {
    throw new Error(`a message of ${length} bytes is longer than the ${messageLimit} that are allowed`);
  }
  return Number(length);
}
