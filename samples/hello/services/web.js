// The page, and GET /healthz. Every view is counted by the api.
import {createServer} from 'node:http';
import {hostname} from 'node:os';

const port = 3000;
const api = process.env.API_URL ?? 'http://localhost:4000';

createServer(async (request, response) => {
  if (request.url === '/healthz') {
    response.writeHead(200, {'content-type': 'text/plain'}).end('ok\n');
    return;
  }

  if (request.url !== '/') {
    response.writeHead(404, {'content-type': 'text/plain'}).end('not found\n');
    return;
  }

  try {
    const answer = await fetch(`${api}/visits`, {method: 'POST', signal: AbortSignal.timeout(2000)});
    if (!answer.ok) {
      throw new Error(`the api answered ${answer.status}`);
    }

    const {visits} = await answer.json();
    response.writeHead(200, {'content-type': 'text/html; charset=utf-8'}).end(page(visits));
  } catch (error) {
    console.error(`GET /: ${error.message}`);
    response.writeHead(502, {'content-type': 'text/plain'}).end(`the api is away: ${error.message}\n`);
  }
}).listen(port, () => console.log(`web: listening on ${port}`));

function page(visits) {
  return `<!doctype html>
<meta charset="utf-8">
<title>Hello from Nexus</title>
<style>
  body { font: 1.1rem/1.6 system-ui, sans-serif; max-width: 34rem; margin: 15vh auto; padding: 0 1rem; }
  strong { font-size: 2.5rem; }
  code { background: #8882; padding: .1em .4em; border-radius: .3em; }
</style>
<h1>Hello from ${hostname()}</h1>
<p><strong>${visits}</strong> views, counted by <code>web</code> → <code>api</code> → <code>store</code>.</p>
<p>Kill one of them and look again: it comes back.</p>
`;
}
