import type {Migration} from './migration.ts';

/** What the store says of a move between stores, as JSON: one row, if it was in one. */
export const mark: Migration = {
  version: 3,
  name: 'mark',
  up: ['CREATE TABLE "mark" ("id" integer PRIMARY KEY NOT NULL, "doc" text NOT NULL)'],
  down: ['DROP TABLE "mark"'],
};
