// Estimates how many viewers a stream has from the recent requests for its playlists.

import type { Milliseconds } from '../../../protocols/units.js';

/** Longer than the time between two reloads of a live playlist in any player, at the default segment duration. */
const VIEWER_WINDOW: Milliseconds = 15_000;

/**
 * Maximum number of remembered viewers, for all streams together. Each takes about 100 bytes, whatever it sends. Beyond this, the viewer
 * seen longest ago is dropped.
 */
const MAX_VIEWERS = 100_000;

/** A viewer that is seen again within this time is not moved to the end of the order, because moving costs more than the look-up. */
const RENEW_AFTER: Milliseconds = 1_000;

/** The viewers of one stream. Exists while it has any. */
interface Audience {
  viewers: number;
}

interface Sighting {
  readonly audience: Audience;
  readonly stream: string;
  readonly at: Milliseconds;
}

/**
 * Counts distinct pairs of client address and User-Agent that got a media playlist or MPD within the window. Viewers with the same address
 * and player count as one. All viewers behind a cache count as one, because only the cache is seen.
 */
export class Viewers {
  readonly #now: () => Milliseconds;
  readonly #limit: number;
  /** By fingerprint of stream, address and User-Agent: 14 kB of headers must not be kept for 15 s. The oldest sighting is first. */
  readonly #seen = new Map<number, Sighting>();
  readonly #audiences = new Map<string, Audience>();

  constructor(now: () => Milliseconds = () => performance.now(), limit = MAX_VIEWERS) {
    this.#now = now;
    this.#limit = limit;
  }

  /** @param address undefined for a proxy that does not name its client: its viewers are distinguished by User-Agent only */
  saw(app: string, name: string, address: string | undefined, userAgent: string | undefined): void {
    const at = this.#now();
    const stream = `${app}/${name}`;
    const viewer = fingerprint(stream, address ?? '', userAgent ?? '');
    const before = this.#seen.get(viewer);
    if (before !== undefined) {
      if (at - before.at < RENEW_AFTER) return;
      this.#seen.delete(viewer);
      this.#seen.set(viewer, { ...before, at });
      return;
    }
    this.#forget(at, this.#limit - 1);
    let audience = this.#audiences.get(stream);
    if (audience === undefined) {
      audience = { viewers: 0 };
      this.#audiences.set(stream, audience);
    }
    audience.viewers += 1;
    this.#seen.set(viewer, { audience, stream, at });
  }

  count(app: string, name: string): number {
    this.#forget(this.#now(), this.#limit);
    return this.#audiences.get(`${app}/${name}`)?.viewers ?? 0;
  }

  /** Number of viewers remembered, of all streams. */
  get remembered(): number {
    return this.#seen.size;
  }

  /** Drops viewers that were not seen within the window, and the oldest ones if there are more than `room`. */
  #forget(now: Milliseconds, room: number): void {
    for (const [viewer, { audience, stream, at }] of this.#seen) {
      if (now - at < VIEWER_WINDOW && this.#seen.size <= room) return;
      this.#seen.delete(viewer);
      audience.viewers -= 1;
      if (audience.viewers === 0) this.#audiences.delete(stream);
    }
  }
}

/** Odd constants whose bits are well mixed, so that each character affects every bit of the result (Knuth's multiplicative hashing). */
const MULTIPLIERS = [0x9e3779b1, 0x85ebca77] as const;
const SEED = 0x2545f491;
/** A number holds 53 bits exactly: 32 come from one half of the hash, these from the other. */
const HIGH_BITS = 21;

/**
 * Maps texts of any length to a number, to distinguish them without keeping them. Not for secrets: collisions can be constructed. Among
 * 100,000 texts, the probability of any collision is below one in a million.
 * @returns an integer of 53 bits
 */
export function fingerprint(...texts: readonly string[]): number {
  let low = SEED;
  let high = ~SEED;
  for (const text of texts) {
    for (let index = 0; index < text.length; index++) {
      const code = text.charCodeAt(index);
      low = Math.imul(low ^ code, MULTIPLIERS[0]);
      low ^= low >>> 15;
      high = Math.imul(high ^ code, MULTIPLIERS[1]);
      high ^= high >>> 13;
    }
    // Marks the end of a text, because ('a', 'bc') and ('ab', 'c') must differ.
    low = Math.imul(low ^ 0x10000, MULTIPLIERS[1]);
    high = Math.imul(high ^ 0x10000, MULTIPLIERS[0]);
  }
  low = Math.imul(low ^ (low >>> 16), MULTIPLIERS[1]);
  high = Math.imul(high ^ (high >>> 16), MULTIPLIERS[0]);
  low ^= high >>> 11;
  return (low >>> 0) + (high >>> (32 - HIGH_BITS)) * 2 ** 32;
}
