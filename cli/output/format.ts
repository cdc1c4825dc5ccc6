import {stringify} from 'yaml';
import type {Stored} from '../../api/v1alpha1/kinds.ts';
import {kinds} from '../../api/v1alpha1/kinds.ts';
import {CliError} from '../exit-code.ts';
import {evaluateJsonPath} from './json-path.ts';

export type Format =
  | {readonly type: 'table'; readonly wide: boolean}
  | {readonly type: 'json' | 'yaml' | 'name'}
  | {readonly type: 'jsonpath'; readonly path: string};

export const formatNames = ['table', 'wide', 'json', 'yaml', 'name', 'jsonpath=PATH'];

/** What `-o` was given. Throws CliError. */
export function parseFormat(text: string | undefined): Format {
  switch (text) {
    case undefined:
    case 'table': {
      return {type: 'table', wide: false};
    }

    case 'wide': {
      return {type: 'table', wide: true};
    }

    case 'json':
    case 'yaml':
    case 'name': {
      return {type: text};
    }

    default: {
      if (text.startsWith('jsonpath=')) {
        return {type: 'jsonpath', path: text.slice('jsonpath='.length)};
      }

      throw new CliError('usage', `there is no output format "${text}"`, {
        hint: `Formats are ${formatNames.join(', ')}.`,
      });
    }
  }
}

/** `items` as programs read them: one by itself when `single`, else as a List. */
export function formatResources(
  items: readonly Stored[],
  format: Exclude<Format, {type: 'table'}>,
  {single}: {readonly single: boolean},
): string {
  if (format.type === 'name') {
    return items.map(({kind, metadata}) => `${kinds[kind].singular}/${metadata.name}`).join('\n');
  }

  const [first] = items;
  const value = single && first !== undefined ? first : {apiVersion: 'v1', kind: 'List', items};
  if (format.type === 'jsonpath') {
    return evaluateJsonPath(format.path, value).map(asText).join(' ');
  }

  return format.type === 'json' ? JSON.stringify(value, undefined, 2) : toYaml(value);
}

/** YAML without line folding, since commands in it must stay what they are. */
export function toYaml(value: unknown): string {
  return stringify(value, {lineWidth: 0, aliasDuplicateObjects: false}).trimEnd();
}

export function asText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
