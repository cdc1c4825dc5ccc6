import {once} from 'node:events';
import {createServer as createHttpServer} from 'node:http';
import {createServer as createHttpsServer} from 'node:https';
import type {AddressInfo} from 'node:net';
import test from 'ava';
import {Agent, request} from 'undici';
import {systemRandom} from '../../../api/effects/random.ts';
import {createEitherServer} from '../../../api/server/either-server.ts';
import {selfSignedCertificate} from '../../../cli/server/self-signed-certificate.ts';

const {certificate, key} = selfSignedCertificate({
  hosts: ['127.0.0.1'],
  notBefore: Date.parse('2020-01-01'),
  notAfter: Date.parse('2049-01-01'),
  random: systemRandom,
});

/** Milliseconds: neither side ends a connection by itself. */
const keepAliveTimeout = 600_000;

async function start() {
  const plain = createHttpServer({keepAliveTimeout}, (_, response) => response.end('plain'));
  const secured = createHttpsServer({cert: certificate, key, keepAliveTimeout}, (_, response) =>
    response.end('secured'),
  );
  const server = createEitherServer({plain, secured, patience: 10_000});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {plain, secured, server, port: (server.address() as AddressInfo).port};
}

for (const scheme of ['http', 'https']) {
  test(`a connection over ${scheme} on which nothing goes on is ended when idle ones are closed`, async t => {
    const {plain, secured, server, port} = await start();
    const dispatcher = new Agent({connect: {rejectUnauthorized: false}, keepAliveTimeout});
    const {body} = await request(`${scheme}://127.0.0.1:${port}`, {dispatcher});
    t.is(await body.text(), scheme === 'http' ? 'plain' : 'secured');
    const closed = once(server, 'close');
    server.close();
    plain.closeIdleConnections();
    secured.closeIdleConnections();
    await closed;
    await dispatcher.destroy();
  });
}
