// Reads a workspace as JSON on stdin; prints "NAME<TAB>URL" for each service that has one.
import {text} from 'node:stream/consumers';

interface Answer {
  readonly status?: {readonly services?: readonly {readonly name: string; readonly url?: string | null}[]};
}

const {status}: Answer = JSON.parse(await text(process.stdin));
for (const {name, url} of status?.services ?? []) {
  if (typeof url === 'string') {
    console.log(`${name}\t${url}`);
  }
}
