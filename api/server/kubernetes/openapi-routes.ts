import {createHash} from 'node:crypto';
import {z} from 'zod';
import type {Route} from '../route.ts';
import {defineRoute} from '../route.ts';
import type {RouteContext} from '../route-context.ts';
import {version as apiVersion, group} from './kube-resource.ts';
import type {OpenapiV2} from './openapi-v2-document.ts';
import {openapiV2Document} from './openapi-v2-document.ts';
import {encodeOpenapiV2} from './openapi-v2-protobuf.ts';
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
  let v2: OpenapiV2 | undefined;
  const older = () => {
    v2 ??= openapiV2Document(resources.all(), version);
    return v2;
  };
  const path = `/openapi/v3/apis/${group}/${apiVersion}`;
  const common = {method: 'get' as const, tag: 'discovery', access: 'user' as const};
  return [
    defineRoute({
      ...common,
      path: '/openapi/v2',
      operationId: 'getOpenapiV2',
      summary: 'OpenAPI 2.0 of the resources, for older kubectl; as JSON or Protocol Buffers',
      responses: {200: {description: 'OpenAPI 2.0.', schema: z.looseObject({swagger: z.string()})}},
      async handle({header}) {
        return wantsProtobuf(header('accept'))
          ? {status: 200, json: encodeOpenapiV2(older()), contentType: protobufType}
          : {status: 200, body: older()};
      },
    }),
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

/** The older spelling, with an `@`, is asked for but is no media type that Go could read. */
const protobufType = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf';

function wantsProtobuf(accept = ''): boolean {
  return /application\/com\.github\.proto-openapi\.spec\.v2[@.]v1\.0\+protobuf/.test(accept);
}
