import {z} from 'zod';
import {streamProtocol} from '../client/stream-channels.ts';
import {count, flag, portNumber, texts} from './query.ts';
import {RequestError} from './request-error.ts';
import {answers} from './rest-responses.ts';
import type {Route} from './route.ts';
import {defineRoute} from './route.ts';

/** Of exec. The command is a list of arguments, `command=ls&command=-l`; no shell reads it. */
export const execQuery = z.strictObject({
  command: texts.refine(list => list.length > 0 && list[0] !== '', 'must name a program'),
  user: z.enum(['dev', 'root']).default('dev'),
  directory: z
    .string()
    .max(4096)
    .regex(/^\/[^\0]*$/, 'must be an absolute path')
    .optional()
    .describe('The repository by default.'),
  env: texts
    .refine(list => list.every(text => /^[A-Za-z_][A-Za-z0-9_]*=[^\0]*$/.test(text)), 'must be NAME=value')
    .optional(),
  tty: flag.default(false),
  columns: count.default(80),
  rows: count.default(24),
  term: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$/, 'must be a terminal type such as xterm-256color')
    .default('xterm-256color'),
});

export const tunnelQuery = z.strictObject({port: portNumber});

/**
 * Where the WebSockets are, for the documentation and for those who come without one; `web-sockets.ts` serves them. What is said on them
 * is in `api/client/stream-channels.ts`.
 */
export function streamRoutes(): Route[] {
  const responses = answers(
    101,
    {description: `A WebSocket, subprotocol ${streamProtocol}.`},
    400,
    401,
    404,
    409,
    426,
    503,
  );
  const upgradeOnly = async () => {
    throw new RequestError('UpgradeRequired', 'This is a WebSocket', {
      hint: `Connect with one, subprotocol ${streamProtocol}; \`nexus exec\` and \`nexus port-forward\` do.`,
    });
  };
  const common = {method: 'get', tag: 'streams', access: 'user', upgrade: true, responses} as const;
  return [
    defineRoute({
      ...common,
      path: '/api/v1/workspaces/{id}/exec',
      operationId: 'execInWorkspace',
      summary: 'Run a program in a workspace',
      query: execQuery,
      handle: upgradeOnly,
    }),
    defineRoute({
      ...common,
      path: '/api/v1/workspaces/{id}/tunnel',
      operationId: 'tunnelToWorkspace',
      summary: 'A byte stream to a TCP port inside a workspace',
      query: tunnelQuery,
      handle: upgradeOnly,
    }),
  ];
}
