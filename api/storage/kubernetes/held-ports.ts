import type {Stored} from '../../v1alpha1/kinds.ts';
import type {Document} from '../document.ts';
import {asStored} from '../document.ts';
import {StorageError} from '../storage-error.ts';

export type HeldPort = {readonly node: string; readonly nodePort: number};

/** What a workspace's status says that it holds; none for other kinds. */
export function heldPorts(document: Document): readonly HeldPort[] {
  if (document.kind !== 'Workspace') {
    return [];
  }

  const {status}: Pick<Stored<'Workspace'>, 'status'> = asStored<'Workspace'>(document);
  const node = status?.node;
  return node === undefined ? [] : (status?.ports ?? []).map(({nodePort}) => ({node, nodePort}));
}

/** The same, for one that is about to be written. Throws Invalid when it names a port twice. */
export function portsOf(document: Document): readonly HeldPort[] {
  const ports = heldPorts(document);
  const twice = ports.find((port, index) => ports.findIndex(each => isSamePort(each, port)) < index);
  if (twice !== undefined) {
    const message = `names node port ${twice.nodePort} twice`;
    throw new StorageError('Invalid', `Workspace ${document.metadata.name} ${message}`, {
      issues: [{path: 'status.ports', message}],
    });
  }

  return ports;
}

export function isSamePort(a: HeldPort, b: HeldPort): boolean {
  return a.node === b.node && a.nodePort === b.nodePort;
}
