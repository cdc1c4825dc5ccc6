// HTTP in front of the store: GET /healthz, GET /visits, POST /visits.
import {createServer} from 'node:http';
import {createConnection} from 'node:net';
import {createInterface} from 'node:readline';

const port = 4000;
const [storeHost, storePort] = (process.env.STORE ?? 'localhost:5432').split(':');

const routes = {
  'GET /healthz': async () => ({status: 'ok', visits: await ask('GET visits')}),
  'GET /visits': async () => ({visits: await ask('GET visits')}),
  'POST /visits': async () => ({visits: await ask('INCR visits')}),
};

createServer(async (request, response) => {
  const {pathname} = new URL(request.url, 'http://localhost');
  const route = routes[`${request.method} ${pathname}`];
  if (route === undefined) {
    reply(response, 404, {error: `no such route: ${request.method} ${pathname}`});
    return;
  }

  try {
    reply(response, 200, await route());
  } catch (error) {
    console.error(`${request.method} ${pathname}: ${error.message}`);
    reply(response, 503, {error: `store: ${error.message}`});
  }
}).listen(port, () => console.log(`api: listening on ${port}`));

function reply(response, status, body) {
  response.writeHead(status, {'content-type': 'application/json'});
  response.end(`${JSON.stringify(body)}\n`);
}

async function ask(command) {
  const socket = createConnection({host: storeHost, port: Number(storePort), timeout: 1000});
  socket.on('timeout', () => socket.destroy(new Error('no answer within a second')));
  socket.write(`${command}\n`);
  try {
    for await (const line of createInterface({input: socket})) {
      return Number(line);
    }

    throw new Error('closed the connection');
  } finally {
    socket.destroy();
  }
}
