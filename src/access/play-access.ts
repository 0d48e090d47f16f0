// Who may watch over RTMP: everyone, because names are public. The question is asked all the same, so that an answer can be put here.

import type { SluiceError } from '../protocols/errors.js';

export interface PlayAccessRequest {
  readonly app: string;
  readonly name: string;
  /** May hold a secret: for this call only. */
  readonly query: URLSearchParams;
  readonly remoteAddress: string;
}

export type PlayAccessDecision = { readonly allowed: true } | { readonly allowed: false; readonly error: SluiceError };

export interface PlayAccessPolicy {
  /** Never rejects. */
  check(request: PlayAccessRequest): Promise<PlayAccessDecision>;
}

export function openPlayAccess(): PlayAccessPolicy {
  return { check: async () => ({ allowed: true }) };
}
