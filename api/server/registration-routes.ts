import {StorageError} from '../storage/storage-error.ts';
import {registered, registerGithubRequest, registerRequest} from './account-messages.ts';
import {register, sshKeyOf} from './registration.ts';
import {RequestError} from './request-error.ts';
import {answers} from './rest-responses.ts';
import type {Route} from './route.ts';
import {defineRoute} from './route.ts';
import type {RouteContext} from './route-context.ts';

const created = {description: 'Registered. The token is shown only here.', schema: registered};

export function registrationRoutes(context: RouteContext): Route[] {
  const {authorized, tokens, github, openRegistration = false} = context;
  /** The server registers on its own authority, once it knows who asks. */
  const registrar = (requestId: string) => authorized.as({name: 'registration', role: 'admin'}, requestId);

  return [
    defineRoute({
      method: 'post',
      path: '/api/v1/users/register',
      operationId: 'registerUser',
      summary: 'Register a user',
      description: 'For admins, unless the server was started with open registration.',
      tag: 'users',
      access: openRegistration ? 'open' : 'admin',
      body: {schema: registerRequest},
      responses: answers(201, created, 400, 401, 403, 409, 413, 415),
      async handle({identity, requestId, body}) {
        if (body.role === 'admin' && identity?.role !== 'admin') {
          throw new StorageError('Forbidden', 'Only an admin registers an admin');
        }

        const sshKeys =
          body.ssh_pubkey === undefined ? [] : [sshKeyOf(body.ssh_pubkey, body.ssh_pubkey_fingerprint)];
        const storage =
          identity?.role === 'admin' ? authorized.as(identity, requestId) : registrar(requestId);
        return {
          status: 201,
          body: await register({storage, tokens}, {name: body.name, spec: {role: body.role, sshKeys}}),
        };
      },
    }),
    defineRoute({
      method: 'post',
      path: '/api/v1/users/register-github',
      operationId: 'registerGithubUser',
      summary: 'Register a GitHub account',
      description:
        'The bearer token is a GitHub token: GitHub itself is asked whom it belongs to. An admin may register anybody with a token of this server.',
      tag: 'users',
      access: 'open',
      body: {schema: registerGithubRequest},
      responses: answers(201, created, 400, 401, 403, 409, 413, 415, 429, 503),
      async handle({identity, foreignToken, requestId, signal, body}) {
        const sshKeys = [sshKeyOf(body.ssh_pubkey, body.ssh_pubkey_fingerprint)];
        if (identity?.role !== 'admin') {
          if (foreignToken === undefined) {
            throw new RequestError(
              'Unauthorized',
              'This needs a GitHub token, to prove whose account it is',
              {
                hint: 'Send "Authorization: Bearer <token>" with what `gh auth token` prints; `nexus auth github` does it all.',
              },
            );
          }

          const account = await github.whoami(foreignToken, signal);
          const same =
            account.id === body.github_id &&
            account.login.toLowerCase() === body.github_username.toLowerCase();
          if (!same) {
            throw new StorageError(
              'Forbidden',
              `The token belongs to ${account.login} (${account.id}), not to ${body.github_username} (${body.github_id})`,
            );
          }
        }

        const spec = {
          role: 'user' as const,
          githubUsername: body.github_username,
          githubId: body.github_id,
          sshKeys,
        };
        const name = body.github_username.toLowerCase();
        return {
          status: 201,
          body: await register({storage: registrar(requestId), tokens}, {name, spec}),
        };
      },
    }),
  ];
}
