import {z} from 'zod';
import {gatewayUser} from '../gateway/gateway-connection.ts';
import type {GatewayInfo} from './app-options.ts';
import {answers} from './rest-responses.ts';
import type {Route} from './route.ts';
import {defineRoute} from './route.ts';

export const gatewayView = z.strictObject({
  enabled: z.boolean(),
  host: z.string().nullable().describe("null: by the server's own name."),
  port: z.int().nullable(),
  username: z.string().describe('The login name of everybody: who one is, the key says.'),
  host_key: z.string().nullable().describe('To pin, in OpenSSH form.'),
});

export type GatewayView = z.infer<typeof gatewayView>;

export function gatewayRoutes({gateway}: {readonly gateway?: GatewayInfo}): Route[] {
  return [
    defineRoute({
      method: 'get',
      path: '/api/v1/gateway',
      operationId: 'getGateway',
      summary: 'The ssh gateway',
      description: 'One port that leads to all workspaces: ssh -J nexus@HOST:PORT dev@WORKSPACE.',
      tag: 'workspaces',
      access: 'user',
      responses: answers(200, {description: 'Where it is.', schema: gatewayView}, 401),
      async handle() {
        return {
          status: 200,
          body: {
            enabled: gateway !== undefined,
            host: gateway?.host ?? null,
            port: gateway?.port ?? null,
            username: gatewayUser,
            host_key: gateway?.hostKey ?? null,
          },
        };
      },
    }),
  ];
}
