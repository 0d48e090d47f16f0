// Who may publish: whoever has the key. Wrong and missing keys get the same answer, and guessing gets slower.

import { createHash, randomInt, timingSafeEqual } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SluiceError } from '../protocols/errors.js';
import type { Milliseconds } from '../protocols/units.js';
import { accessError } from './errors.js';
import { FailureMemory } from './failure-memory.js';

export interface PublishAccessRequest {
  readonly app: string;
  readonly name: string;
  readonly query: URLSearchParams;
  readonly remoteAddress: string;
}

export type PublishAccessDecision =
  | { readonly allowed: true }
  | { readonly allowed: false; readonly error: SluiceError };

export interface PublishAccessPolicy {
  /** Never rejects. A refusal may take up to 4 s; a right key is answered at once, however often others were wrong. */
  check(request: PublishAccessRequest): Promise<PublishAccessDecision>;
}

export interface PublishAccessOptions {
  /** The secret; null opens publishing to everyone. */
  readonly key: string | null;
  /** Applications that may be published to; a publisher cannot make new ones. */
  readonly apps: readonly string[];
  /** Monotonic clock; injected by tests. */
  readonly now?: () => Milliseconds;
  /** Waits before a refusal; injected by tests. */
  readonly wait?: (duration: Milliseconds) => Promise<void>;
}

/** Query parameter of the stream key: `NAME?key=SECRET`. */
export const KEY_PARAMETER = 'key';
/** Refusals per address that come at once: people mistype. */
const FREE_FAILURES = 5;
const MAX_DELAY: Milliseconds = 4_000;

export function createPublishAccess(options: PublishAccessOptions): PublishAccessPolicy {
  const { key, apps, now = () => performance.now(), wait = waitWithoutHolding } = options;
  const expected = key === null ? undefined : digest(key);
  const failures = new FailureMemory();

  return {
    async check({ app, query, remoteAddress }) {
      // Digests have one length whatever was sent, so the comparison tells nothing, not even the length of the key.
      const keyFits = expected === undefined || timingSafeEqual(digest(query.get(KEY_PARAMETER) ?? ''), expected);
      if (keyFits && apps.includes(app)) return { allowed: true };
      const count = failures.record(remoteAddress, now());
      if (count > FREE_FAILURES) await wait(randomInt(refusalDelay(count)));
      return { allowed: false, error: accessError('access.publish-denied', DENIED) };
    },
  };
}

/** One text for every cause: it must not tell a guesser which applications there are. */
const DENIED = 'publishing was denied: check the application in the server URL, and the stream key NAME?key=SECRET';

/** Upper bound of the random delay: 0.5 s, 1 s, 2 s, then 4 s. */
function refusalDelay(failures: number): Milliseconds {
  return Math.min(MAX_DELAY, 250 * 2 ** Math.min(failures - FREE_FAILURES, 4));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** A pending refusal must not keep a closing process alive. */
async function waitWithoutHolding(duration: Milliseconds): Promise<void> {
  await sleep(duration, undefined, { ref: false });
}
