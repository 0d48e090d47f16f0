// Tells how many watch a stream from who asked for its playlists lately: cheap, and honest about what it cannot see.

import type { Milliseconds } from '../../../protocols/units.js';

/** Longer than the pause of any player between two reloads of a live playlist at the default segment duration. */
const VIEWER_WINDOW: Milliseconds = 15_000;

/** Viewers told apart for one stream; a flood of made-up ones is not worth more memory. */
const MAX_VIEWERS = 50_000;

interface Audience {
  /** Since `since`. */
  current: Set<string>;
  /** In the window before. */
  previous: Set<string>;
  since: Milliseconds;
}

/**
 * Distinct pairs of client address and User-Agent that were given a media playlist in the last window. Viewers behind one
 * address with the same player count as one, and viewers behind a cache as the few requests it makes.
 */
export class Viewers {
  readonly #now: () => Milliseconds;
  readonly #audiences = new Map<string, Audience>();

  constructor(now: () => Milliseconds = () => performance.now()) {
    this.#now = now;
  }

  /** @param address undefined for a proxy that does not say whom it asks for: it counts as one viewer for each User-Agent */
  saw(app: string, name: string, address: string | undefined, userAgent: string | undefined): void {
    const now = this.#now();
    const key = `${app}/${name}`;
    let audience = this.#audiences.get(key);
    if (audience === undefined) {
      audience = { current: new Set(), previous: new Set(), since: now };
      this.#audiences.set(key, audience);
    }
    turn(audience, now);
    if (audience.current.size < MAX_VIEWERS) audience.current.add(`${address ?? ''} ${userAgent ?? ''}`);
  }

  count(app: string, name: string): number {
    const audience = this.#audiences.get(`${app}/${name}`);
    if (audience === undefined) return 0;
    turn(audience, this.#now());
    if (audience.current.size === 0 && audience.previous.size === 0) this.#audiences.delete(`${app}/${name}`);
    // Early in a window most of the audience is only in the one before.
    return Math.max(audience.current.size, audience.previous.size);
  }

  /** Streams that anybody watches; forgets the others. */
  get streams(): number {
    for (const key of [...this.#audiences.keys()]) {
      const slash = key.indexOf('/');
      this.count(key.slice(0, slash), key.slice(slash + 1));
    }
    return this.#audiences.size;
  }
}

function turn(audience: Audience, now: Milliseconds): void {
  const age = now - audience.since;
  if (age < VIEWER_WINDOW) return;
  audience.previous = age < 2 * VIEWER_WINDOW ? audience.current : new Set();
  audience.current = new Set();
  audience.since = now;
}
