import {randomBytes} from 'node:crypto';
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {createDockerDriver} from '../../../agent/docker/driver.ts';
import {namesOf} from '../../../agent/docker/names.ts';
import type {NodeDriver} from '../../../agent/node-driver.ts';
import {systemClock} from '../../../api/effects/clock.ts';
import {silentLogger} from '../../../api/effects/logger.ts';
import {systemRandom} from '../../../api/effects/random.ts';
import type {DriverFixture} from '../../contracts/driver/suite.ts';
import type {DockerByHand} from './by-hand.ts';
import {dockerByHand} from './by-hand.ts';

export type DockerFixture = DriverFixture & {
  readonly driver: NodeDriver;
  readonly byHand: DockerByHand;
  readonly installation: string;
  readonly folder: string;
  /** Another driver of the same installation, as an agent that has been started anew has it. */
  again(): NodeDriver;
};

/**
 * An installation of its own on a daemon that runs already, with the image; all of it is removed in the end. Elsewhere is another one, on the daemon of
 * `otherSocket`.
 */
export async function openDocker(
  socket: string,
  tarball: string,
  otherSocket?: string,
): Promise<DockerFixture> {
  const installation = randomBytes(3).toString('hex');
  const folder = await mkdtemp(join(tmpdir(), 'nexus-docker-'));
  const open = () =>
    createDockerDriver({
      socket,
      installation,
      folder,
      clock: systemClock,
      random: systemRandom,
      log: silentLogger,
    });
  const driver = open();
  const byHand = dockerByHand(socket, namesOf(installation).tag('nexus/base'));
  const close = async () => {
    await driver.purge();
    await driver[Symbol.asyncDispose]();
    await byHand[Symbol.asyncDispose]();
    await rm(folder, {recursive: true, force: true});
  };
  try {
    await driver.prepare();
    await driver.importImage(tarball, 'nexus/base');
  } catch (error) {
    await close();
    throw error;
  }

  let other: Promise<DockerFixture> | undefined;
  return {
    driver,
    byHand,
    installation,
    folder,
    again: open,
    image: 'nexus/base',
    ...(otherSocket !== undefined && {
      async elsewhere() {
        other ??= openDocker(otherSocket, tarball);
        return (await other).driver;
      },
    }),
    async [Symbol.asyncDispose]() {
      await (await other)?.[Symbol.asyncDispose]();
      await close();
    },
  };
}
