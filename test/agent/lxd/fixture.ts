import {randomBytes} from 'node:crypto';
import {createLxdDriver} from '../../../agent/lxd/driver.ts';
import {namesOf} from '../../../agent/lxd/names.ts';
import type {NodeDriver} from '../../../agent/node-driver.ts';
import {systemClock} from '../../../api/effects/clock.ts';
import {silentLogger} from '../../../api/effects/logger.ts';
import {systemRandom} from '../../../api/effects/random.ts';
import type {DriverFixture} from '../../contracts/driver/suite.ts';
import {lxdByHand} from './by-hand.ts';

export type LxdFixture = DriverFixture & {
  readonly driver: NodeDriver;
  readonly installation: string;
};

/**
 * An installation of its own on a backend that runs already, with the image; all of it is removed in the end. Elsewhere is another one, on that backend or on
 * the one of `otherSocket`.
 */
export async function openLxd(
  socket: string,
  tarball: string,
  otherSocket: string = socket,
): Promise<LxdFixture> {
  const installation = randomBytes(3).toString('hex');
  const driver = createLxdDriver({
    socket,
    installation,
    clock: systemClock,
    random: systemRandom,
    log: silentLogger,
    pool: {size: 8 * 2 ** 30},
  });
  const byHand = lxdByHand(socket, namesOf(installation).project);
  const close = async () => {
    await driver.purge();
    await driver[Symbol.asyncDispose]();
    await byHand[Symbol.asyncDispose]();
  };
  try {
    await driver.prepare();
    await driver.importImage(tarball, 'nexus/base');
  } catch (error) {
    await close();
    throw error;
  }

  let other: Promise<LxdFixture> | undefined;
  return {
    driver,
    byHand,
    installation,
    image: 'nexus/base',
    async elsewhere() {
      other ??= openLxd(otherSocket, tarball);
      return (await other).driver;
    },
    async [Symbol.asyncDispose]() {
      await (await other)?.[Symbol.asyncDispose]();
      await close();
    },
  };
}
