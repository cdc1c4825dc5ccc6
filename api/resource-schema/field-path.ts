/** Characters of a path: names are the client's, and there is a path for each fault in what is below them. */
const longest = 1000;

/** As Kubernetes writes where something is: `spec.services[0].port`. Ends with an ellipsis after 1,000 characters. */
export function fieldAt(path: string, name: string): string {
  return cut(path === '' ? name : `${path}.${name}`);
}

/** An item of a list, like {@link fieldAt}. */
export function itemAt(path: string, index: number): string {
  return cut(`${path}[${index}]`);
}

function cut(path: string): string {
  return path.length > longest ? `${path.slice(0, longest)}…` : path;
}
