// A key-value store spoken to in lines: "GET key" and "INCR key", answered with a number each.
import {mkdirSync, readFileSync, renameSync, writeFileSync} from 'node:fs';
import {createServer} from 'node:net';
import {createInterface} from 'node:readline';

const port = 5432;
const file = new URL('../data/store.json', import.meta.url);
const values = load();

const server = createServer(async socket => {
  socket.on('error', error => console.error(`client: ${error.message}`));
  for await (const line of createInterface({input: socket})) {
    socket.write(`${answer(line.trim().split(/\s+/))}\n`);
  }
});

server.listen(port, () => console.log(`store: listening on ${port}, ${Object.keys(values).length} keys`));

function answer([verb, key]) {
  switch (verb) {
    case 'GET':
      return values[key] ?? 0;
    case 'INCR':
      values[key] = (values[key] ?? 0) + 1;
      save();
      return values[key];
    default:
      return 'ERROR expected GET or INCR';
  }
}

function load() {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    if (error.code !== 'ENOENT') {
      throw error;
    }

    return {};
  }
}

// Written beside and renamed, so that a crash leaves the old values or the new ones.
function save() {
  mkdirSync(new URL('.', file), {recursive: true});
  const partial = new URL('store.json.partial', file);
  writeFileSync(partial, JSON.stringify(values));
  renameSync(partial, file);
}
