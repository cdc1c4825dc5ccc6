import type {Caller} from '../v1alpha1/admission.ts';
import type {Problem} from './error-response.ts';

/** What the middlewares of one request tell each other, in the order in which it is known. */
export type RequestState = {
  requestId: string;
  /** Of the route table, such as /api/v1/workspaces/{id}: for metrics. */
  route?: string;
  identity?: Caller;
  /** Of the token, for rate limits; no secret. */
  tokenId?: string;
  /** A bearer token that is none of ours: a GitHub token, where one is expected. */
  foreignToken?: string;
  /** A watch, a log or an upload: lasts as long as it lasts. */
  streaming?: boolean;
  /** Why it was refused. */
  problem?: Problem;
};
