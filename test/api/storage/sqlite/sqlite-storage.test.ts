import {systemClock} from '../../../../api/effects/clock.ts';
import {systemRandom} from '../../../../api/effects/random.ts';
import {openSqliteStorage} from '../../../../api/storage/sqlite/sqlite-storage.ts';
import {storageContract} from '../../../contracts/storage-contract.ts';

storageContract('sqlite', () =>
  openSqliteStorage({path: ':memory:', clock: systemClock, random: systemRandom}),
);
