/**
 * A set of paths into an object, as a tree. Each step of a path is written as in Kubernetes' FieldsV1: `f:NAME` is a field, `k:{…}` the item of
 * a list with these keys, `v:…` the item of a list with this value, `i:N` the item at an index.
 */
export type FieldSet = ReadonlyMap<string, FieldNode>;

export type FieldNode = {
  /** Whether the path that ends here is itself in the set. */
  readonly member: boolean;
  readonly children: FieldSet;
};

export type FieldPath = readonly string[];

export const noFields: FieldSet = new Map();

export function setOf(...paths: readonly FieldPath[]): FieldSet {
  return paths.reduce((set, path) => union(set, singleton(path)), noFields);
}

export function union(left: FieldSet, right: FieldSet): FieldSet {
  return combine(left, right, (mine, other) => mine || other);
}

export function intersection(left: FieldSet, right: FieldSet): FieldSet {
  return combine(left, right, (mine, other) => mine && other);
}

/** The paths of `left` that are not themselves in `right`. */
export function difference(left: FieldSet, right: FieldSet): FieldSet {
  return combine(left, right, (mine, other) => mine && !other);
}

/** The paths of `left` that are neither in `right` nor below one that is. */
export function recursiveDifference(left: FieldSet, right: FieldSet): FieldSet {
  const result = new Map<string, FieldNode>();
  for (const [step, node] of left) {
    const other = right.get(step);
    if (other?.member === true) {
      continue;
    }

    put(result, step, {
      member: node.member,
      children: other === undefined ? node.children : recursiveDifference(node.children, other.children),
    });
  }

  return result;
}

export function isEmpty(set: FieldSet): boolean {
  return set.size === 0;
}

export function hasMember(set: FieldSet, step: string): boolean {
  return set.get(step)?.member === true;
}

/** What of the set lies below `step`. */
export function below(set: FieldSet, step: string): FieldSet {
  return set.get(step)?.children ?? noFields;
}

export function sameSet(left: FieldSet, right: FieldSet): boolean {
  return (
    left.size === right.size &&
    [...left].every(([step, node]) => {
      const other = right.get(step);
      return other?.member === node.member && sameSet(node.children, other.children);
    })
  );
}

/** All paths, as Kubernetes lists them: of each level first those that end there. */
export function pathsOf(set: FieldSet): FieldPath[] {
  const nodes = sorted(set);
  return [
    ...nodes.filter(([, {member}]) => member).map(([step]) => [step]),
    ...nodes.flatMap(([step, {children}]) => pathsOf(children).map(path => [step, ...path])),
  ];
}

/** In the order of the steps' text. */
export function sorted(set: FieldSet): [string, FieldNode][] {
  return [...set].sort(([left], [right]) => (left < right ? -1 : left > right ? 1 : 0));
}

function singleton(path: FieldPath): FieldSet {
  const [step, ...rest] = path;
  return step === undefined
    ? noFields
    : new Map([[step, {member: rest.length === 0, children: singleton(rest)}]]);
}

function combine(
  left: FieldSet,
  right: FieldSet,
  decide: (mine: boolean, other: boolean) => boolean,
): FieldSet {
  const result = new Map<string, FieldNode>();
  for (const step of new Set([...left.keys(), ...right.keys()])) {
    const [mine, other] = [left.get(step), right.get(step)];
    put(result, step, {
      member: decide(mine?.member === true, other?.member === true),
      children: combine(mine?.children ?? noFields, other?.children ?? noFields, decide),
    });
  }

  return result;
}

/** There are no nodes in a set that lead nowhere. */
function put(set: Map<string, FieldNode>, step: string, node: FieldNode): void {
  if (node.member || node.children.size > 0) {
    set.set(step, node);
  }
}
