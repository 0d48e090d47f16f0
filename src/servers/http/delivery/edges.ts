// Recognizes requests from edges: caches in front of the gateway that know a secret. An edge that checks tickets itself removes them from the path,
// so that it caches each object once for all viewers, and states in the same header that it has checked a ticket. This statement replaces a ticket,
// but never the proof at an entry.
//
//   X-Sluice-Edge: SECRET            the request came through an edge
//   X-Sluice-Edge: SECRET checked    and its viewer had a ticket that the edge found valid

import { createHash, timingSafeEqual } from 'node:crypto';
import type { RawRequest } from './exchange.js';

export interface EdgesOptions {
  /** All of them are accepted, so that a secret can be replaced while edges still send the old one. */
  readonly secrets: readonly string[];
  /** Whether media is sent only to edges. */
  readonly only: boolean;
}

/** What the header of a request says about its edge. */
export type EdgeWord = 'none' | 'came-through' | 'checked-ticket';

const HEADER = 'x-sluice-edge';
const CHECKED = ' checked';
/** Secrets have up to 256 characters. A longer header is not examined. */
const MAX_HEADER_LENGTH = 256 + CHECKED.length;

export class Edges {
  readonly #digests: readonly Buffer[];
  readonly only: boolean;

  constructor({ secrets, only }: EdgesOptions) {
    this.#digests = secrets.map(digest);
    this.only = only;
  }

  wordOf({ headers }: Pick<RawRequest, 'headers'>): EdgeWord {
    const value = headers[HEADER];
    if (typeof value !== 'string' || value.length > MAX_HEADER_LENGTH) return 'none';
    const isChecked = value.endsWith(CHECKED);
    const sent = digest(isChecked ? value.slice(0, -CHECKED.length) : value);
    // Digests have the same length, and all of them are compared: the time shows neither how much of a secret was right, nor which one.
    const isKnown = this.#digests.filter((known) => timingSafeEqual(known, sent)).length > 0;
    if (!isKnown) return 'none';
    return isChecked ? 'checked-ticket' : 'came-through';
  }
}

function digest(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}
