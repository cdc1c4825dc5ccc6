import type {Readable} from 'node:stream';
import type {ImageForm} from '../api/node-setup/image-form.ts';
import {imageForm} from '../api/node-setup/image-form.ts';
import type {Provider} from '../api/v1alpha1/workspace.ts';
import {baseImage} from './instance-name.ts';
import {openBackends} from './open-backends.ts';
import type {OpenedDriver} from './open-drivers.ts';
import type {WantedImage} from './system/image-inbox.ts';
import {createImageInbox} from './system/image-inbox.ts';

/** SHA-256 of the files that `nexus/base` is to be made of, hexadecimal. */
export type ImageDigests = Readonly<Partial<Record<ImageForm, string>>>;

export type BaseImageState = {
  readonly form: ImageForm;
  /** Those that are made of this form. */
  readonly providers: readonly Provider[];
  /** Whether `nexus/base` is on each of them, and made of the file that was asked about, if one was. */
  readonly present: boolean;
  /** Bytes of that file that {@link receiveBaseImage} has got so far. */
  readonly received: number;
};

type Present = {
  readonly kind: Pick<OpenedDriver['kind'], 'provider' | 'imageForm'>;
  readonly driver: Pick<OpenedDriver['driver'], 'imagePresent'>;
};

/** Of each form that one of these drivers needs; no other. */
export async function baseImageStates(
  drivers: readonly Present[],
  {home, digests}: {readonly home: string; readonly digests: ImageDigests},
): Promise<readonly BaseImageState[]> {
  const needed = imageForm.options
    .map(form => ({form, users: drivers.filter(({kind}) => kind.imageForm === form)}))
    .filter(({users}) => users.length > 0);
  return await Promise.all(
    needed.map(async ({form, users}) => {
      const there = await Promise.all(users.map(({driver}) => driver.imagePresent(baseImage)));
      const present = there.every(each => each);
      const providers = users.map(({kind}) => kind.provider);
      const digest = digests[form];
      if (digest === undefined) {
        return {form, providers, present, received: 0};
      }
      const inbox = createImageInbox(home, form);
      const isCurrent = present && (await inbox.current()) === digest;
      return {
        form,
        providers,
        present: isCurrent,
        received: isCurrent ? 0 : await inbox.received(digest),
      };
    }),
  );
}

export type IncomingImage = {
  readonly form: ImageForm;
  readonly wanted: WantedImage;
  /** Bytes that are here already. */
  readonly offset: number;
  /** The rest. */
  readonly source: Readable;
  /** Those to import it on, all of that form; each must be there. */
  readonly providers: readonly Provider[];
};

export type ImportFailure = {readonly provider: Provider; readonly error: unknown};

/**
 * Takes in a file of `nexus/base` and imports it on these providers. Cut off, it goes on from where it was. A provider that fails does not stop the
 * others, and the file is kept for the next attempt. Rejects with what went wrong when none was left.
 */
export async function receiveBaseImage(
  home: string,
  {form, wanted, offset, source, providers}: IncomingImage,
): Promise<readonly ImportFailure[]> {
  const inbox = createImageInbox(home, form);
  const file = await inbox.receive(wanted, offset, source);
  await using opened = await openBackends({home, providers});
  const users = opened.drivers.filter(({kind}) => kind.imageForm === form);
  const failures: ImportFailure[] = [];
  for (const {kind, driver} of users) {
    try {
      await driver.importImage(file, baseImage);
    } catch (error) {
      failures.push({provider: kind.provider, error});
    }
  }
  const [failure] = failures;
  if (failure === undefined) {
    await inbox.done(wanted.digest);
  } else if (failures.length === users.length) {
    throw failure.error;
  }
  return failures;
}
