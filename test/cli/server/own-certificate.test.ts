import {mkdtemp, readFile, rm, stat, writeFile} from 'node:fs/promises';
import {createServer} from 'node:http';
import {createServer as createHttpsServer} from 'node:https';
import {tmpdir} from 'node:os';
import path from 'node:path';
import test from 'ava';
import {Agent, request} from 'undici';
import {systemClock} from '../../../api/effects/clock.ts';
import {systemRandom} from '../../../api/effects/random.ts';
import {createEitherServer} from '../../../api/server/either-server.ts';
import {loadOwnCertificate} from '../../../cli/server/own-certificate.ts';

const effects = {clock: systemClock, random: systemRandom};

async function withFolder(work: (file: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(path.join(tmpdir(), 'nexus-certificate-'));
  try {
    await work(path.join(folder, 'tls.pem'));
  } finally {
    await rm(folder, {recursive: true});
  }
}

test('one port answers plain HTTP and TLS, and who trusts the certificate knows the server by name and by addresses', async t => {
  await withFolder(async file => {
    const {certificate, key} = await loadOwnCertificate(file, effects);
    const plain = createServer((_, response) => response.end('plain'));
    const secured = createHttpsServer({cert: certificate, key}, (_, response) => response.end('secured'));
    const server = createEitherServer({plain, secured, patience: 15_000});
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    const dispatcher = new Agent({connect: {ca: certificate}});
    const strangers = new Agent();
    try {
      t.is(await (await request(`http://127.0.0.1:${port}`)).body.text(), 'plain');
      for (const host of ['127.0.0.1', 'localhost']) {
        const {body} = await request(`https://${host}:${port}`, {dispatcher});
        t.is(await body.text(), 'secured');
      }

      await t.throwsAsync(request(`https://127.0.0.1:${port}`, {dispatcher: strangers}), {
        message: /self-signed certificate|unable to verify/,
      });
    } finally {
      await Promise.all([dispatcher.destroy(), strangers.destroy()]);
      server.close();
      plain.closeAllConnections();
    }
  });
});

test('the certificate is made once, for its owner alone, and what is none is not replaced', async t => {
  await withFolder(async file => {
    const first = await loadOwnCertificate(file, effects);
    t.deepEqual(await loadOwnCertificate(file, effects), first);
    t.is((await stat(file)).mode & 0o777, 0o600);
    await writeFile(file, 'something else');
    await t.throwsAsync(loadOwnCertificate(file, effects), {message: /does not hold a certificate/});
    t.is(await readFile(file, 'utf8'), 'something else');
  });
});
