import type {Kind} from './kinds.ts';

/**
 * Fields by which Kubernetes itself selects objects, besides `metadata.name`: at most eight of a kind, each a text, a whole number or
 * true or false. By others Nexus selects after it has read all of the kind.
 */
export const selectableFields: Readonly<Record<Kind, readonly string[]>> = {
  Workspace: ['spec.owner', 'spec.node', 'spec.provider', 'spec.running', 'status.node', 'status.phase'],
  Node: ['spec.unschedulable'],
  User: ['spec.role', 'spec.githubUsername', 'spec.githubId'],
  Event: [
    'spec.regarding.kind',
    'spec.regarding.name',
    'spec.regarding.uid',
    'spec.reason',
    'spec.type',
    'spec.actor',
  ],
  Token: ['spec.user', 'spec.sha256'],
  Credential: ['spec.user', 'spec.host'],
};
