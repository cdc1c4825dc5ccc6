import type {IncomingMessage} from 'node:http';
import type {Readable} from 'node:stream';
import type {z} from 'zod';
import type {Caller} from '../v1alpha1/admission.ts';
import {parseWith} from '../v1alpha1/validate.ts';
import {documentLimit, mediaType, parseBody, readBody} from './request-body.ts';
import {asQuery, RequestError} from './request-error.ts';

/**
 * Who may call a route at all; what of it they see is up to the handler.
 * `open`: anybody. `loopback`: anybody on the machine itself, callers with a token from elsewhere. `user`, `admin`: callers with a token.
 */
export type Access = 'open' | 'loopback' | 'user' | 'admin';

export type Method = 'get' | 'post' | 'put' | 'patch' | 'delete' | 'head';

/** What a handler gets. */
export type RouteRequest<Query, Body> = {
  /** Decoded segments of the path, by their name in it. */
  readonly params: Readonly<Record<string, string>>;
  /** The query as it came. */
  readonly search: URLSearchParams;
  readonly query: Query;
  readonly body: Body;
  /** Undefined for an anonymous caller. */
  readonly identity: Caller | undefined;
  /** Throws `Unauthorized` for an anonymous caller. */
  readonly caller: Caller;
  /** A bearer token that is none of this server's. */
  readonly foreignToken: string | undefined;
  readonly requestId: string;
  /** From the machine itself, and not by way of a proxy. */
  readonly local: boolean;
  /** Aborted when the client goes away or the deadline passes. */
  readonly signal: AbortSignal;
  header(name: string): string | undefined;
  /** The connection's own request, for handlers that read the body as it comes. */
  readonly raw: IncomingMessage;
};

export type Reply = {
  readonly status: number;
  /** An object is sent as JSON, a string as it is, a stream as it comes. */
  readonly body?: unknown;
  /** JSON that was serialised before. */
  readonly json?: string | Buffer;
  readonly stream?: Readable;
  readonly contentType?: string;
  readonly headers?: Readonly<Record<string, string>>;
};

export type ResponseDescription = {
  readonly description: string;
  /** Of JSON; undefined for an empty body or another content type. */
  readonly schema?: z.ZodType;
  readonly contentType?: string;
};

type RouteDescription = {
  readonly method: Method;
  /** As OpenAPI writes it: /api/v1/workspaces/{id}. */
  readonly path: string;
  readonly operationId: string;
  readonly summary: string;
  readonly description?: string;
  readonly tag: string;
  readonly access: Access;
  /** Has no deadline: a watch, a log, an upload. */
  readonly streaming?: boolean;
  /** Served as a WebSocket by `websockets.ts`. */
  readonly upgrade?: boolean;
  readonly responses: Readonly<Record<number, ResponseDescription>>;
};

export type RouteDefinition<Query, Body> = RouteDescription & {
  /** Of the query's parameters, each a text; unknown ones are refused if it is strict. A parameter given twice is a list. */
  readonly query?: z.ZodType<Query>;
  readonly body?: BodyDefinition<Body>;
  handle(request: RouteRequest<Query, Body>): Promise<Reply>;
};

export type BodyDefinition<Body> = {
  /** Of JSON or YAML. */
  readonly schema: z.ZodType<Body>;
  /** Instead of `application/json` and `application/yaml`. */
  readonly contentTypes?: readonly string[];
  /** A request without a body is taken for this JSON. */
  readonly absent?: unknown;
};

/** What the server knows of a request before a route looks at it. */
export type Incoming = Omit<RouteRequest<unknown, unknown>, 'query' | 'body' | 'caller'>;

/** One entry of the route table: it is mounted, documented and tested by. */
export type Route = RouteDescription & {
  readonly querySchema: z.ZodType | undefined;
  readonly bodySchema: z.ZodType | undefined;
  readonly bodyTypes: readonly string[];
  serve(incoming: Incoming): Promise<Reply>;
};

export const documentTypes = ['application/json', 'application/yaml'] as const;

export function defineRoute<Query = undefined, Body = undefined>(
  definition: RouteDefinition<Query, Body>,
): Route {
  const {query, body, handle, ...description} = definition;
  return {
    ...description,
    querySchema: query,
    bodySchema: body?.schema,
    bodyTypes: body === undefined ? [] : (body.contentTypes ?? documentTypes),
    async serve(incoming) {
      checkAccess(description.access, incoming);
      return handle({
        ...incoming,
        query:
          query === undefined
            ? absent()
            : asQuery(() => parseWith(query, queryObject(incoming.search), 'The query')),
        body: body === undefined ? absent() : await readDocument(body, incoming),
        get caller() {
          return requireIdentity(incoming);
        },
      });
    },
  };
}

/** The boundary for routes without a query or body: their type of it is undefined. */
function absent<T>(): T {
  return undefined as T;
}

function checkAccess(access: Access, incoming: Incoming): void {
  if (access === 'open' || (access === 'loopback' && incoming.local)) {
    return;
  }

  const {role} = requireIdentity(incoming);
  if (access === 'admin' && role !== 'admin') {
    throw new RequestError('Forbidden', 'Only an admin may do this');
  }
}

function requireIdentity({identity, foreignToken}: Incoming): Caller {
  if (identity === undefined) {
    throw new RequestError(
      'Unauthorized',
      foreignToken === undefined
        ? 'This needs a token, and the request carries none'
        : 'The token is none of this server',
      {
        hint: 'Send "Authorization: Bearer <token>" with a token of this server. The first admin token is in its file admin-token.',
      },
    );
  }

  return identity;
}

async function readDocument<Body>(definition: BodyDefinition<Body>, {raw, header}: Incoming): Promise<Body> {
  const type = mediaType(header('content-type'));
  const allowed = definition.contentTypes ?? documentTypes;
  const bytes = await readBody(raw, documentLimit);
  if (bytes.length === 0 && definition.absent !== undefined) {
    return parseWith(definition.schema, definition.absent, 'The body');
  }

  if (!allowed.includes(type)) {
    throw new RequestError('UnsupportedMediaType', `A body of type "${type}" is not understood here`, {
      hint: `Send ${allowed.join(' or ')}, and say so in Content-Type.`,
    });
  }

  return parseWith(definition.schema, parseBody(bytes, type), 'The body');
}

export function queryObject(search: URLSearchParams): Record<string, string | string[]> {
  return Object.fromEntries(
    [...new Set(search.keys())].map(key => {
      const values = search.getAll(key);
      return [key, values.length === 1 ? (values[0] ?? '') : values];
    }),
  );
}
