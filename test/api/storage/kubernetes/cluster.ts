import {execFile} from 'node:child_process';
import {access, mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {promisify} from 'node:util';
import test from 'ava';
import type {Output} from '../../../e2e/program.ts';
import {runProgram} from '../../../e2e/program.ts';

const run = promisify(execFile);
const root = path.join(import.meta.dirname, '../../../..');

/** A Kubernetes API server that has Nexus's definitions. */
export type Cluster = AsyncDisposable & {
  readonly kubeconfig: string;
  /** The folder of one that was started for the test; undefined when it was given. */
  readonly folder: string | undefined;
  /** The folder of the definitions that were installed. */
  readonly definitions: string;
  /** Runs kubectl. */
  run(args: readonly string[], input?: string): Promise<Output>;
  /** Its standard output. Rejects with its standard error. */
  kubectl(args: readonly string[], input?: string): Promise<string>;
  /** Asks whether a manifest would be taken, as strictly as kubectl of today does. */
  tryCreate(plural: string, manifest: string): Promise<Output>;
  /** Writes a workspace's status, as old versions of kubectl can't. */
  putStatus(namespace: string, name: string, status: object): Promise<Output>;
};

/** The folder with the scripts that start an API server: $NEXUS_ENVTEST, or beside the checkout; undefined without. */
export async function findEnvtest(): Promise<string | undefined> {
  const folder = process.env.NEXUS_ENVTEST ?? path.join(root, '../shared/envtest');
  return access(path.join(folder, 'up')).then(
    () => folder,
    () => undefined,
  );
}

/** The API server of $NEXUS_TEST_KUBECONFIG, or one of its own; undefined where there is none, or no kubectl. */
export async function findCluster(): Promise<Cluster | undefined> {
  const given = process.env.NEXUS_TEST_KUBECONFIG;
  const hasKubectl = await run('kubectl', ['version', '--client']).then(
    () => true,
    () => false,
  );
  if (!hasKubectl) {
    return undefined;
  }

  return given === undefined ? startCluster() : prepared(given, undefined);
}

/** One of its own, which the test may stop and start; undefined where there is none. */
export async function startCluster(): Promise<Cluster | undefined> {
  const scripts = await findEnvtest();
  if (scripts === undefined) {
    return undefined;
  }

  const folder = await mkdtemp(path.join(tmpdir(), 'nexus-envtest-'));
  const up = async (attempts: number): Promise<string> => {
    try {
      return (await run(path.join(scripts, 'up'), [folder])).stdout.trim();
    } catch (error) {
      // It gives itself half a minute, which a busy machine may not have had for it.
      await run(path.join(scripts, 'down'), [folder]);
      if (attempts === 1) {
        throw error;
      }

      return up(attempts - 1);
    }
  };
  return prepared(await up(3), {scripts, folder});
}

async function prepared(
  kubeconfig: string,
  own: {scripts: string; folder: string} | undefined,
): Promise<Cluster> {
  const call = (args: readonly string[], stdin?: string) =>
    runProgram('kubectl', ['--kubeconfig', kubeconfig, ...args], {
      cwd: root,
      env: process.env,
      ...(stdin === undefined ? {} : {stdin}),
    });
  const kubectl = async (args: readonly string[], input?: string) => {
    const {code, stdout, stderr} = await call(args, input);
    if (code !== 0) {
      throw new Error(`kubectl ${args.join(' ')}: ${stderr}`);
    }

    return stdout;
  };
  const definitions = path.join(root, 'crds');
  await kubectl(['apply', '-f', definitions]);
  await kubectl(['wait', '--for=condition=Established', '--timeout=60s', '-f', definitions]);
  return {
    kubeconfig,
    folder: own?.folder,
    definitions,
    run: call,
    kubectl,
    tryCreate(plural, manifest) {
      const {namespace} = JSON.parse(manifest).metadata;
      const url = `/apis/nexus.dev/v1alpha1/namespaces/${namespace}/${plural}?dryRun=All&fieldValidation=Strict`;
      return call(['create', '--raw', url, '-f', '-'], manifest);
    },
    async putStatus(namespace, name, status) {
      const of = `/apis/nexus.dev/v1alpha1/namespaces/${namespace}/workspaces/${name}`;
      const workspace = JSON.parse(await kubectl(['get', '--raw', of]));
      return call(['replace', '--raw', `${of}/status`, '-f', '-'], JSON.stringify({...workspace, status}));
    },
    async [Symbol.asyncDispose]() {
      if (own !== undefined) {
        await run(path.join(own.scripts, 'down'), [own.folder]);
        await rm(own.folder, {recursive: true, force: true, maxRetries: 10, retryDelay: 100});
      }
    },
  };
}

/** Counts as skipped, or as failed in CI, what needs an API server. */
export function needsCluster(what: string): void {
  const title = `${what}: needs kubectl and a Kubernetes API server (NEXUS_TEST_KUBECONFIG or NEXUS_ENVTEST)`;
  if (process.env.CI) test(title, t => t.fail('in CI nothing is skipped'));
  else test.skip(title, t => t.fail());
}
