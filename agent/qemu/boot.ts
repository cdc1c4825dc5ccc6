import {join} from 'node:path';
import {baseImage} from '../instance-name.ts';
import type {Image, Images} from './images.ts';
import type {Machine} from './machine-folders.ts';
import {machineFiles} from './paths.ts';

/** What a machine is started with. */
export type Boot = {
  /** In which its kernel and its initrd are. */
  readonly folder: string;
  /** Whose kernel is tried to find out how it runs here; another node's is not, since a trial has the agent's rights. */
  readonly tried: Image | undefined;
};

/** Its image's, or its own, which it has brought from another node. */
export async function bootOf({folder, record}: Machine, images: Images): Promise<Boot> {
  if (record.ownBoot === true) {
    return {folder: join(folder, machineFiles.boot), tried: await images.find(baseImage)};
  }
  const image = await images.byDigest(record.image);
  return {folder: image.folder, tried: image};
}
