import path from 'node:path';
import type {Cli} from '../cli.ts';
import {CliError} from '../exit-code.ts';
import type {StoreChoice} from './open-store.ts';

/** What commands that open a store take. */
export type StoreOptions = {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly namespace?: string;
};

/** Throws CliError `usage`. `option` is the one that says which kind. */
export function storeChoice(cli: Cli, kind: string, options: StoreOptions, option = '--store'): StoreChoice {
  const {kubeconfig, context, namespace} = options;
  if (kind === 'kubernetes') {
    return {
      kind: 'kubernetes',
      ...(kubeconfig === undefined ? {} : {kubeconfig: path.resolve(cli.cwd, kubeconfig)}),
      ...(context === undefined ? {} : {context}),
      ...(namespace === undefined ? {} : {namespace}),
    };
  }

  if (kind !== 'sqlite') {
    throw new CliError('usage', `${option} is sqlite or kubernetes, not "${kind}"`);
  }

  const stray = Object.entries({kubeconfig, context, namespace}).find(([, value]) => value !== undefined);
  if (stray !== undefined) {
    throw new CliError('usage', `--${stray[0]} is for ${option} kubernetes`);
  }

  return {kind: 'sqlite'};
}
