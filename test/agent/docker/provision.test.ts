import {randomUUID} from 'node:crypto';
import {text} from 'node:stream/consumers';
import test from 'ava';
import {createClient} from '../../../agent/docker/client.ts';
import {labels} from '../../../agent/docker/labels.ts';
import {namesOf} from '../../../agent/docker/names.ts';
import {exampleHostKey, exampleKey} from '../../contracts/driver/example.ts';
import {backends, onBackend} from '../lxd/backends.ts';
import {openDocker} from './fixture.ts';

onBackend(backends[2], ({socket, tarball}) => {
  test('an image that nobody has prepared is made ready at its first start, and stays so', async t => {
    await using fixture = await openDocker(socket, tarball);
    const {driver, installation} = fixture;
    await using client = createClient({socket});
    // As a plain image: neither our label, nor what waits for it, nor keys.
    const plain = `${namesOf(installation).tag('plain')}:latest`;
    const changes = `LABEL ${labels.installation}=${installation}`;
    const uid = randomUUID();
    const maker = await driver.create(specOf(uid, 'nexus/base'));
    await driver.start(uid);
    const strip = await driver.exec(uid, {
      command: ['sh', '-c', 'rm -rf /usr/local/lib/nexus/init /etc/nexus /etc/sudoers.d/dev'],
      user: 'root',
    });
    t.is(await strip.exitCode, 0);
    const {body} = await client.download('GET', `/containers/${maker.name}/export`);
    await client.call('POST', '/images/create', {
      query: {fromSrc: '-', repo: plain.replace(/:latest$/, ''), tag: 'latest', changes},
      content: body,
      unlimited: true,
    });
    await driver.delete(uid);

    const other = randomUUID();
    const created = await driver.create(specOf(other, 'plain'));
    t.true(created.needsProvisioning);
    await driver.start(other);
    await driver.provision(other);
    await driver.provision(other);
    t.false((await driver.observeOne(other))?.needsProvisioning);
    const inside = async () => {
      const script =
        'until [ "$(cat /proc/1/comm)" = tini ] && pgrep -x sshd >/dev/null; do sleep 0.1; done; sudo id -un; cat /etc/nexus/authorized_keys; hostname';
      const shell = await driver.exec(other, {command: ['bash', '-c', script], user: 'dev'});
      return await text(shell.stdout);
    };
    t.is(await inside(), `root\n${exampleKey}\ndemo\n`);
    await driver.stop(other, {force: false, timeout: 20_000});
    await driver.start(other);
    t.is(await inside(), `root\n${exampleKey}\ndemo\n`);
  });
});

function specOf(uid: string, image: string) {
  return {
    hostKey: exampleHostKey,
    spec: {
      uid,
      name: 'demo',
      provider: 'docker' as const,
      image,
      limits: {cpus: 1, memory: 2 ** 28, disk: 2 ** 31},
      env: {},
      authorizedKeys: [exampleKey],
      specHash: 'hash-1',
    },
  };
}
