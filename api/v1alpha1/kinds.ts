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
  },
  Node: {plural: 'nodes', singular: 'node', shortNames: ['no'], internal: false, schema: node},
  User: {plural: 'users', singular: 'user', shortNames: [], internal: false, schema: user},
  Event: {plural: 'events', singular: 'event', shortNames: ['ev'], internal: false, schema: event},
  Token: {plural: 'tokens', singular: 'token', shortNames: [], internal: true, schema: token},
  Credential: {
    plural: 'credentials',
    singular: 'credential',
    shortNames: [],
    internal: true,
    schema: credential,
  },
};
