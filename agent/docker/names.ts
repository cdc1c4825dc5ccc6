import {canonicalName} from '../instance-name.ts';

/** Everything of one installation is named after it, so that several live side by side on one daemon. */
export type Names = {
  readonly network: string;
  /** Of the network: Linux allows 15 characters. LXD's, of the same installation, is another. */
  readonly bridge: string;
  /** Where an image is kept that is ours under this alias: other installations have their own. */
  tag(alias: string): string;
};

/**
 * What a copy is called until it is accepted. Of all that Docker keeps of a container a name alone can be changed, and so says how far it is, whatever
 * becomes of the agent meanwhile.
 */
export function incomingNames(uid: string): {readonly making: string; readonly arrived: string} {
  const name = canonicalName(uid);
  return {making: `${name}.incoming`, arrived: `${name}.arrived`};
}

export function namesOf(installation: string): Names {
  return {
    network: `nexus-${installation}`,
    bridge: `nxd${installation}`,
    tag: alias => `nexus-${installation}/${alias}`,
  };
}
