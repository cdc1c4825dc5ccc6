import {readFile, stat} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import {Agent, request} from 'undici';
import {parse} from 'yaml';
import {systemRandom} from '../../api/effects/random.ts';
import {selfSignedCertificate} from '../../cli/server/self-signed-certificate.ts';
import {startServer} from '../api/server/test-server.ts';
import {createBench} from './run-cli.ts';

const hour = 3_600_000;

test('a kubeconfig names the server by TLS, trusts its certificate and holds the token, in a file for its owner alone', async t => {
  const alsoTls = selfSignedCertificate({
    hosts: ['localhost', '127.0.0.1', '::1'],
    notBefore: Date.now() - hour,
    notAfter: Date.now() + hour,
    random: systemRandom,
  });
  await using server = await startServer({certificate: alsoTls.certificate}, {alsoTls});
  await using bench = await createBench(server);

  const written = await bench.nexus(['kubeconfig', '--name', 'mine', '--output', 'config']);
  t.is(written.code, 0, written.stderr);
  t.regex(written.stderr, /export KUBECONFIG=/);
  t.false(written.stderr.includes(server.adminToken));
  const file = path.join(bench.folder, 'config');
  t.is((await stat(file)).mode & 0o777, 0o600);
  const config = parse(await readFile(file, 'utf8'));
  t.is(config['current-context'], 'mine');
  t.like(config.contexts[0].context, {cluster: 'mine', user: 'mine', namespace: 'default'});
  const {cluster} = config.clusters[0];
  t.is(cluster.server, server.url.replace('http:', 'https:'));

  const ca = Buffer.from(cluster['certificate-authority-data'], 'base64').toString();
  const dispatcher = new Agent({connect: {ca}});
  const {statusCode, body} = await request(`${cluster.server}/apis`, {
    dispatcher,
    headers: {authorization: `Bearer ${config.users[0].user.token}`},
  });
  t.is(statusCode, 200);
  await body.dump();
  await dispatcher.destroy();

  const again = await bench.nexus(['kubeconfig', '--output', 'config']);
  t.not(again.code, 0);
  t.regex(again.stderr, /is there already/);
  const printed = await bench.nexus(['kubeconfig']);
  t.is(parse(printed.stdout)['current-context'], 'nexus');
  t.regex(printed.stderr, /mode 0600/);
});

test('of a server that has no TLS, and without a token, there is no kubeconfig, and what to do is said', async t => {
  await using server = await startServer();
  await using bench = await createBench(server);
  const plain = await bench.nexus(['kubeconfig']);
  t.not(plain.code, 0);
  t.regex(plain.stderr, /kubectl sends no token to http:/);
  const stranger = await bench.nexus(['kubeconfig'], {env: {NEXUS_TOKEN: ''}});
  t.not(stranger.code, 0);
  t.regex(stranger.stderr, /no token to put into a kubeconfig/);
});
