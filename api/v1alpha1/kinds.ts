import type {z} from 'zod';
import type {Event} from './event.ts';
import {event} from './event.ts';
import type {StoredMeta} from './metadata.ts';
import type {Node} from './node.ts';
import {node} from './node.ts';
import type {Credential, Token} from './token.ts';
import {credential, token} from './token.ts';
import type {User} from './user.ts';
import {user} from './user.ts';
import type {Workspace} from './workspace.ts';
import {workspace} from './workspace.ts';

export type ResourceByKind = {
  Workspace: Workspace;
  Node: Node;
  User: User;
  Event: Event;
  Token: Token;
  Credential: Credential;
};

export type Kind = keyof ResourceByKind;

/** A resource as the store returns it. */
export type Stored<K extends Kind = Kind> = {
  [P in K]: ResourceByKind[P] & {readonly metadata: StoredMeta};
}[K];

export type KindDescription = {
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  /** A sentence for people who ask what it is. */
  readonly description: string;
  /** Internal kinds hold secrets and are served on no resource route. */
  readonly internal: boolean;
  readonly schema: z.ZodType;
};

export const kinds: {
  readonly [K in Kind]: KindDescription & {readonly schema: z.ZodType<ResourceByKind[K]>};
} = {
  Workspace: {
    plural: 'workspaces',
    singular: 'workspace',
    shortNames: ['ws'],
    internal: false,
    schema: workspace,
    description:
      'A development workspace: a container or machine with a repository, services and ssh, on one of the nodes.',
  },
  Node: {
    plural: 'nodes',
    singular: 'node',
    shortNames: ['no'],
    internal: false,
    schema: node,
    description: 'A machine that workspaces run on, reached by ssh.',
  },
  User: {
    plural: 'users',
    singular: 'user',
    shortNames: [],
    internal: false,
    schema: user,
    description: 'Somebody who owns workspaces, and the ssh keys that open them.',
  },
  Event: {
    plural: 'events',
    singular: 'event',
    shortNames: ['ev'],
    internal: false,
    schema: event,
    description: 'Something that happened to a resource, and who did it. Repeats are counted.',
  },
  Token: {
    plural: 'tokens',
    singular: 'token',
    shortNames: [],
    internal: true,
    schema: token,
    description: 'A bearer token of a user; only its hash is kept. Written by Nexus only.',
  },
  Credential: {
    plural: 'credentials',
    singular: 'credential',
    shortNames: [],
    internal: true,
    schema: credential,
    description: "A user's secret for a git host, encrypted with the server's key. Written by Nexus only.",
  },
};
