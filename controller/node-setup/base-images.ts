import type {ImageForm} from '../../api/node-setup/image-form.ts';

/** The image nexus/base in one of its forms, as a file of this machine. */
export type BaseImage = {
  readonly file: string;
  /** SHA-256, hexadecimal. */
  readonly digest: string;
  /** Bytes. */
  readonly size: number;
  /** As `uname -m` says it. */
  readonly architecture: string;
};

/** Each resolves to undefined when none was baked here. */
export type BaseImages = Readonly<Record<ImageForm, () => Promise<BaseImage | undefined>>>;

/** What is here of each form at one moment. */
export type FoundImages = Readonly<Record<ImageForm, BaseImage | undefined>>;

export async function findImages(images: BaseImages): Promise<FoundImages> {
  const [container, machine] = await Promise.all([images.container(), images.machine()]);
  return {container, machine};
}
