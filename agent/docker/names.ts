/** Everything of one installation is named after it, so that several live side by side on one daemon. */
export type Names = {
  readonly network: string;
  /** Of the network: Linux allows 15 characters. LXD's, of the same installation, is another. */
  readonly bridge: string;
  /** Where an image is kept that is ours under this alias: other installations have their own. */
  tag(alias: string): string;
};

export function namesOf(installation: string): Names {
  return {
    network: `nexus-${installation}`,
    bridge: `nxd${installation}`,
    tag: alias => `nexus-${installation}/${alias}`,
  };
}
