import type {Dispatcher} from 'undici';
import {request} from 'undici';
import {z} from 'zod';
import {RequestError} from './request-error.ts';

export type GithubAccount = {readonly login: string; readonly id: number};

/** Asks GitHub whom a token belongs to: the only proof of a GitHub identity that is accepted. */
export type GithubIdentity = {
  /**
   * Throws RequestError: `Unauthorized` for a token that GitHub does not know, `TooManyRequests` or `ServiceUnavailable` when it can't be asked
   * at present.
   */
  whoami(token: string, signal: AbortSignal): Promise<GithubAccount>;
};

const account = z.object({login: z.string(), id: z.int()});

/** Milliseconds until GitHub must have answered. */
const timeout = 10_000;

export function createGithubIdentity({
  baseUrl = 'https://api.github.com',
  dispatcher,
}: {
  /** Of the REST API; of GitHub Enterprise: https://HOST/api/v3. */
  baseUrl?: string;
  dispatcher?: Dispatcher;
} = {}): GithubIdentity {
  return {
    async whoami(token, signal) {
      const {statusCode, headers, body} = await request(`${baseUrl.replace(/\/$/, '')}/user`, {
        headers: {
          accept: 'application/vnd.github+json',
          authorization: `Bearer ${token}`,
          'user-agent': 'nexus',
          'x-github-api-version': '2022-11-28',
        },
        headersTimeout: timeout,
        bodyTimeout: timeout,
        signal,
        ...(dispatcher === undefined ? {} : {dispatcher}),
      }).catch((cause: unknown) => {
        signal.throwIfAborted();
        throw unavailable('GitHub could not be asked who this is: it can not be reached', cause);
      });
      const text = await body.text().catch((cause: unknown) => {
        throw unavailable('GitHub was cut off while it answered', cause);
      });
      if (statusCode === 200) {
        return parseAccount(text);
      }

      throw refused(statusCode, headers, text);
    },
  };
}

function parseAccount(text: string): GithubAccount {
  try {
    return account.parse(JSON.parse(text));
  } catch (cause) {
    throw unavailable('GitHub answered with something that is not understood', cause);
  }
}

function refused(
  status: number,
  headers: Readonly<Record<string, string | string[] | undefined>>,
  text: string,
): RequestError {
  if (status === 401) {
    return new RequestError('Unauthorized', 'GitHub does not know this token', {
      hint: 'Log in again: `gh auth login`, then `nexus auth github`.',
    });
  }

  // 403 is also how GitHub says that the rate limit is used up.
  if (
    status === 429 ||
    (status === 403 && (headers['x-ratelimit-remaining'] === '0' || /rate limit/i.test(text)))
  ) {
    const retryAfter = Number(headers['retry-after'] ?? Number.NaN);
    return new RequestError('TooManyRequests', "GitHub's rate limit for this token is used up", {
      hint: 'Wait until GitHub lets it ask again (at most an hour), or ask an admin to register you.',
      retryAfter: Number.isFinite(retryAfter) ? retryAfter : 60,
    });
  }

  if (status === 403) {
    return new RequestError('Forbidden', 'GitHub does not let this token read whom it belongs to', {
      hint: 'It may need to be authorised for single sign-on; see `gh auth status`.',
    });
  }

  return unavailable(`GitHub answered ${status} when it was asked who this is`, undefined);
}

function unavailable(message: string, cause: unknown): RequestError {
  return new RequestError('ServiceUnavailable', message, {
    hint: 'Nothing was changed. Try again; an admin can register users without GitHub.',
    retryAfter: 10,
    cause,
  });
}
