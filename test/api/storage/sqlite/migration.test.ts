import test from 'ava';
import Sqlite from 'better-sqlite3';
import {systemClock} from '../../../../api/effects/clock.ts';
import {systemRandom} from '../../../../api/effects/random.ts';
import {openDatabase} from '../../../../api/storage/sqlite/database.ts';
import {latestVersion, migrate, migrations} from '../../../../api/storage/sqlite/migration.ts';
import {openSqliteStorage} from '../../../../api/storage/sqlite/sqlite-storage.ts';
import {aWorkspace} from '../../../contracts/storage/samples.ts';
import {temporaryFolder} from './temporary-folder.ts';

const schemaOf = (database: Sqlite.Database) =>
  database
    .prepare<[], {name: string; sql: string}>(
      "SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' AND name <> 'schema_version' ORDER BY name",
    )
    .all();

test('after the migrations TypeORM finds nothing to change', async t => {
  const {orm, connection} = await openDatabase(':memory:', systemClock);
  const {upQueries} = await orm.driver.createSchemaBuilder().log();
  t.deepEqual(
    upQueries.map(({query}) => query),
    [],
  );
  connection.exec('DROP INDEX resources_owner');
  const changed = await orm.driver.createSchemaBuilder().log();
  t.is(changed.upQueries.length, 1, 'a difference would be found');
  await orm.destroy();
});

test('each migration is recorded with its version, name and time', t => {
  const database = new Sqlite(':memory:');
  t.is(migrate(database, Date.parse('2026-11-20T10:00:00Z')), 0);
  t.deepEqual(database.prepare('SELECT version, name, applied_at FROM schema_version').all(), [
    {version: 1, name: 'resources', applied_at: '2026-11-20T10:00:00.000Z'},
    {version: 2, name: 'views', applied_at: '2026-11-20T10:00:00.000Z'},
    {version: 3, name: 'mark', applied_at: '2026-11-20T10:00:00.000Z'},
  ]);
  t.deepEqual(
    migrations.map(({version}) => version),
    Array.from(migrations, (_, index) => index + 1),
  );
  database.close();
});

test('every migration can be taken back, step by step, leaving no trace', t => {
  const database = new Sqlite(':memory:');
  const schemas = migrations.map(({version}) => {
    migrate(database, 0, version);
    return schemaOf(database);
  });
  for (let version = latestVersion; version > 0; version -= 1) {
    t.deepEqual(schemaOf(database), schemas[version - 1], `at version ${version}`);
    t.is(migrate(database, 0, version - 1), version);
  }

  t.deepEqual(schemaOf(database), []);
  t.deepEqual(database.prepare('SELECT * FROM schema_version').all(), []);
  migrate(database, 0);
  t.deepEqual(schemaOf(database), schemas.at(-1));
  database.close();
});

test('migrating twice changes nothing', t => {
  const database = new Sqlite(':memory:');
  migrate(database, 0);
  const before = schemaOf(database);
  t.is(migrate(database, 1), latestVersion);
  t.deepEqual(schemaOf(database), before);
  database.close();
});

test('a migration that fails half way leaves the schema as it was', t => {
  const database = new Sqlite(':memory:');
  database.exec('CREATE TABLE meta (x)');
  t.throws(() => migrate(database, 0), {message: /meta/});
  t.deepEqual(
    schemaOf(database).map(({name}) => name),
    ['meta'],
  );
  database.close();
});

test('a store of a newer version is refused, with what to do', async t => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/store.db`;
  const database = new Sqlite(path);
  migrate(database, 0);
  database.exec("INSERT INTO schema_version VALUES (99, 'future', '')");
  database.close();
  await t.throwsAsync(openSqliteStorage({path, clock: systemClock, random: systemRandom}), {
    message: /store\.db.*version 99.*newer nexus/,
  });
});

test('what is not a database, and what is no place for one, is refused by name', async t => {
  await using folder = await temporaryFolder();
  const text = await folder.write(
    'text.db',
    'this is not a database at all, but long enough to be taken for one',
  );
  const options = {clock: systemClock, random: systemRandom};
  await t.throwsAsync(openSqliteStorage({path: text, ...options}), {message: /text\.db.*not a database/});
  await t.throwsAsync(openSqliteStorage({path: folder.path, ...options}), {message: /can't be opened/});
  await t.throwsAsync(openSqliteStorage({path: `${text}/below.db`, ...options}), {
    message: /can't be opened/,
  });
});

test('a store that was migrated down and up again keeps its resources', async t => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/store.db`;
  const options = {path, clock: systemClock, random: systemRandom};
  const created = await (async () => {
    await using storage = await openSqliteStorage(options);
    return storage.create('Workspace', aWorkspace('a'));
  })();
  const database = new Sqlite(path);
  migrate(database, 0, 1);
  database.close();
  await using storage = await openSqliteStorage(options);
  t.deepEqual(await storage.get('Workspace', 'a'), created);
});
