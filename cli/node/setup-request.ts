import type {SetupNodeRequest} from '../../api/node-setup/messages.ts';
import {CliError} from '../exit-code.ts';

export type NodeAddOptions = {
  readonly user?: string;
  readonly port?: string;
  readonly identity?: string;
  readonly hostKey?: string;
  readonly replaceHostKey?: boolean;
  readonly label?: readonly string[];
  readonly bootstrapPassword?: boolean;
  readonly yes?: boolean;
  readonly output?: string;
};

/** What the server is asked for first. Throws CliError `usage`. */
export function setupRequest(address: string, options: NodeAddOptions): SetupNodeRequest {
  const {user, port, identity, hostKey, label} = options;
  return {
    address,
    ...(user === undefined ? {} : {user}),
    ...(port === undefined ? {} : {port: parsePort(port)}),
    ...(identity === undefined ? {} : {identity_file: identity}),
    ...(hostKey === undefined ? {} : {host_key: hostKey.trim().split(/\s+/).slice(0, 2).join(' ')}),
    ...(hostKey !== undefined && options.replaceHostKey === true ? {replace_host_key: true} : {}),
    ...(label === undefined ? {} : {labels: parseLabels(label)}),
  };
}

function parsePort(text: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port < 1 || port > 65_535) {
    throw new CliError('usage', `--port wants a number up to 65535, not "${text}"`);
  }

  return port;
}

function parseLabels(texts: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    texts.map(text => {
      const [key = '', ...value] = text.split('=');
      if (value.length === 0) {
        throw new CliError('usage', `--label wants KEY=VALUE, not "${text}"`);
      }

      return [key, value.join('=')];
    }),
  );
}
