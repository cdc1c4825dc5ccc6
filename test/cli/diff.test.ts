import {createServer} from 'node:http';
import type {AddressInfo} from 'node:net';
import test from 'ava';
import {createBench} from './run-cli.ts';

test('a server that fails ends diff with an exit code that cannot be taken for a difference', async t => {
  const server = createServer((_request, response) => {
    response.writeHead(500, {'content-type': 'application/json'});
    response.end(
      JSON.stringify({error: {code: 'Internal', message: 'the disk is on fire', requestId: 'r1'}}),
    );
  });
  await new Promise<void>(resolve => {
    server.listen(0, '127.0.0.1', resolve);
  });
  t.teardown(() => server.close());
  const {port} = server.address() as AddressInfo;
  await using bench = await createBench({url: `http://127.0.0.1:${port}`, adminToken: 'token'});
  const {code, stderr} = await bench.nexus(['diff', '-f', '-'], {stdin: 'name: hello\n'});
  t.is(code, 3);
  t.regex(stderr, /could not compare: the disk is on fire/);
});
