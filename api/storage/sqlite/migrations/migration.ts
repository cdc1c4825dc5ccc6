/** One step of the schema. Once released it never changes; a later step corrects it. */
export type Migration = {
  readonly version: number;
  readonly name: string;
  readonly up: readonly string[];
  readonly down: readonly string[];
};
