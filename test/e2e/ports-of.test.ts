import {once} from 'node:events';
import {createServer} from 'node:net';
import test from 'ava';
import {portsOf} from './ports-of.ts';

test('the ports of a process are those it listens on itself, for as long as it does', async t => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
  t.true((await portsOf(process.pid)).includes(port));
  t.false((await portsOf(process.ppid)).includes(port));
  server.close();
  await once(server, 'close');
  t.false((await portsOf(process.pid)).includes(port));
});
