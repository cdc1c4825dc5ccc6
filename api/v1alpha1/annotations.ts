/**
 * Let a Workspace whose spec needs a new instance have one: the spec hash that it is for, or `allowed` for any.
 * What is in the old instance must be committed and pushed; see {@link forceRecreateAnnotation}.
 */
export const recreateAnnotation = 'nexus.dev/recreate';

/** Replace the instance even if work in it would be lost: the spec hash that it is for, so that it is never a standing permission. */
export const forceRecreateAnnotation = 'nexus.dev/force-recreate';

/** `"true"` on a Workspace that is being deleted: destroy unsaved work too, and let go of an instance whose node can't be reached. */
export const forceDeleteAnnotation = 'nexus.dev/force-delete';

/** An RFC 3339 time: failures counted before it are forgiven, so that the next attempt is made at once. */
export const retryAtAnnotation = 'nexus.dev/retry-at';

/** An RFC 3339 time on a Node: upgrade its agent now, whatever runs there, unless that has failed since. */
export const upgradeAtAnnotation = 'nexus.dev/upgrade-at';
