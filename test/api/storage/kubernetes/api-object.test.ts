import test from 'ava';
import {fromApi} from '../../../../api/storage/kubernetes/api-object.ts';
import {recordDigest} from '../../../../api/storage/moving/store-record.ts';
import {
  statusAnnotation,
  storeAnnotations,
  withoutStoreAnnotations,
} from '../../../../api/v1alpha1/store-annotations.ts';
import {aWorkspace} from '../../../contracts/storage/samples.ts';

const given = (status: unknown) => {
  const {spec} = aWorkspace('web');
  const annotations = {[statusAnnotation]: JSON.stringify(status)};
  return {metadata: {name: 'web', uid: 'u', annotations}, spec};
};

test('a status that was given at creation counts only if it is one of the kind', t => {
  const good = fromApi('Workspace', given({phase: 'Running'}));
  t.deepEqual(good.document.status, {phase: 'Running'});
  t.true(good.unfinished);
  for (const status of [{phase: 'Broken'}, {conditions: 'none'}, {node: {}}, [], 'x', null]) {
    const {document, unfinished} = fromApi('Workspace', given(status));
    t.is(document.status, undefined, JSON.stringify(status));
    t.false(unfinished);
  }
});

test("the store's own annotations are taken from what people write, and others stay", t => {
  const own = Object.fromEntries(storeAnnotations.map(name => [name, 'x']));
  const name = 'web';
  t.deepEqual(withoutStoreAnnotations({name, annotations: {...own, a: 'b'}}), {name, annotations: {a: 'b'}});
  t.deepEqual(withoutStoreAnnotations<object>({name, annotations: own}), {name});
});

test('an object of SQLite on which somebody wrote them is the same object in Kubernetes, which does not take them', t => {
  const {document} = fromApi('Workspace', given({phase: 'Running'}));
  const annotations = {'nexus.dev/identity': 'web/another', 'nexus.dev/initial-status': '{}'};
  const poisoned = {...document, metadata: {...document.metadata, annotations}};
  t.is(recordDigest({type: 'object', object: poisoned}), recordDigest({type: 'object', object: document}));
});
