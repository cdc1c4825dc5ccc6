import test from 'ava';
import {parseLabelSelector} from '../../../api/storage/selector.ts';
import type {ListOptions, Storage} from '../../../api/storage/storage.ts';
import {aToken, aWorkspace, take, watchWorkspaces, withMetadata, withSpec} from './samples.ts';

const names = async (storage: Storage, options?: ListOptions) =>
  (await storage.list('Workspace', options)).items.map(({metadata}) => metadata.name);

export function readingContract(name: string, open: () => Promise<Storage>): void {
  test(`${name}: list gives the objects of one kind in order of names`, async t => {
    await using storage = await open();
    for (const each of ['b', 'a10', 'a9', 'a-b', 'a']) {
      await storage.create('Workspace', aWorkspace(each));
    }

    await storage.create('Token', aToken('t', 'ff'));
    t.deepEqual(await names(storage), ['a', 'a-b', 'a10', 'a9', 'b']);
    t.deepEqual((await storage.list('Node')).items, []);
  });

  test(`${name}: list selects by labels`, async t => {
    await using storage = await open();
    await storage.create('Workspace', aWorkspace('a', {metadata: {labels: {tier: 'web', env: 'prod'}}}));
    await storage.create('Workspace', aWorkspace('b', {metadata: {labels: {tier: 'db'}}}));
    await storage.create('Workspace', aWorkspace('c'));
    const select = (text: string) => names(storage, {labels: parseLabelSelector(text)});
    t.deepEqual(await select('tier=web'), ['a']);
    t.deepEqual(await select('tier!=web'), ['b', 'c']);
    t.deepEqual(await select('tier in (web, db)'), ['a', 'b']);
    t.deepEqual(await select('tier notin (web)'), ['b', 'c']);
    t.deepEqual(await select('tier'), ['a', 'b']);
    t.deepEqual(await select('!tier'), ['c']);
    t.deepEqual(await select('tier,env=prod'), ['a']);
    t.deepEqual(await select(''), ['a', 'b', 'c']);
  });

  test(`${name}: list selects by fields of metadata, spec and status`, async t => {
    await using storage = await open();
    const a = await storage.create('Workspace', aWorkspace('a', {spec: {owner: 'ada'}}));
    await storage.create('Workspace', aWorkspace('b', {spec: {owner: 'bob', running: false}}));
    await storage.updateStatus('Workspace', {...a, status: {node: 'n', phase: 'Running'}});
    t.deepEqual(await names(storage, {fields: {'spec.owner': 'ada'}}), ['a']);
    t.deepEqual(await names(storage, {fields: {'status.node': 'n'}}), ['a']);
    t.deepEqual(await names(storage, {fields: {'status.node': ''}}), ['b']);
    t.deepEqual(await names(storage, {fields: {'spec.running': 'false'}}), ['b']);
    t.deepEqual(await names(storage, {fields: {'metadata.name': 'b'}}), ['b']);
    t.deepEqual(await names(storage, {fields: {'metadata.uid': a.metadata.uid}}), ['a']);
    t.deepEqual(await names(storage, {fields: {'spec.owner': 'ada', 'status.node': 'm'}}), []);
    t.deepEqual(await names(storage, {fields: {'spec.resources': '[object Object]'}}), []);
  });

  test(`${name}: a token is found by its hash, and not by half of it`, async t => {
    await using storage = await open();
    await storage.create('Token', aToken('a', 'aa11'));
    await storage.create('Token', aToken('b', 'bb22'));
    const found = await storage.list('Token', {fields: {'spec.sha256': 'bb22'}});
    t.deepEqual(
      found.items.map(({metadata}) => metadata.name),
      ['b'],
    );
    t.deepEqual((await storage.list('Token', {fields: {'spec.sha256': 'bb'}})).items, []);
  });

  test(`${name}: pages are of one revision, whatever is written between them`, async t => {
    await using storage = await open();
    for (const each of ['a', 'b', 'c', 'd', 'e']) {
      await storage.create('Workspace', aWorkspace(each));
    }

    const whole = await storage.list('Workspace');
    const first = await storage.list('Workspace', {limit: 2});
    t.is(first.remainingItemCount, 3);
    await storage.delete('Workspace', 'c');
    await storage.create('Workspace', aWorkspace('bb'));
    await storage.update('Workspace', aWorkspace('d', {spec: {running: false}}));
    const second = await storage.list('Workspace', {limit: 2, continue: first.continue ?? ''});
    const third = await storage.list('Workspace', {limit: 2, continue: second.continue ?? ''});
    t.deepEqual([...first.items, ...second.items, ...third.items], whole.items);
    t.deepEqual(
      [first.resourceVersion, second.resourceVersion, third.resourceVersion],
      Array.from({length: 3}, () => whole.resourceVersion),
    );
    t.is(third.continue, undefined);
  });

  test(`${name}: a limit counts what is selected, and the last page says so`, async t => {
    await using storage = await open();
    for (const each of ['a', 'b', 'c', 'd']) {
      const labels = {odd: String(each === 'a' || each === 'c')};
      await storage.create('Workspace', aWorkspace(each, {metadata: {labels}}));
    }

    const labels = parseLabelSelector('odd=true');
    const first = await storage.list('Workspace', {labels, limit: 1});
    t.deepEqual(
      first.items.map(({metadata}) => metadata.name),
      ['a'],
    );
    const second = await storage.list('Workspace', {labels, limit: 1, continue: first.continue ?? ''});
    t.deepEqual(
      second.items.map(({metadata}) => metadata.name),
      ['c'],
    );
    t.is(second.continue, undefined);
  });

  test(`${name}: a watch from a list's revision gives what came after, once and in order, as it was then`, async t => {
    await using storage = await open();
    await storage.create('Workspace', aWorkspace('old'));
    const {resourceVersion} = await storage.list('Workspace');
    const created = await storage.create('Workspace', aWorkspace('a'));
    const updated = await storage.update('Workspace', withSpec(created, {running: false}));
    const removed = await storage.delete('Workspace', 'a');
    using watch = watchWorkspaces(storage, {resourceVersion});
    const [added, modified, deleted] = await take(watch.events, 3);
    t.deepEqual(added, {type: 'ADDED', object: created});
    t.deepEqual(modified, {type: 'MODIFIED', object: updated});
    t.deepEqual(deleted, {type: 'DELETED', object: removed});
  });

  test(`${name}: a watch without a revision begins when it is called`, async t => {
    await using storage = await open();
    await storage.create('Workspace', aWorkspace('before'));
    using watch = watchWorkspaces(storage);
    const next = take(watch.events, 2);
    const created = await storage.create('Workspace', aWorkspace('after'));
    const updated = await storage.update('Workspace', withSpec(created, {running: false}));
    t.deepEqual(await next, [
      {type: 'ADDED', object: created},
      {type: 'MODIFIED', object: updated},
    ]);
  });

  test(`${name}: to a selecting watch, coming to match is ADDED and ceasing to is DELETED`, async t => {
    await using storage = await open();
    const {resourceVersion} = await storage.list('Workspace');
    const created = await storage.create('Workspace', aWorkspace('a'));
    const web = await storage.update('Workspace', withMetadata(created, {labels: {tier: 'web'}}));
    const still = await storage.update('Workspace', withSpec(web, {running: false}));
    const db = await storage.update('Workspace', withMetadata(still, {labels: {tier: 'db'}}));
    await storage.update('Workspace', withSpec(db, {running: true}));
    await storage.create('Workspace', aWorkspace('b', {metadata: {labels: {tier: 'web'}}}));
    await storage.delete('Workspace', 'b');
    await storage.delete('Workspace', 'a');
    await storage.create('Workspace', aWorkspace('c', {metadata: {labels: {tier: 'web'}}}));
    using watch = watchWorkspaces(storage, {resourceVersion, labels: parseLabelSelector('tier=web')});
    const events = await take(watch.events, 6);
    t.deepEqual(
      events.map(({type, object}) => `${type} ${object.metadata.name}`),
      ['ADDED a', 'MODIFIED a', 'DELETED a', 'ADDED b', 'DELETED b', 'ADDED c'],
    );
  });

  test(`${name}: a watch by field sees an object only while the field has that value`, async t => {
    await using storage = await open();
    using watch = watchWorkspaces(storage, {fields: {'status.node': 'n'}});
    const a = await storage.create('Workspace', aWorkspace('a'));
    const placed = await storage.updateStatus('Workspace', {...a, status: {node: 'n'}});
    await storage.updateStatus('Workspace', {...placed, status: {node: 'm'}});
    const events = await take(watch.events, 2);
    t.deepEqual(
      events.map(({type}) => type),
      ['ADDED', 'DELETED'],
    );
  });

  test(`${name}: a watch can be resumed from the version of any event it gave`, async t => {
    await using storage = await open();
    const {resourceVersion} = await storage.list('Workspace');
    for (const each of ['a', 'b', 'c']) {
      await storage.create('Workspace', aWorkspace(each));
    }

    await storage.delete('Workspace', 'b');
    using whole = watchWorkspaces(storage, {resourceVersion});
    const events = await take(whole.events, 4);
    for (const [index, {object}] of events.slice(0, -1).entries()) {
      using rest = watchWorkspaces(storage, {resourceVersion: object.metadata.resourceVersion});
      t.deepEqual(await take(rest.events, 3 - index), events.slice(index + 1));
    }
  });

  test(`${name}: a watch ends when its signal is aborted, and not before`, async t => {
    await using storage = await open();
    const watch = watchWorkspaces(storage);
    const waiting = watch.events.next();
    watch.stop();
    t.true((await waiting).done);
    t.true((await watch.events.next()).done);
  });

  test(`${name}: a watch whose signal was aborted before gives nothing`, async t => {
    await using storage = await open();
    const events = storage.watch('Workspace', {signal: AbortSignal.abort()})[Symbol.asyncIterator]();
    await storage.create('Workspace', aWorkspace('a'));
    t.true((await events.next()).done);
  });

  test(`${name}: many watchers each see everything`, async t => {
    await using storage = await open();
    const watches = Array.from({length: 20}, () => watchWorkspaces(storage));
    const all = Promise.all(watches.map(({events}) => take(events, 10)));
    for (let index = 0; index < 10; index += 1) {
      await storage.create('Workspace', aWorkspace(`w${index}`));
    }

    for (const events of await all) {
      t.deepEqual(
        events.map(({object}) => object.metadata.name),
        Array.from({length: 10}, (_, index) => `w${index}`),
      );
    }

    for (const watch of watches) {
      watch.stop();
    }
  });
}
