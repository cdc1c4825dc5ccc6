/**
 * Whether `version` is later than `other`: the one place that looks into resource versions. Both stores give decimal integers that only grow, which
 * Kubernetes has guaranteed since 1.35; they may be longer than a number can hold exactly.
 */
export function isLater(version: string, other: string): boolean {
  return version.length === other.length ? version > other : version.length > other.length;
}
