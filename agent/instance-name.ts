/** What the image that workspaces are made from by default is called in every installation. */
export const baseImage = 'nexus/base';

/** What an instance is called on its backend: derived from the uid, so that it can't be made twice. */
export function canonicalName(uid: string): string {
  return `nexus-${uid}`;
}

export function uidOfCanonicalName(name: string): string | undefined {
  return name.startsWith('nexus-') ? name.slice('nexus-'.length) : undefined;
}
