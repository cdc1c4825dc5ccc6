/** Of `config.yaml` as this program writes and reads it. */
export const settingsVersion = 1;

type Fields = Readonly<Record<string, unknown>>;

/** From the version that is the index to the next. */
const migrations: readonly ((fields: Fields) => Fields)[] = [
  // Version 0 had no version, and names in camel case.
  fields => ({
    version: 1,
    ...Object.fromEntries(
      Object.entries(fields).map(([name, value]) => [
        name.replaceAll(/[A-Z]/g, letter => `_${letter.toLowerCase()}`),
        value,
      ]),
    ),
  }),
];

/** `value` in the present version's form. What is no mapping, or of a version that is not known, comes back as it is, to be refused. */
export function migrateSettings(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return value;
  }

  let fields: Fields = {...value};
  const version = fields.version ?? 0;
  if (typeof version !== 'number') {
    return fields;
  }

  for (const migrate of migrations.slice(version)) {
    fields = migrate(fields);
  }

  return fields;
}
