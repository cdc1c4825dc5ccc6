import anyTest from 'ava';
import {backends, onBackend} from '../agent/lxd/backends.ts';
import type {LabInstallation} from '../lab/lab-installation.ts';
import {createLabInstallation} from '../lab/lab-installation.ts';
import {exhaustion} from './isolation/exhaustion.ts';
import type {Inmates} from './isolation/inmates.ts';
import {createInmates} from './isolation/inmates.ts';
import {machineIsolation} from './isolation/machine.ts';
import {networkIsolation} from './isolation/network.ts';

/** What somebody can do who has a workspace, is root in it and means no good. */
onBackend(backends[0], ({tarball}) => {
  let installation: LabInstallation;
  let inmates: Inmates;

  anyTest.before(async () => {
    installation = await createLabInstallation({nodes: 1, tarball});
    inmates = await createInmates(installation, 'lxc');
  });
  anyTest.after.always(async () => {
    await installation?.[Symbol.asyncDispose]();
  });

  networkIsolation(anyTest, () => inmates);
  machineIsolation(anyTest, () => inmates);
  exhaustion(anyTest, () => inmates);
});
