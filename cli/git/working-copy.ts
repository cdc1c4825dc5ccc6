import path from 'node:path';
import {repository} from '../../api/v1alpha1/repository.ts';
import {CliError} from '../exit-code.ts';
import type {Outcome} from '../spawned.ts';
import {runProgram} from '../spawned.ts';

/** A git working copy, as far as a workspace depends on it. */
export type WorkingCopy = {
  readonly folder: string;
  /** Of HEAD. */
  readonly commit: string;
  /** Undefined when no branch is checked out. */
  readonly branch: string | undefined;
  /** Address of origin, if a server could clone from it. */
  readonly url: string | undefined;
  /** Whether origin answered, and has HEAD. */
  readonly pushed: boolean;
  /** Whether there is work that is not committed. */
  readonly dirty: boolean;
};

type Options = {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
};

/** Milliseconds that a remote has to answer. */
const remoteTimeout = 15_000;

/** The working copy that `folder` is in; undefined when it is in none. Throws CliError for one that has no commit yet. */
export async function readWorkingCopy(folder: string, options: Options): Promise<WorkingCopy | undefined> {
  const top = await git(folder, ['rev-parse', '--show-toplevel'], options);
  if (top.code !== 0) {
    if (top.stderr.includes('dubious ownership')) {
      throw new CliError('failed', `git refuses to work in ${folder}: it belongs to another user`, {
        hint: `If you trust it: git config --global --add safe.directory ${folder}`,
      });
    }

    return undefined;
  }

  const root = top.stdout.trimEnd();
  const head = await git(root, ['rev-parse', '--verify', '--quiet', 'HEAD^{commit}'], options);
  if (head.code !== 0) {
    throw new CliError('usage', `the repository in ${root} has no commit yet`, {
      hint: 'Commit what the workspace should hold: git add . && git commit',
    });
  }

  const commit = head.stdout.trim();
  const [symbolic, status, origin] = await Promise.all([
    git(root, ['symbolic-ref', '--short', '--quiet', 'HEAD'], options),
    git(root, ['status', '--porcelain', '--untracked-files=normal'], options),
    git(root, ['remote', 'get-url', 'origin'], options),
  ]);
  const branch = symbolic.code === 0 ? symbolic.stdout.trim() : undefined;
  const given = origin.code === 0 ? origin.stdout.trim() : undefined;
  const url = given !== undefined && repository.shape.url.safeParse(given).success ? given : undefined;
  return {
    folder: root,
    commit,
    branch,
    url,
    pushed: url !== undefined && branch !== undefined && (await isPushed(root, {branch, commit, ...options})),
    dirty: status.stdout !== '',
  };
}

/** The folder that a repository is cloned to: the last part of its address, or of where it lies here, made a plain name. */
export function repositoryName({url, folder}: Pick<WorkingCopy, 'url' | 'folder'>): string {
  const last =
    url
      ?.split(/[/:]/)
      .at(-1)
      ?.replace(/\.git$/, '') ?? path.basename(folder);
  const plain = last
    .replaceAll(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[-.]+/, '')
    .slice(0, 100);
  return plain === '' ? 'repository' : plain;
}

/** The account in an address of a host that has accounts: `github.com/OWNER/name`. */
export function repositoryOwner(url: string | undefined): string | undefined {
  const owner =
    /(?:github\.com|gitlab\.com|bitbucket\.org|codeberg\.org)[/:]([A-Za-z0-9][A-Za-z0-9-]{0,38})\/[^/]+$/.exec(
      url ?? '',
    );
  return owner?.[1];
}

/** Asks the remote itself: what was fetched last may be old, and a server that cannot be reached is as good as none. */
async function isPushed(
  folder: string,
  {branch, commit, ...options}: Options & {readonly branch: string; readonly commit: string},
): Promise<boolean> {
  const listed = await git(folder, ['ls-remote', '--quiet', 'origin', `refs/heads/${branch}`], {
    ...options,
    env: {
      ...options.env,
      GIT_TERMINAL_PROMPT: '0',
      GIT_SSH_COMMAND: options.env.GIT_SSH_COMMAND ?? 'ssh -o BatchMode=yes -o ConnectTimeout=10',
    },
    timeout: remoteTimeout,
  });
  const tip = listed.code === 0 ? listed.stdout.split(/\s/)[0] : undefined;
  if (tip === undefined || tip === '') {
    return false;
  }

  return (
    tip === commit || (await git(folder, ['merge-base', '--is-ancestor', commit, tip], options)).code === 0
  );
}

export function git(
  folder: string,
  args: readonly string[],
  {env, signal, timeout}: Options & {readonly timeout?: number},
): Promise<Outcome> {
  return runProgram('git', ['-C', folder, ...args], {
    env: {...env, LC_ALL: 'C'},
    signal,
    ...(timeout === undefined ? {} : {timeout}),
  });
}
