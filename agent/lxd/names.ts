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
