import {access} from 'node:fs/promises';
import path from 'node:path';
import Sqlite from 'better-sqlite3';
import {writeBackup} from '../../api/storage/sqlite/backup.ts';
import type {Cli} from '../cli.ts';
import {CliError} from '../exit-code.ts';

/** Copies the store of this home, without the server's help and without being in its way. */
export async function backupStore(cli: Cli, file: string): Promise<void> {
  const source = path.join(cli.home, 'nexus.sqlite');
  try {
    await access(source);
  } catch (error) {
    throw new CliError('notFound', `there is no store in ${cli.home}`, {
      hint: 'Run this on the machine of the server, with its NEXUS_HOME.',
      cause: error,
    });
  }

  const target = path.resolve(cli.cwd, file);
  const database = new Sqlite(source, {readonly: true, fileMustExist: true});
  try {
    await writeBackup(database, target);
  } finally {
    database.close();
  }

  cli.print(`the store was copied to ${target}`);
}
