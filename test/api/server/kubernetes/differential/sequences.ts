import type {Difference} from './differences.ts';
import type {Call} from './sides.ts';

/** A call, or one made of the last answer's body; where the answers differ, why, and what Nexus answers. */
export type Step = {
  readonly call: Call | ((last: Body) => Call);
  readonly differs?: Difference;
  readonly status?: number;
};

export type Body = {
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly spec: object;
};

export type Sequence = {readonly title: string; readonly steps: readonly Step[]};

const apiVersion = 'nexus.dev/v1alpha1';
const merge = 'application/merge-patch+json';
const json = 'application/json-patch+json';
const apply = 'application/apply-patch+yaml';
const table = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';
const nodes = 'NS/nodes';
const workspaces = 'NS/workspaces';

const node = (name: string | undefined, spec: unknown = {}, metadata: object = {}) => ({
  apiVersion,
  kind: 'Node',
  metadata: {name, ...metadata},
  spec,
});
/** With the finalizer that Nexus would give it, so that both have it. */
const workspace = (name: string, spec: object = {}, metadata: object = {}) => ({
  apiVersion,
  kind: 'Workspace',
  metadata: {name, finalizers: ['nexus.dev/instance'], ...metadata},
  spec: {owner: 'admin', ...spec},
});

const same = (call: Step['call']): Step => ({call});
const differs = (reason: Difference, status: number, call: Step['call']): Step => ({
  call,
  differs: reason,
  status,
});
const get = (path: string, accept?: string): Call => ({path, ...(accept === undefined ? {} : {accept})});
const post = (path: string, body: unknown, type?: string): Call => ({
  method: 'POST',
  path,
  body,
  ...(type === undefined ? {} : {type}),
});
const put = (path: string, body: unknown): Call => ({method: 'PUT', path, body});
const patch = (type: string, path: string, body: unknown): Call => ({method: 'PATCH', path, body, type});
/** Of nodes, until so many events have come. */
const watch = (query: string, events: number): Call => ({
  path: `${nodes}?watch=true&timeoutSeconds=60&${query}`,
  events,
});
const remove = (path: string, body?: unknown): Call => ({
  method: 'DELETE',
  path,
  ...(body === undefined ? {} : {body}),
});
const applyAs = (manager: string, path: string, body: unknown) =>
  patch(apply, `${path}${path.includes('?') ? '&' : '?'}fieldManager=${manager}`, body);

const web = {services: [{name: 'web', command: 'x', port: 3000}]};

export const sequences: readonly Sequence[] = [
  {
    title: 'objects are created, read and replaced',
    steps: [
      same(post(workspaces, workspace('a', web, {labels: {app: 'x'}}))),
      same(post(workspaces, workspace('a'))),
      same(get(`${workspaces}/a`)),
      same(get(`${workspaces}/none`)),
      same(get(`${workspaces}/a`, 'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io')),
      same(get(workspaces, 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io')),
      same(get(`${workspaces}/a`)),
      same(last => put(`${workspaces}/a`, {...last, spec: {...last.spec, image: 'x/y'}})),
      same(last => put(`${workspaces}/a`, {...last, metadata: {...last.metadata, resourceVersion: '1'}})),
      same(put(`${workspaces}/a`, workspace('a'))),
      same(put(`${workspaces}/a`, workspace('b'))),
      same(put(`${workspaces}/none`, workspace('none', {}, {resourceVersion: '1'}))),
      same(put(`${workspaces}/a`, {spec: {}})),
      differs('finalizer', 201, post(workspaces, {...workspace('b'), metadata: {name: 'b'}})),
      differs('owner', 201, post(workspaces, {apiVersion, kind: 'Workspace', metadata: {name: 'c'}})),
      differs('descriptions', 200, get(workspaces, table)),
    ],
  },
  {
    title: 'merge and JSON patches, and what is wrong with them',
    steps: [
      same(post(workspaces, workspace('p', web))),
      same(patch(merge, `${workspaces}/p`, {spec: {running: false}, metadata: {labels: {b: 'c'}}})),
      same(patch(merge, `${workspaces}/p`, {spec: {running: false}})),
      same(patch(merge, `${workspaces}/p`, {spec: {running: null}, metadata: {labels: {b: null}}})),
      same(patch(merge, `${workspaces}/p`, {spec: {foo: 1}})),
      same(patch(merge, `${workspaces}/p?fieldValidation=Strict`, {spec: {foo: 1}})),
      same(patch(merge, `${workspaces}/p?fieldValidation=Ignore`, {spec: {foo: 1}})),
      same(patch(merge, `${workspaces}/p`, {metadata: {name: 'q'}})),
      same(patch(merge, `${workspaces}/p`, {kind: 'User'})),
      same(patch(merge, `${workspaces}/p`, {metadata: {uid: 'x'}})),
      same(patch(merge, `${workspaces}/p`, {metadata: {resourceVersion: '1'}})),
      same(patch(merge, `${workspaces}/p`, {spec: {running: 'yes'}})),
      same(patch(merge, `${workspaces}/p?force=true`, {})),
      same(patch('application/strategic-merge-patch+json', `${workspaces}/p`, {spec: {running: false}})),
      differs('unreadable', 400, patch(merge, `${workspaces}/p`, '{')),
      differs('unreadable', 400, patch(merge, `${workspaces}/p`, [])),
      same(
        patch(json, `${workspaces}/p`, [
          {op: 'replace', path: '/spec/image', value: 'x/y'},
          {op: 'test', path: '/spec/image', value: 'x/y'},
          {op: 'add', path: '/spec/services/0/env/A', value: 'b'},
        ]),
      ),
      differs(
        'jsonPatch',
        422,
        patch(json, `${workspaces}/p`, [{op: 'test', path: '/spec/image', value: 'z'}]),
      ),
      differs('jsonPatch', 422, patch(json, `${workspaces}/p`, [{op: 'remove', path: '/spec/nothing'}])),
      same(get(`${workspaces}/p`)),
    ],
  },
  {
    title: 'server-side apply: owners, conflicts, and what is given no longer',
    steps: [
      same(post(workspaces, workspace('s', web, {labels: {app: 'x'}}))),
      same(patch(apply, `${workspaces}/s`, workspace('s'))),
      same(applyAs('m', `${workspaces}/s`, workspace('s', {image: 'x/y'}))),
      same(applyAs('m', `${workspaces}/s`, workspace('s', {image: 'x/z', running: false}))),
      same(applyAs('m', `${workspaces}/s?force=true`, workspace('s', {image: 'x/z', running: false}))),
      same(applyAs('m', `${workspaces}/s`, workspace('s'))),
      same(applyAs('m', `${workspaces}/s`, workspace('s', {foo: 1}))),
      same(applyAs('m', `${workspaces}/s`, workspace('s', {running: 'yes'}))),
      same(applyAs('m', `${workspaces}/s`, workspace('s', {env: 'yes'}))),
      same(applyAs('m', `${workspaces}/s`, workspace('s', {}, {managedFields: [{manager: 'x'}]}))),
      same(applyAs('m', `${workspaces}/s`, workspace('t'))),
      same(applyAs('m', `${workspaces}/s`, workspace('s', {}, {namespace: 'other'}))),
      same(applyAs('m', `${workspaces}/s`, {...workspace('s'), apiVersion: 'nexus.dev/v1'})),
      same(applyAs('m', `${workspaces}/s`, {spec: {}})),
      same(applyAs('m', `${workspaces}/s`, workspace('s', {}, {resourceVersion: '1'}))),
      same(applyAs('m', `${workspaces}/t`, workspace('t', {services: [{name: 's', command: 'c'}]}))),
      same(applyAs('n', `${workspaces}/t`, workspace('t', {services: [{name: 'u', command: 'd'}]}))),
      same(applyAs('m', `${workspaces}/t`, workspace('t', {env: {A: 'b'}}))),
      same(applyAs('m', `${workspaces}/u`, workspace('u', {}, {uid: '1'}))),
      same(applyAs('m', `${workspaces}/u?dryRun=All`, workspace('u'))),
      same(get(`${workspaces}/u`)),
    ],
  },
  {
    title: 'status by way of its subresource, and by that alone',
    steps: [
      same(post(workspaces, {...workspace('st'), status: {phase: 'Running'}})),
      same(
        patch(merge, `${workspaces}/st/status`, {
          status: {phase: 'Running'},
          spec: {running: false},
          metadata: {labels: {z: 'z'}},
        }),
      ),
      same(
        applyAs('s', `${workspaces}/st/status`, {...workspace('st'), status: {phase: 'Error', node: 'n'}}),
      ),
      same(
        applyAs('s', `${workspaces}/st/status?force=true`, {
          ...workspace('st'),
          status: {phase: 'Error', node: 'n'},
        }),
      ),
      same(applyAs('s', `${workspaces}/none/status`, {...workspace('none'), status: {phase: 'Error'}})),
      same(patch(merge, `${workspaces}/st/status`, {status: {phase: 'Nope'}})),
      same(get(`${workspaces}/st/status`)),
      same(last => put(`${workspaces}/st/status`, {...last, status: {phase: 'Stopped'}})),
      same(patch(merge, `${workspaces}/st`, {status: {phase: 'Error'}, spec: {image: 'q/q'}})),
    ],
  },
  {
    title: 'deletion: preconditions, dry runs and finalizers',
    steps: [
      same(post(nodes, node('d', {}, {finalizers: ['x.y/z']}))),
      same(remove(`${nodes}/d`, {preconditions: {uid: 'x'}})),
      same(remove(`${nodes}/d`, {preconditions: {resourceVersion: '1'}})),
      same(remove(`${nodes}/d?propagationPolicy=No`)),
      same(remove(`${nodes}/d`, {propagationPolicy: 'No'})),
      same(remove(`${nodes}/none`)),
      same(remove(`${nodes}/d`)),
      same(remove(`${nodes}/d`)),
      same(patch(merge, `${nodes}/d`, {metadata: {finalizers: ['x.y/z', 'b.c/d']}})),
      same(patch(merge, `${nodes}/d`, {spec: {port: 23}})),
      same(patch(merge, `${nodes}/d`, {metadata: {finalizers: null}})),
      same(get(`${nodes}/d`)),
      same(post(nodes, node('e'))),
      same(remove(`${nodes}/e?dryRun=All`)),
      same(get(`${nodes}/e`)),
      differs('propagation', 200, remove(`${nodes}/e`, {propagationPolicy: 'Foreground'})),
    ],
  },
  {
    title: 'lists: pages, selectors, versions and forms',
    steps: [
      same(post(nodes, node('l1', {unschedulable: true}, {labels: {t: 'x'}}))),
      same(post(nodes, node('l2', {}, {labels: {t: 'y'}}))),
      same(post(nodes, node('l3', {address: '10.0.0.1'}))),
      same(post(nodes, node('l4', {}, {labels: {t: 'x', q: '1'}}))),
      same(get(`${nodes}?labelSelector=t`)),
      ...[
        'labelSelector=t%3Dx',
        'labelSelector=t!%3Dx,t',
        'labelSelector=t%20in%20(x,y)',
        'labelSelector=t,t%20notin%20(x)',
        'labelSelector=t%3Dx,q',
        'limit=1&labelSelector=t',
        'fieldSelector=metadata.name%3Dl1',
        'fieldSelector=spec.unschedulable%3Dtrue',
        'fieldSelector=spec.nope%3Dx',
        'resourceVersionMatch=Exact',
        'resourceVersion=1&resourceVersionMatch=Foo',
        'resourceVersion=99999999',
      ].map(query => same(get(`${nodes}?${query}`))),
      same(get(`${nodes}?limit=2&labelSelector=t`)),
      same(last => get(`${nodes}?limit=2&labelSelector=t&continue=${String(last.metadata.continue)}`)),
      same(get(`${nodes}?labelSelector=t&includeObject=Foo`, table)),
      differs('descriptions', 200, get(`${nodes}?labelSelector=t&includeObject=None`, table)),
      differs('selectors', 400, get(`${nodes}?fieldSelector=metadata.name!%3Dl1`)),
      differs('selectors', 400, get(`${nodes}?labelSelector=t%3E1`)),
      differs('unreadable', 400, get(`${nodes}?labelSelector=%3D%3D`)),
      differs('unreadable', 400, get(`${nodes}?continue=abc`)),
      same(get(`${nodes}/l1`)),
      differs('exact', 410, last =>
        get(`${nodes}?resourceVersionMatch=Exact&resourceVersion=${String(last.metadata.resourceVersion)}`),
      ),
      differs('protobuf', 406, get(nodes, 'text/html')),
      differs('allNamespaces', 200, get('nodes?labelSelector=t')),
      same(remove(`${nodes}?labelSelector=t`)),
    ],
  },
  {
    title: 'watches: from the beginning, from a version, and with marks',
    steps: [
      same(post(nodes, node('w', {}, {labels: {w: 'w'}}))),
      same(watch('labelSelector=w', 1)),
      same(get(`${nodes}/w`)),
      same(last =>
        get(
          `${nodes}?watch=true&timeoutSeconds=1&fieldSelector=metadata.name%3Dw&resourceVersion=${String(last.metadata.resourceVersion)}`,
        ),
      ),
      same(get(`${nodes}?watch=true&timeoutSeconds=1&sendInitialEvents=true&labelSelector=w`)),
      same(
        watch(
          'sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan&labelSelector=w',
          2,
        ),
      ),
      differs('descriptions', 200, {...watch('labelSelector=w', 1), accept: table}),
      differs('past', 200, watch('resourceVersion=1', 1)),
      differs('future', 200, get(`${nodes}?watch=true&timeoutSeconds=1&resourceVersion=99999999`)),
      same(remove(`${nodes}/w`)),
    ],
  },
  {
    title: 'discovery',
    steps: [
      same(get('/apis/nexus.dev')),
      same(get('/api')),
      differs('discovery', 200, get('/apis')),
      differs('discovery', 200, get('/apis/nexus.dev/v1alpha1')),
      differs('methods', 404, get('/apis/nexus.dev/v1alpha1/nothing')),
      differs('methods', 405, put(nodes, {})),
    ],
  },
];
