import assert from 'node:assert/strict';
import test from 'ava';
import {backends, onBackend} from '../agent/lxd/backends.ts';
import {eventually} from './eventually.ts';
import type {Installation} from './installation.ts';
import {createInstallation} from './installation.ts';
import {declare, fetchText, untilGone, untilReady} from './workspaces.ts';

const names = Array.from({length: 12}, (_, index) => `many-${index}`);

/** Twelve at once, on two cores or more. */
onBackend(backends[0], ({socket, tarball}) => {
  let nexus: Installation;

  test.before(async () => {
    nexus = await createInstallation({socket, tarball});
  });
  test.after.always(async () => {
    await nexus?.[Symbol.asyncDispose]();
  });

  // Fails without UNIQUE(node, port) and the conflict that is tried again: two of them would be given the same port.
  test.serial('twelve workspaces declared at once all become Ready, each with ports of its own', async t => {
    await Promise.all(names.map(name => declare(nexus.client(), name)));
    const workspaces = await Promise.all(names.map(name => untilReady(nexus, name, 240_000)));

    const ports = workspaces.flatMap(({status}) => status?.ports?.map(({nodePort}) => nodePort) ?? []);
    t.is(ports.length, 2 * names.length);
    t.is(new Set(ports).size, ports.length);
    const addresses = workspaces.map(({status}) => status?.instance?.address);
    t.is(new Set(addresses).size, names.length);
    t.is((await nexus.backend.instances()).length, names.length);
    for (const workspace of workspaces) {
      t.regex(await fetchText(workspace, 'web'), /^\d+$/);
    }
  });

  test.serial('each port leads to the workspace that has it', async t => {
    for (const name of names) {
      const {stdout, stderr} = await nexus.cli('ssh', name, '--', 'hostname');
      t.is(stdout, `${name}\n`, stderr);
    }
  });

  test.serial('deleted at once, nothing of them is left', async t => {
    const started = await nexus.cli('delete', 'workspace', ...names, '--force', '--no-wait');
    t.is(started.code, 0, started.stderr);
    await Promise.all(names.map(name => untilGone(nexus, name)));
    t.deepEqual(await nexus.backend.instances(), []);
    t.deepEqual((await nexus.client().list('Workspace')).items, []);
  });

  // Fails when a record goes before its instance is made: that would stay as an orphan.
  test.serial('created and deleted in the same moment, nothing of them is left either', async t => {
    await Promise.all(
      names.map(async name => {
        await declare(nexus.client(), name);
        await nexus.client().workspaces.delete(name, {force: true});
      }),
    );
    await Promise.all(names.map(name => untilGone(nexus, name)));
    const left = await eventually(async () => {
      const found = await nexus.backend.instances();
      assert.equal(found.length, 0, found.map(({name}) => name).join(', '));
      return found;
    });
    t.deepEqual(left, []);
  });
});
