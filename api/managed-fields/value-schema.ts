/** What is known of a value's shape, as structural schemas of Kubernetes say it. */
export type ValueSchema = {
  readonly type?: unknown;
  readonly properties?: Readonly<Record<string, ValueSchema>> | undefined;
  readonly items?: ValueSchema | undefined;
  readonly additionalProperties?: boolean | ValueSchema | undefined;
  readonly 'x-kubernetes-list-type'?: unknown;
  readonly 'x-kubernetes-list-map-keys'?: unknown;
  readonly 'x-kubernetes-map-type'?: unknown;
};

export type Mapping = Readonly<Record<string, unknown>>;

export function isMapping(value: unknown): value is Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** How the parts of a value are owned: each by itself, or the whole as one. */
export type Shape = 'leaf' | 'map' | 'list';

/** By the schema, and where that says nothing by the value itself. Lists are one whole unless the schema says otherwise. */
export function shapeOf(schema: ValueSchema | undefined, value: unknown): Shape {
  const type = schema?.type ?? (isMapping(value) ? 'object' : Array.isArray(value) ? 'array' : undefined);
  if (type === 'object') {
    return schema?.['x-kubernetes-map-type'] === 'atomic' ? 'leaf' : 'map';
  }

  const listType = schema?.['x-kubernetes-list-type'];
  return type === 'array' && (listType === 'map' || listType === 'set') ? 'list' : 'leaf';
}

/** A field that is declared by name, not one of a mapping of any names. */
export function isDeclared(schema: ValueSchema | undefined, name: string): boolean {
  return schema?.properties !== undefined && Object.hasOwn(schema.properties, name);
}

export function fieldSchema(schema: ValueSchema | undefined, name: string): ValueSchema | undefined {
  if (isDeclared(schema, name)) {
    return schema?.properties?.[name];
  }

  const rest = schema?.additionalProperties;
  return typeof rest === 'object' ? rest : undefined;
}

export function fieldStep(name: string): string {
  return `f:${name}`;
}

/** Of an item of a list whose items have keys, or are a set. */
export function itemStep(schema: ValueSchema | undefined, item: unknown): string {
  const keys = schema?.['x-kubernetes-list-map-keys'];
  if (schema?.['x-kubernetes-list-type'] === 'set' || !Array.isArray(keys)) {
    return `v:${JSON.stringify(item)}`;
  }

  const names = keys.map(String).sort();
  return `k:${JSON.stringify(Object.fromEntries(names.map(name => [name, isMapping(item) ? (item[name] ?? null) : null])))}`;
}
