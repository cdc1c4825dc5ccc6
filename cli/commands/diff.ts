import type {Stored} from '../../api/v1alpha1/kinds.ts';
import type {Appliable} from '../apply/read-resources.ts';
import {readResources} from '../apply/read-resources.ts';
import {readSources} from '../apply/sources.ts';
import {desiredResource, effectOf, findExisting} from '../apply/write-resource.ts';
import type {Cli} from '../cli.ts';
import {connect} from '../connect.ts';
import {reportError} from '../error-report.ts';
import {CliError, exitCodes} from '../exit-code.ts';
import {toYaml} from '../output/format.ts';
import type {Tone} from '../output/style.ts';
import {printable} from '../output/table.ts';
import {unifiedDiff} from '../output/unified-diff.ts';
import {nameOf} from '../resource-name.ts';
import {callerName} from './apply.ts';

type DiffOptions = {readonly filename?: readonly string[]};

/**
 * Shows what apply would change and what that does to what runs. Answers with kubectl's exit codes: 0 the same, 1 different; whatever
 * goes wrong has a higher one.
 */
export async function diff(cli: Cli, options: DiffOptions): Promise<number> {
  try {
    return await compare(cli, options);
  } catch (error) {
    if (error instanceof Error && reportError(error).exitCode === exitCodes.failed.code) {
      throw new CliError('diffFailed', `could not compare: ${error.message}`, {cause: error});
    }

    throw error;
  }
}

async function compare(cli: Cli, {filename = []}: DiffOptions): Promise<number> {
  const sources = await readSources(cli, filename);
  await using client = await connect(cli);
  const resources = await readResources(sources, {
    env: cli.env,
    signal: cli.signal,
    caller: await callerName(client, cli.signal),
  });
  let differs = false;
  for (const declared of resources) {
    const existing = await findExisting(client, declared.resource, cli.signal);
    const wanted = await desiredResource(declared, {existing, client, cli, upload: false});
    const lines = unifiedDiff(existing === undefined ? [] : linesOf(existing), linesOf(wanted));
    if (lines.length === 0) {
      continue;
    }

    differs = true;
    const name = nameOf({kind: wanted.kind, name: wanted.metadata.name});
    cli.print(cli.style('strong', `--- ${existing === undefined ? 'nothing' : `${name} (on the server)`}`));
    cli.print(cli.style('strong', `+++ ${name} (${declared.source})`));
    for (const line of lines) {
      cli.print(cli.style(toneOf(line), printable(line)));
    }

    for (const line of effectLines(wanted, existing)) {
      cli.print(line);
    }
  }

  return differs ? exitCodes.failed.code : exitCodes.ok.code;
}

function linesOf({apiVersion, kind, metadata, spec}: Stored | Appliable): string[] {
  const {name, labels = {}, annotations = {}} = metadata;
  return toYaml({
    apiVersion,
    kind,
    metadata: {
      name,
      ...(Object.keys(labels).length === 0 ? {} : {labels: sorted(labels)}),
      ...(Object.keys(annotations).length === 0 ? {} : {annotations: sorted(annotations)}),
    },
    spec: sortedDeep(spec),
  }).split('\n');
}

/** The order of keys says nothing. */
function sortedDeep(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(sortedDeep);
  }

  return typeof value === 'object' && value !== null
    ? Object.fromEntries(
        Object.entries(sorted(value))
          .filter(([, field]) => field !== undefined)
          .map(([key, field]) => [key, sortedDeep(field)]),
      )
    : value;
}

function sorted(value: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1)));
}

function toneOf(line: string): Tone | undefined {
  return line.startsWith('+')
    ? 'added'
    : line.startsWith('-')
      ? 'removed'
      : line.startsWith('@')
        ? 'dim'
        : undefined;
}

function effectLines(wanted: Appliable, existing: Stored | undefined): string[] {
  const effect = effectOf(wanted, existing);
  if (effect === undefined || effect.changes.length === 0) {
    return [];
  }

  return [
    '',
    'Effect on the workspace:',
    ...effect.changes.map(({path, message}) => `  ${path} ${message}`),
    ...(effect.effect === 'recreate'
      ? [
          '  A new container is needed: apply refuses without --recreate, and never replaces one with unsaved work.',
        ]
      : []),
  ];
}
