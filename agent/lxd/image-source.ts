import type {Backend} from './server.ts';

/** `source` of a request that creates an instance. */
export type ImageSource =
  | {readonly type: 'image'; readonly alias: string}
  | {readonly type: 'image'; readonly fingerprint: string}
  | {
      readonly type: 'image';
      readonly mode: 'pull';
      readonly server: string;
      readonly protocol: 'simplestreams';
      readonly alias: string;
    };

const ubuntu = 'https://cloud-images.ubuntu.com/releases';

const remotes: Readonly<Record<Backend, Readonly<Record<string, string>>>> = {
  incus: {images: 'https://images.linuxcontainers.org', ubuntu},
  lxd: {images: 'https://images.lxd.canonical.com', ubuntu},
};

/**
 * Names as the command line of LXD takes them: `ubuntu:22.04`, `images:debian/12`, an alias such as `nexus/base`, or a fingerprint.
 * A local alias wins over a remote or a fingerprint of the same name, so that a node without internet can hold its own `ubuntu:22.04`.
 */
export function imageSource(
  image: string,
  {backend, isLocalAlias}: {backend: Backend; isLocalAlias: boolean},
): ImageSource {
  if (isLocalAlias) return {type: 'image', alias: image};

  const [, remote, alias] = /^([^:]*):(.+)$/.exec(image) ?? [];
  const server = remote === undefined ? undefined : remotes[backend][remote];
  if (server !== undefined && alias !== undefined) {
    return {type: 'image', mode: 'pull', server, protocol: 'simplestreams', alias};
  }

  return /^[0-9a-f]{12,64}$/.test(image)
    ? {type: 'image', fingerprint: image}
    : {type: 'image', alias: image};
}

/** Whether the name alone leaves open where the image is, so that the backend must be asked about a local alias. */
export function mayBeRemote(image: string): boolean {
  return image.includes(':') || /^[0-9a-f]{12,64}$/.test(image);
}
