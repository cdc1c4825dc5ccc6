import test from 'ava';
import {storageContract} from '../../../contracts/storage-contract.ts';
import {findCluster, needsCluster} from './cluster.ts';
import {createStores} from './stores.ts';

const cluster = await findCluster();
if (cluster === undefined) {
  needsCluster('kubernetes');
} else {
  test.after.always(() => cluster[Symbol.asyncDispose]());
  storageContract('kubernetes', createStores(cluster));
}
