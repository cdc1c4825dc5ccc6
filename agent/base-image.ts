import type {Readable} from 'node:stream';
import {baseImage} from './instance-name.ts';
import {openBackends} from './open-backends.ts';
import type {OpenedDriver} from './open-drivers.ts';
import type {WantedImage} from './system/image-inbox.ts';
import {createImageInbox} from './system/image-inbox.ts';

export type BaseImageState = {
  /** Whether `nexus/base` is on every backend, and made of the tarball that was asked about, if one was. */
  readonly present: boolean;
  /** Bytes of that tarball that {@link receiveBaseImage} has got so far. */
  readonly received: number;
};

export async function baseImageState(
  drivers: readonly OpenedDriver[],
  {home, digest}: {readonly home: string; readonly digest: string | undefined},
): Promise<BaseImageState> {
  const there = await Promise.all(drivers.map(({driver}) => driver.imagePresent(baseImage)));
  const present = there.every(each => each);
  if (digest === undefined) {
    return {present, received: 0};
  }
  const inbox = createImageInbox(home);
  const isCurrent = present && (await inbox.current()) === digest;
  return {present: isCurrent, received: isCurrent ? 0 : await inbox.received(digest)};
}

export type IncomingImage = {
  readonly wanted: WantedImage;
  /** Bytes that are here already. */
  readonly offset: number;
  /** The rest. */
  readonly source: Readable;
};

/**
 * Takes in the tarball of `nexus/base` and imports it on every backend that is ready. Cut off, it goes on from where it was. Rejects with what went wrong;
 * a backend that fails does not stop the others.
 */
export async function receiveBaseImage(
  home: string,
  {wanted, offset, source}: IncomingImage,
): Promise<readonly {readonly provider: string; readonly error: unknown}[]> {
  const inbox = createImageInbox(home);
  const tarball = await inbox.receive(wanted, offset, source);
  await using opened = await openBackends({home});
  const failures: {provider: string; error: unknown}[] = [];
  let imported = 0;
  for (const {kind, driver} of opened.drivers) {
    try {
      await driver.importImage(tarball, baseImage);
      imported += 1;
    } catch (error) {
      failures.push({provider: kind.provider, error});
    }
  }
  const [failure] = failures;
  if (imported === 0 && failure !== undefined) {
    throw failure.error;
  }
  await inbox.done(wanted.digest);
  return failures;
}
