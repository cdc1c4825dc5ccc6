import {z} from 'zod';
import type {ManifestDocument, TextIssue} from './manifest-document.ts';
import {issueLimit, parseDocuments} from './manifest-document.ts';
import {resourceName} from './metadata.ts';
import type {Service} from './service.ts';
import {service, serviceTemplate} from './service.ts';
import {checkServices} from './service-graph.ts';
import {explainIssue, formatPath, issuesOf} from './validate-issues.ts';
import {workspaceSpec} from './workspace.ts';

/** Where the short form lives in a repository. */
export const configFilePath = '.nexus/config.yaml';

const {owner, running, repo, provider, image, node, nodeSelector, resources, env, setup, deadlines} =
  workspaceSpec.shape;

/** The short form as people write it: a Workspace's spec at the top level, services by name. */
const shortForm = z.strictObject({
  name: resourceName.optional().describe("The repository folder's name by default."),
  owner: owner.optional(),
  running: running.unwrap().optional(),
  repo,
  provider,
  image,
  node,
  nodeSelector,
  resources,
  env,
  setup,
  services: z.record(resourceName, serviceTemplate).default({}),
  deadlines,
});

const serviceList = z.array(service).superRefine(checkServices);

/** What a short form says, its defaults filled in; what only the surroundings can tell is absent. */
export type ConfigFile = Omit<z.infer<typeof shortForm>, 'services'> & {
  /** In the order they are written. */
  readonly services: readonly Service[];
};

export type ConfigFileResult =
  | {readonly ok: true; readonly config: ConfigFile}
  | {readonly ok: false; readonly issues: readonly TextIssue[]};

/** Reads a `.nexus/config.yaml`. Pure; whatever the text, it answers with all that is wrong at once, each at its place. */
export function parseConfigFile(text: string): ConfigFileResult {
  const parsed = parseDocuments(text);
  if (!parsed.ok) {
    return parsed;
  }

  const [document, ...others] = parsed.documents;
  if (document === undefined) {
    return {ok: false, issues: [{path: '', message: 'is empty: it needs at least a name and services'}]};
  }

  if (others.length > 0) {
    return {ok: false, issues: [{path: '', message: 'holds several documents; the short form is one'}]};
  }

  return readConfigDocument(document);
}

/** Like {@link parseConfigFile}, for one document of several. */
export function readConfigDocument(document: ManifestDocument): ConfigFileResult {
  const result = shortForm.safeParse(prepare(document), {error: explainIssue});
  if (!result.success) {
    const issues = issuesOf(result.error, shortForm)
      .slice(0, issueLimit)
      .map(issue => ({...issue, ...document.locate(splitPath(issue.path))}));
    return {ok: false, issues};
  }

  const entries = Object.entries(result.data.services);
  const services = serviceList.safeParse(
    entries.map(([name, template]) => ({name, ...template})),
    {error: explainIssue},
  );
  if (!services.success) {
    const issues = services.error.issues.slice(0, issueLimit).map(({path: [index, ...rest], message}) => {
      const path = ['services', entries[Number(index)]?.[0] ?? '', ...rest];
      return {path: formatPath(path), message, ...document.locate(path)};
    });
    return {ok: false, issues};
  }

  return {ok: true, config: {...result.data, services: services.data}};
}

/** Whether a document is the short form: a resource says what kind it is. */
export function isShortForm({value}: ManifestDocument): boolean {
  return isRecord(value) && !('kind' in value) && !('apiVersion' in value);
}

/**
 * The document's value, made what people mean by it: a field that is left empty is absent, and values of environment variables
 * that YAML takes for numbers or booleans are the text that was written.
 */
function prepare(document: ManifestDocument): unknown {
  const {value} = document;
  if (!isRecord(value)) {
    return value;
  }

  const present = Object.fromEntries(Object.entries(value).filter(([, field]) => field !== null));
  const services = present.services;
  return {
    ...present,
    ...(isRecord(present.env) ? {env: asText(document, ['env'], present.env)} : {}),
    ...(isRecord(services)
      ? {
          services: Object.fromEntries(
            Object.entries(services).map(([name, template]) => [
              name,
              isRecord(template) && isRecord(template.env)
                ? {...template, env: asText(document, ['services', name, 'env'], template.env)}
                : template,
            ]),
          ),
        }
      : {}),
  };
}

function asText(
  document: ManifestDocument,
  path: readonly string[],
  env: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(env).map(([name, value]) => [
      name,
      typeof value === 'number' || typeof value === 'boolean'
        ? (document.source([...path, name]) ?? String(value))
        : value,
    ]),
  );
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The parts of what `formatPath` writes. */
export function splitPath(path: string): (string | number)[] {
  return [...path.matchAll(/\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]|([^.[\]]+)/g)].map(
    ([, index, quoted, word]): string | number => {
      if (index !== undefined) {
        return Number(index);
      }

      return quoted === undefined ? (word ?? '') : String(JSON.parse(quoted));
    },
  );
}
