import {randomBytes} from 'node:crypto';
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test from 'ava';
import type {NodeDriver} from '../../../agent/node-driver.ts';
import {createQemuDriver} from '../../../agent/qemu/driver.ts';
import {systemClock} from '../../../api/effects/clock.ts';
import {silentLogger} from '../../../api/effects/logger.ts';
import {systemRandom} from '../../../api/effects/random.ts';
import type {DriverFixture} from '../../contracts/driver/suite.ts';
import {qemuByHand} from './by-hand.ts';

export type RealQemu = {readonly program: string; readonly tarball: string};

/** Registers tests on QEMU; where it is not to be had, one that is skipped by name, or fails in CI. */
export function onQemu(register: (qemu: RealQemu) => void): void {
  const program = process.env.NEXUS_TEST_QEMU;
  const tarball = process.env.NEXUS_TEST_IMAGE;
  if (program && tarball) {
    register({program, tarball});
    return;
  }

  const title =
    'QEMU: needs NEXUS_TEST_QEMU (qemu-system-x86_64) and NEXUS_TEST_IMAGE (a tarball by hack/build-image --machine)';
  if (process.env.CI) test(title, t => t.fail('in CI nothing is skipped'));
  else test.skip(title, t => t.fail());
}

export type QemuFixture = DriverFixture & {
  readonly driver: NodeDriver;
  readonly folder: string;
  /** Another driver of the same machines, as an agent that has been started anew has it. */
  again(): NodeDriver;
};

/** An installation of its own, with the image; all of it is removed in the end. The processor is emulated, as it would be in CI. */
export async function openQemu({program, tarball}: RealQemu): Promise<QemuFixture> {
  const installation = randomBytes(3).toString('hex');
  const home = await mkdtemp(join(process.env.NEXUS_TEST_RUN ?? tmpdir(), 'qemu-'));
  const folder = join(home, 'qemu');
  const open = () =>
    createQemuDriver({
      program,
      installation,
      folder,
      clock: systemClock,
      random: systemRandom,
      log: silentLogger,
      accelerator: 'tcg',
    });
  const driver = open();
  const close = async () => {
    await driver.purge();
    await driver[Symbol.asyncDispose]();
    await rm(home, {recursive: true, force: true});
  };
  try {
    await driver.prepare();
    await driver.importImage(tarball, 'nexus/base');
  } catch (error) {
    await close();
    throw error;
  }

  let other: Promise<QemuFixture> | undefined;
  return {
    driver,
    folder,
    async elsewhere() {
      other ??= openQemu({program, tarball});
      return (await other).driver;
    },
    again: open,
    byHand: qemuByHand(folder, program),
    image: 'nexus/base',
    async [Symbol.asyncDispose]() {
      await (await other)?.[Symbol.asyncDispose]();
      await close();
    },
  };
}
