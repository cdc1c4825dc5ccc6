import {createHash} from 'node:crypto';
import {z} from 'zod';
import type {Route} from '../route.ts';
import {defineRoute} from '../route.ts';
import type {RouteContext} from '../route-context.ts';
import {version as apiVersion, group} from './kube-resource.ts';
import {openapiV3Document} from './openapi-v3-document.ts';

/** OpenAPI as Kubernetes serves it, which is another document than /openapi.json: kubectl explains and checks by these. */
export function kubeOpenapiRoutes({
  resources,
  version,
}: Pick<RouteContext, 'resources' | 'version'>): Route[] {
  let v3: {text: string; hash: string} | undefined;
  const document = () => {
    if (v3 === undefined) {
      const text = JSON.stringify(openapiV3Document(resources.all(), version));
      v3 = {text, hash: createHash('sha256').update(text).digest('hex')};
    }

    return v3;
  };
  const path = `/openapi/v3/apis/${group}/${apiVersion}`;
  const common = {method: 'get' as const, tag: 'discovery', access: 'user' as const};
  return [
    defineRoute({
      ...common,
      path: '/openapi/v3',
      operationId: 'getOpenapiV3Index',
      summary: 'Where the documents are, for kubectl',
      responses: {200: {description: 'Paths.', schema: z.looseObject({paths: z.looseObject({})})}},
      async handle() {
        const serverRelativeURL = `${path}?hash=${document().hash}`;
        return {
          status: 200,
          body: {paths: {[`apis/${group}/${apiVersion}`]: {serverRelativeURL}}},
        };
      },
    }),
    defineRoute({
      ...common,
      path,
      operationId: 'getOpenapiV3',
      summary: 'OpenAPI 3.0 of the resources, for kubectl',
      responses: {200: {description: 'OpenAPI 3.0.', schema: z.looseObject({openapi: z.string()})}},
      async handle() {
        const {text, hash} = document();
        return {status: 200, json: text, headers: {ETag: `"${hash}"`}};
      },
    }),
  ];
}
