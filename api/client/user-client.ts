import type {
  CreateTokenRequest,
  Registered,
  RegisterGithubRequest,
  RegisterRequest,
  SetCredentialRequest,
  SetSshKeyRequest,
  TokenCreated,
  TokenView,
  UserView,
} from '../server/account-messages.ts';
import type {Transport} from './transport.ts';

type Options = {readonly signal?: AbortSignal};

/** Users by name or uid (`id`); `me` is whom the client's token belongs to. Everything throws ApiError. */
export type UserClient = {
  register(request: RegisterRequest, options?: Options): Promise<Registered>;
  /** `githubToken` proves who asks; without one the client's own token must be an admin's. */
  registerGithub(
    request: RegisterGithubRequest,
    options?: Options & {githubToken?: string},
  ): Promise<Registered>;
  list(options?: Options): Promise<readonly UserView[]>;
  get(id: string, options?: Options): Promise<UserView>;
  /** Adds the key; does nothing if the user has it. */
  setSshKey(id: string, request: SetSshKeyRequest, options?: Options): Promise<UserView>;
  createToken(id: string, request: CreateTokenRequest, options?: Options): Promise<TokenCreated>;
  listTokens(id: string, options?: Options): Promise<readonly TokenView[]>;
  deleteToken(id: string, tokenId: string, options?: Options): Promise<void>;
  /** What git is given when a workspace of this user clones from `host`. */
  setCredential(
    id: string,
    host: string,
    options: Options & {credential: SetCredentialRequest},
  ): Promise<void>;
  listCredentials(
    id: string,
    options?: Options,
  ): Promise<readonly {readonly host: string; readonly created_at: string}[]>;
  deleteCredential(id: string, host: string, options?: Options): Promise<void>;
};

export function createUserClient(transport: Transport): UserClient {
  const of = (id: string, rest = '') => `/api/v1/users/${encodeURIComponent(id)}${rest}`;
  const credentialOf = (id: string, host: string) => of(id, `/credentials/${encodeURIComponent(host)}`);
  const get = <T>(path: string, {signal}: Options = {}) => transport.json<T>({method: 'GET', path, signal});
  const remove = async (path: string, {signal}: Options = {}) => {
    const {body} = await transport.open({method: 'DELETE', path, signal});
    await body.dump();
  };

  return {
    register: (json, {signal} = {}) =>
      transport.json({method: 'POST', path: '/api/v1/users/register', json, signal}),
    registerGithub: (json, {githubToken, signal} = {}) =>
      transport.json({
        method: 'POST',
        path: '/api/v1/users/register-github',
        json,
        headers: githubToken === undefined ? {} : {authorization: `Bearer ${githubToken}`},
        signal,
      }),
    list: async options => (await get<{users: UserView[]}>('/api/v1/users', options)).users,
    get: (id, options) => get(of(id), options),
    setSshKey: (id, json, {signal} = {}) =>
      transport.json({method: 'PUT', path: of(id, '/ssh-key'), json, signal}),
    createToken: (id, json, {signal} = {}) =>
      transport.json({method: 'POST', path: of(id, '/tokens'), json, signal}),
    listTokens: async (id, options) => (await get<{tokens: TokenView[]}>(of(id, '/tokens'), options)).tokens,
    deleteToken: (id, tokenId, options) => remove(of(id, `/tokens/${encodeURIComponent(tokenId)}`), options),
    async setCredential(id, host, {credential, signal}) {
      const {body} = await transport.open({
        method: 'PUT',
        path: credentialOf(id, host),
        body: JSON.stringify(credential),
        headers: {'content-type': 'application/json'},
        signal,
      });
      await body.dump();
    },
    listCredentials: async (id, options) =>
      (await get<{credentials: {host: string; created_at: string}[]}>(of(id, '/credentials'), options))
        .credentials,
    deleteCredential: (id, host, options) => remove(credentialOf(id, host), options),
  };
}
