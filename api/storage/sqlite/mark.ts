import type {Database} from 'better-sqlite3';
import type {StoreMark} from '../moving/store-mark.ts';
import {storeMark} from '../moving/store-mark.ts';

/** Undefined when the store was never part of a move, or is of a version that knew of none. */
export function readMark(database: Database): StoreMark | undefined {
  const exists = database
    .prepare<[], number>("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'mark'")
    .pluck()
    .get();
  const text =
    exists === undefined
      ? undefined
      : database.prepare<[], string>('SELECT doc FROM mark WHERE id = 1').pluck().get();
  return text === undefined ? undefined : storeMark.parse(JSON.parse(text));
}

export function writeMark(database: Database, mark: StoreMark): void {
  database.prepare<[string]>('INSERT OR REPLACE INTO mark VALUES (1, ?)').run(JSON.stringify(mark));
}
