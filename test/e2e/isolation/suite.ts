import test from 'ava';
import type {LabInstallation} from '../../lab/lab-installation.ts';
import {createLabInstallation} from '../../lab/lab-installation.ts';
import type {Inmates} from './inmates.ts';
import {createInmates} from './inmates.ts';
import {machineIsolation} from './machine.ts';
import {networkIsolation} from './network.ts';

export type IsolationOptions = {
  readonly tarball: string;
  readonly backend: 'incus' | 'lxd' | 'docker';
  readonly provider: 'lxc' | 'docker';
  /** What is tried beyond what holds for every provider. */
  readonly more?: typeof networkIsolation;
};

/** What somebody can do who has a workspace, is root in it and means no good. */
export function isolationSuite({tarball, backend, provider, more = () => {}}: IsolationOptions): void {
  let installation: LabInstallation;
  let inmates: Inmates;

  test.before(async () => {
    installation = await createLabInstallation({nodes: 1, backend, tarball});
    inmates = await createInmates(installation, provider);
  });
  test.after.always(async () => {
    await installation?.[Symbol.asyncDispose]();
  });

  networkIsolation(test, () => inmates);
  machineIsolation(test, () => inmates);
  more(test, () => inmates);
}
