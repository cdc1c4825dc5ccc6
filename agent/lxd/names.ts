/** What the image that workspaces are made from by default is called in every installation. */
export const baseImage = 'nexus/base';

/** Everything of one installation is named after it, so that several live side by side on one backend. */
export type Names = {
  readonly project: string;
  readonly pool: string;
  readonly bridge: string;
};

export function namesOf(installation: string): Names {
  // Linux allows 15 characters for the name of a network device.
  return {project: `nexus-${installation}`, pool: `nexus-${installation}`, bridge: `nx${installation}`};
}

export function canonicalName(uid: string): string {
  return `nexus-${uid}`;
}

export function uidOfCanonicalName(name: string): string | undefined {
  return name.startsWith('nexus-') ? name.slice('nexus-'.length) : undefined;
}
