/** As Kubernetes writes where something is: `spec.services[0].port`. */
export function fieldAt(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}

/** An entry of a mapping of any names: `metadata.labels[example.com/app]`. */
export function keyAt(path: string, key: string): string {
  return `${path}[${key}]`;
}

export function itemAt(path: string, index: number): string {
  return `${path}[${index}]`;
}
