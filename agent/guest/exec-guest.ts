import {Duplex} from 'node:stream';
import type {GitCredential} from '../../api/agent/v1alpha1/instance.ts';
import type {Logger} from '../../api/effects/logger.ts';
import type {Driver} from '../driver.ts';
import type {BundleCache} from '../repository/bundle-cache.ts';
import {parseFacts, parseInspection} from './git-facts.ts';
import {gitFailure} from './git-failure.ts';
import type {CloneOptions, Guest} from './guest.ts';
import {GuestError} from './guest-error.ts';
import type {ScriptOptions} from './run-script.ts';
import {runScript} from './run-script.ts';
import {scripts} from './scripts.ts';
import {openServiceSession} from './service-session.ts';
import {parseSetupResult} from './setup-result.ts';
import {environmentFile} from './shell-quote.ts';

export type ExecGuestOptions = {
  /** Which driver holds this uid. Throws AgentError. */
  readonly driverOf: (uid: string) => Driver;
  readonly bundles: BundleCache;
  readonly log: Logger;
};

type RootScript = Omit<ScriptOptions, 'user' | 'args'> & {readonly args?: readonly string[]};

/** Works inside instances by what their driver can execute there; needs bash, git and, for services, systemd or runit in the image. */
export function createExecGuest({driverOf, bundles, log}: ExecGuestOptions): Guest {
  const git = async (
    uid: string,
    name: 'clone' | 'fetch',
    {repository, credential}: CloneOptions,
    signal: AbortSignal,
  ) => {
    const {directory, url = '', branch = '', bundle} = repository;
    const input = bundle === undefined ? credentialLines(credential, url) : await bundles.open(bundle.digest);
    const {exitCode, output, complaint} = await runScript(driverOf(uid), uid, {
      user: 'dev',
      name: `nexus-${name}`,
      script: scripts[name],
      args: [directory, url, branch, bundle?.commit ?? '', credential?.type ?? 'none'],
      input,
      signal,
    });
    if (exitCode !== 0) {
      throw gitFailure(complaint, exitCode, secretsOf(credential));
    }
    return parseFacts(output);
  };

  const asRoot = async (uid: string, options: RootScript) => {
    const {exitCode, output, complaint} = await runScript(driverOf(uid), uid, {
      args: [],
      ...options,
      user: 'root',
    });
    if (exitCode !== 0) {
      throw new GuestError(
        'CommandFailed',
        complaint.trim() || `${options.name} ended with exit code ${exitCode}`,
      );
    }
    return output;
  };

  return {
    clone: (uid, options, signal) => git(uid, 'clone', options, signal),
    fetch: (uid, options, signal) => git(uid, 'fetch', options, signal),

    async inspect(uid, {directory = '', savedCommits, alone}, signal) {
      const args = [directory, ...savedCommits];
      const {exitCode, output, complaint} = await runScript(driverOf(uid), uid, {
        ...(alone === undefined
          ? {user: 'dev', script: scripts.inspect, args}
          : {
              user: 'root',
              script: scripts.alone,
              args: [String(alone.grace / 1000), scripts.inspect, ...args],
            }),
        name: 'nexus-inspect',
        signal,
      });
      if (exitCode !== 0) {
        throw gitFailure(complaint, exitCode, []);
      }
      const {reasons, ...inspection} = parseInspection(output);
      log.debug({uid, reasons}, 'looked for unsaved work');
      return inspection;
    },

    async setEnvironment(uid, env, signal) {
      await asRoot(uid, {
        name: 'nexus-environment',
        script: scripts.environment,
        input: environmentFile(env),
        signal,
      });
    },

    async setup(uid, {hash, commands, directory, env}, {signal, onStep}) {
      const lines = [environmentFile(env), ...commands].map(
        text => `${Buffer.from(text).toString('base64')}\n`,
      );
      const output = await asRoot(uid, {
        name: 'nexus-setup',
        script: scripts.setup,
        args: [hash, directory],
        input: lines.join(''),
        signal,
        onLine(line) {
          const step = /^step (\d{1,3})$/.exec(line)?.[1];
          if (step !== undefined) {
            onStep(Number(step));
          }
        },
      });
      const outcome = parseSetupResult(output);
      if (outcome === undefined) {
        throw new GuestError('Internal', 'the setup ended without a result');
      }
      return outcome;
    },

    async cancelSetup(uid) {
      await asRoot(uid, {
        name: 'nexus-cancel-setup',
        script: scripts.cancelSetup,
        signal: new AbortController().signal,
      });
    },

    services: (uid, signal) => openServiceSession(driverOf(uid), uid, signal),

    async connect(uid, port) {
      const {stdin, stdout, stderr, exitCode} = await driverOf(uid).exec(uid, {
        command: ['/bin/bash', '-c', connectScript, 'nexus-connect', String(port)],
        user: 'dev',
      });
      stderr.resume();
      exitCode.catch(() => {});
      return Duplex.from({readable: stdout, writable: stdin});
    },

    async logs(uid, {source, follow, tail, signal}) {
      const name = source.type === 'service' ? source.name : '';
      const lines = tail === undefined ? 'all' : String(tail);
      const command = [
        '/bin/bash',
        '-c',
        scripts.logs,
        'nexus-logs',
        source.type,
        name,
        lines,
        follow ? 'yes' : '',
      ];
      const {stdin, stdout, stderr, exitCode} = await driverOf(uid).exec(uid, {
        command,
        user: 'root',
        directory: '/',
        signal,
      });
      stdin.end();
      stderr.resume();
      exitCode.catch(() => {});
      return stdout;
    },
  };
}

const connectScript = `
if command -v socat >/dev/null; then exec socat STDIO "TCP:localhost:$1"; fi
exec 3<>"/dev/tcp/127.0.0.1/$1" || exit 1
cat <&3 &
cat >&3
wait
`;

/** What the git scripts read from standard input. */
function credentialLines(credential: GitCredential | undefined, url: string): string {
  if (credential === undefined) {
    return '';
  }
  if (credential.type === 'sshKey') {
    return `${encode(credential.privateKey)}\n${encode(credential.knownHosts ?? '')}\n`;
  }
  const {protocol, host} = new URL(url);
  const [username, password] = [credential.username, credential.password].map(encodeURIComponent);
  return `${encode(`${protocol}//${username}:${password}@${host}\n`)}\n`;
}

function encode(text: string): string {
  return Buffer.from(text).toString('base64');
}

function secretsOf(credential: GitCredential | undefined): readonly string[] {
  if (credential === undefined) {
    return [];
  }
  return credential.type === 'password'
    ? [credential.password, encodeURIComponent(credential.password)]
    : [credential.privateKey];
}
