import {timestampAt} from '../effects/clock.ts';
import {isStorageError} from '../storage/storage-error.ts';
import type {Stored} from '../v1alpha1/kinds.ts';
import {
  createTokenRequest,
  credentialList,
  setCredentialRequest,
  setSshKeyRequest,
  tokenCreated,
  tokenList,
  userList,
  userView as userViewSchema,
} from './account-messages.ts';
import {findResource} from './find-resource.ts';
import {sshKeyOf} from './registration.ts';
import {answers} from './rest-responses.ts';
import {retryClones} from './retry-clones.ts';
import type {Route, RouteRequest} from './route.ts';
import {defineRoute} from './route.ts';
import type {RouteContext} from './route-context.ts';
import {userView} from './user-view.ts';

/** Of adding a key to a User that others change, too. */
const attempts = 5;

/** `{id}` is a name, a uid, or `me`. A user reaches itself only, an admin everybody. */
export function userRoutes({authorized, tokens, credentials, clock}: RouteContext): Route[] {
  const own = ({caller, requestId}: RouteRequest<unknown, unknown>) => authorized.as(caller, requestId);
  const find = (request: RouteRequest<unknown, unknown>): Promise<Stored<'User'>> => {
    const {id = ''} = request.params;
    return findResource(own(request), 'User', id === 'me' ? request.caller.name : id);
  };
  const done = {description: 'Done.'};

  return [
    defineRoute({
      method: 'get',
      path: '/api/v1/users',
      operationId: 'listUsers',
      summary: 'Users that the caller sees',
      tag: 'users',
      access: 'user',
      responses: answers(200, {description: 'By name.', schema: userList}, 401),
      async handle(request) {
        const storage = own(request);
        const {items} = await storage.list('User');
        return {status: 200, body: {users: await Promise.all(items.map(user => userView(storage, user)))}};
      },
    }),
    defineRoute({
      method: 'get',
      path: '/api/v1/users/{id}',
      operationId: 'getUserView',
      summary: 'One user',
      tag: 'users',
      access: 'user',
      responses: answers(200, {description: 'The user.', schema: userViewSchema}, 401, 404),
      async handle(request) {
        return {status: 200, body: await userView(own(request), await find(request))};
      },
    }),
    defineRoute({
      method: 'put',
      path: '/api/v1/users/{id}/ssh-key',
      operationId: 'setSshKey',
      summary: 'Let a key open the workspaces of a user',
      description:
        'Adds it to those that are there, of other machines perhaps; does nothing if it is among them.',
      tag: 'users',
      access: 'user',
      body: {schema: setSshKeyRequest},
      responses: answers(
        200,
        {description: 'The user.', schema: userViewSchema},
        400,
        401,
        404,
        409,
        413,
        415,
      ),
      async handle(request) {
        const key = sshKeyOf(request.body.ssh_pubkey, request.body.ssh_pubkey_fingerprint);
        for (let attempt = 1; ; attempt += 1) {
          const user = await find(request);
          const present = user.spec.sshKeys.some(({fingerprint}) => fingerprint === key.fingerprint);
          const changed = {...user, spec: {...user.spec, sshKeys: [...user.spec.sshKeys, key]}};
          try {
            const updated = present ? user : await own(request).update('User', changed);
            return {status: 200, body: await userView(own(request), updated)};
          } catch (error) {
            if (!isStorageError(error, 'Conflict') || attempt === attempts) {
              throw error;
            }
          }
        }
      },
    }),
    defineRoute({
      method: 'post',
      path: '/api/v1/users/{id}/tokens',
      operationId: 'createToken',
      summary: 'Make a token',
      tag: 'tokens',
      access: 'user',
      body: {schema: createTokenRequest, absent: {}},
      responses: answers(
        201,
        {description: 'The token, shown only here.', schema: tokenCreated},
        400,
        401,
        404,
      ),
      async handle(request) {
        const {description, expires_in_seconds: seconds} = request.body;
        const user = (await find(request)).metadata.name;
        const expiresAt = seconds === undefined ? undefined : timestampAt(clock.now() + seconds * 1000);
        const {token, stored} = await tokens.create({user, description, expiresAt});
        return {status: 201, body: {...tokenView(stored), token}};
      },
    }),
    defineRoute({
      method: 'get',
      path: '/api/v1/users/{id}/tokens',
      operationId: 'listTokens',
      summary: 'Tokens of a user, without what is secret in them',
      tag: 'tokens',
      access: 'user',
      responses: answers(200, {description: 'The tokens.', schema: tokenList}, 401, 404),
      async handle(request) {
        const stored = await tokens.list((await find(request)).metadata.name);
        return {status: 200, body: {tokens: stored.map(tokenView)}};
      },
    }),
    defineRoute({
      method: 'delete',
      path: '/api/v1/users/{id}/tokens/{token}',
      operationId: 'deleteToken',
      summary: 'Let a token be valid no longer',
      tag: 'tokens',
      access: 'user',
      responses: answers(204, done, 401, 404),
      async handle(request) {
        await tokens.delete((await find(request)).metadata.name, request.params.token ?? '');
        return {status: 204};
      },
    }),
    defineRoute({
      method: 'put',
      path: '/api/v1/users/{id}/credentials/{host}',
      operationId: 'setCredential',
      summary:
        'Give git what it needs for private repositories on a host; clones that it refused are tried again at once',
      tag: 'credentials',
      access: 'user',
      body: {schema: setCredentialRequest},
      responses: answers(204, {description: 'Kept, encrypted.'}, 400, 401, 404, 413, 415),
      async handle(request) {
        const {name} = (await find(request)).metadata;
        const {host = ''} = request.params;
        await credentials.put(name, host, request.body);
        await retryClones(own(request), {owner: name, host, now: timestampAt(clock.now())});
        return {status: 204};
      },
    }),
    defineRoute({
      method: 'get',
      path: '/api/v1/users/{id}/credentials',
      operationId: 'listCredentials',
      summary: 'Hosts that a user has credentials for',
      tag: 'credentials',
      access: 'user',
      responses: answers(200, {description: 'The hosts.', schema: credentialList}, 401, 404),
      async handle(request) {
        const kept = await credentials.list((await find(request)).metadata.name);
        return {
          status: 200,
          body: {credentials: kept.map(({host, createdAt}) => ({host, created_at: createdAt}))},
        };
      },
    }),
    defineRoute({
      method: 'delete',
      path: '/api/v1/users/{id}/credentials/{host}',
      operationId: 'deleteCredential',
      summary: 'Forget the credential for a host',
      tag: 'credentials',
      access: 'user',
      responses: answers(204, done, 401, 404),
      async handle(request) {
        await credentials.delete((await find(request)).metadata.name, request.params.host ?? '');
        return {status: 204};
      },
    }),
  ];
}

function tokenView({metadata, spec}: Stored<'Token'>) {
  return {
    token_id: metadata.name,
    description: spec.description,
    created_at: metadata.creationTimestamp,
    expires_at: spec.expiresAt ?? null,
  };
}
