import {z} from 'zod';
import {openapiDocument} from './openapi.ts';
import type {Reply, Route} from './route.ts';
import {defineRoute} from './route.ts';

/** The document describes its own route, too. It is made when it is first asked for. */
export function openapiRoutes(table: readonly Route[], version: string): Route[] {
  let text: string | undefined;
  const route: Route = defineRoute({
    method: 'get',
    path: '/openapi.json',
    operationId: 'getOpenapi',
    summary: 'This document',
    tag: 'discovery',
    access: 'loopback',
    responses: {
      200: {description: 'OpenAPI 3.1.', schema: z.looseObject({openapi: z.literal('3.1.0')})},
    },
    async handle(): Promise<Reply> {
      text ??= JSON.stringify(openapiDocument([...table, route], version));
      return {status: 200, json: text};
    },
  });
  return [route];
}
