import {readFile} from 'node:fs/promises';
import {AgentError} from '../../api/agent/v1alpha1/agent-error.ts';

/** The private key that opens a node. Throws AgentError `Disconnected`. */
export async function readIdentityFile(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new AgentError('Disconnected', `the ssh key for this node can not be read: ${reason}`, {
      cause: error,
    });
  }
}
