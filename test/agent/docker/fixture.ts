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
import {dockerByHand} from './by-hand.ts';

export type DockerFixture = DriverFixture & {
  readonly driver: NodeDriver;
  readonly installation: string;
  readonly folder: string;
};

/** An installation of its own on a daemon that runs already, with the image; all of it is removed in the end. */
export async function openDocker(socket: string, tarball: string): Promise<DockerFixture> {
  const installation = randomBytes(3).toString('hex');
  const folder = await mkdtemp(join(tmpdir(), 'nexus-docker-'));
  const driver = createDockerDriver({
    socket,
    installation,
    folder,
    clock: systemClock,
    random: systemRandom,
    log: silentLogger,
  });
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

  return {driver, byHand, installation, folder, image: 'nexus/base', [Symbol.asyncDispose]: close};
}
