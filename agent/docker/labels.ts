/**
 * What a container is marked with when it is made; Docker never changes them, and nobody inside sees them. They hold all that its first start
 * needs, so that a creation is one request, and one that is cut off leaves nothing half-made. What changes later is in {@link Marks}.
 */
export const labels = {
  installation: 'nexus.installation',
  uid: 'nexus.uid',
  specHash: 'nexus.spec-hash',
  hostname: 'nexus.hostname',
  address: 'nexus.address',
  hostKey: 'nexus.host-key',
  publicHostKey: 'nexus.public-host-key',
  authorizedKeys: 'nexus.authorized-keys',
  disk: 'nexus.disk',
  /** Of what has come from another node, where it may have run; whether it is a copy still is in its name. */
  incoming: 'nexus.incoming',
  /** On images of ours, and so on what is made of them: they need no provisioning. */
  image: 'nexus.image',
  /** On images: SHA-256 of the tarball. */
  digest: 'nexus.digest',
  /** On what is there for a while only, and is no workspace: helpers and their volumes. */
  helper: 'nexus.helper',
} as const;
