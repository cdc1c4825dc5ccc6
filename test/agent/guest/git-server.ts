import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {createServer} from 'node:http';

/** git's own HTTP server over `root`, for those who know the password. */
export async function serveGit(
  root: string,
  login: string,
): Promise<{readonly url: string; [Symbol.dispose](): void}> {
  const expected = `Basic ${Buffer.from(login).toString('base64')}`;
  const server = createServer((request, response) => {
    if (request.headers.authorization !== expected) {
      response.writeHead(401, {'www-authenticate': 'Basic realm="git"'}).end();
      return;
    }
    const [path = '', query = ''] = (request.url ?? '').split('?');
    const backend = spawn('git', ['http-backend'], {
      env: {
        PATH: process.env.PATH,
        GIT_PROJECT_ROOT: root,
        GIT_HTTP_EXPORT_ALL: '1',
        PATH_INFO: path,
        QUERY_STRING: query,
        REQUEST_METHOD: request.method,
        CONTENT_TYPE: request.headers['content-type'] ?? '',
        HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
        GIT_PROTOCOL: '',
      },
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    request.pipe(backend.stdin);
    const chunks: Buffer[] = [];
    backend.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    backend.on('close', () => {
      const answer = Buffer.concat(chunks);
      const end = answer.indexOf('\r\n\r\n');
      const fields = answer
        .subarray(0, end)
        .toString()
        .split('\r\n')
        .map(line => line.split(': '));
      const headers = Object.fromEntries(
        fields.map(([name = '', value = '']) => [name.toLowerCase(), value]),
      );
      const {status = '200', ...rest} = headers;
      response.writeHead(Number.parseInt(status, 10), rest).end(answer.subarray(end + 4));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : 0;
  return {url: `http://127.0.0.1:${port}`, [Symbol.dispose]: () => void server.close()};
}
