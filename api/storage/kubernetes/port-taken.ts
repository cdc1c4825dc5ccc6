import {StorageError} from '../storage-error.ts';

/** The one Conflict that looking again does not mend. */
export class PortTaken extends StorageError {
  constructor(port: number, node: string, workspace: string) {
    super('Conflict', `Port ${port} of node ${node} is held by workspace ${workspace}: choose another`);
  }
}
