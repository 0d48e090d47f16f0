// Tells how many watch a stream from who asked for its playlists lately: cheap, and honest about what it cannot see.

import type { Milliseconds } from '../../../protocols/units.js';
import { fingerprint } from './fingerprint.js';

/** Longer than the pause of any player between two reloads of a live playlist at the default segment duration. */
const VIEWER_WINDOW: Milliseconds = 15_000;

/** Viewers remembered of all streams together, some 100 bytes each whatever they send; the one seen longest ago makes room. */
const MAX_VIEWERS = 100_000;

/** A viewer that is seen again so soon keeps its place in the order, which costs more than looking it up. */
const RENEW_AFTER: Milliseconds = 1_000;

/** Of one stream, as long as it has any. */
interface Audience {
  viewers: number;
}

interface Sighting {
  readonly audience: Audience;
  readonly stream: string;
  readonly at: Milliseconds;
}

/**
 * Distinct pairs of client address and User-Agent that were given a media playlist in the last window. Viewers behind one
 * address with the same player count as one, and viewers behind a cache as the few requests it makes.
 */
export class Viewers {
  readonly #now: () => Milliseconds;
  readonly #limit: number;
  /** By fingerprint of stream, address and User-Agent: 14 kB of header must not be kept for 15 s. The oldest sighting first. */
  readonly #seen = new Map<number, Sighting>();
  readonly #audiences = new Map<string, Audience>();

  constructor(now: () => Milliseconds = () => performance.now(), limit = MAX_VIEWERS) {
    this.#now = now;
    this.#limit = limit;
  }

  /** @param address undefined for a proxy that does not say whom it asks for: it counts as one viewer for each User-Agent */
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

  /** Viewers remembered, of all streams. */
  get remembered(): number {
    return this.#seen.size;
  }

  /** Those that were not seen for a window, and the oldest of more than `room`. */
  #forget(now: Milliseconds, room: number): void {
    for (const [viewer, { audience, stream, at }] of this.#seen) {
      if (now - at < VIEWER_WINDOW && this.#seen.size <= room) return;
      this.#seen.delete(viewer);
      audience.viewers -= 1;
      if (audience.viewers === 0) this.#audiences.delete(stream);
    }
  }
}
